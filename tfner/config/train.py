"""Settings of a training run: one dataclass, read from TOML, `--set` and flags.

A field's name is the key in the TOML file, the argument in Python and, with dashes, the
flag on the command line. Sections only order the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfner.config import base as settings
from tfner.config.base import Settings, setting


def _data(default: Any, help: str, **about: Any) -> Any:
    return setting(default, help, section="data", **about)


def _model(default: Any, help: str, **about: Any) -> Any:
    return setting(default, help, section="model", **about)


def _training(default: Any, help: str, **about: Any) -> Any:
    return setting(default, help, section="training", **about)


_ELECTRA = {
    "learning_rate": 1e-4,
    "layerwise_lr_decay": 0.8,
    "warmup": 0.1,
    "weight_decay": 0.01,
    "adam_epsilon": 1e-6,
    "bias_correction": False,
    "clip_norm": 1.0,
    "dropout": 0.0,
}
PRESETS: dict[str, dict[str, Any]] = {
    "electra-small": _ELECTRA,
    "electra-base": _ELECTRA,
    "electra-large": {**_ELECTRA, "learning_rate": 5e-5, "layerwise_lr_decay": 0.9},
    "mrc": {
        "task": "span",
        "epochs": 20,
        "batch_size": 16,
        "max_length": 128,
        "learning_rate": 3e-5,
        "warmup": 0.0,
        "weight_decay": 0.01,
        "adam_beta2": 0.98,
        "cycle_momentum": True,
        "clip_norm": 1.0,
        "dropout": 0.3,
        "hidden_dropout": 0.1,
        "attention_dropout": 0.1,
        "span_candidates": "pred_and_gold",
        "span_weight": 0.1,
    },
}
"""Published settings by name: `TrainConfig(**PRESETS["electra-base"], train=…)`.

Source: google-research/electra configure_finetuning.py, model/optimization.py,
finetune/tagging/tagging_tasks.py (no dropout before the tagging head);
ShannonAI/mrc-for-flat-nested-ner train/mrc_ner_trainer.py, scripts/mrc_ner/reproduce.
Its one-cycle schedule without warm-up falls linearly from the peak, as tfner's does;
PyTorch's cycles Adam's first moment with it, unasked.
"""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Settings):
    """Everything that decides a training run.

    `tfner train --help` lists the meaning of every field.

    Raises:
        ConfigError: values out of range or that contradict each other, all at once.
    """

    train: str = _data("", "Training corpus.", needed=True)
    dev: str | None = _data(None, "Corpus that selects the best epoch.")
    test: str | None = _data(None, "Corpus scored once, at the end.")
    format: str | None = _data(None, "Format of the corpora; by file name if not set.")
    from_scheme: str | None = _data(
        None, "Tag scheme of the corpora; detected if not set."
    )
    join: str = _data(
        "auto",
        "How words of column files make a text.",
        choices=("auto", "space", "none"),
    )
    word_column: int = _data(0, "Column of the word in column files.")
    tag_column: int = _data(-1, "Column of the tag in column files.")
    labels: tuple[str, ...] = _data(
        (), "Labels in order; those of the training corpus, sorted, if not set."
    )
    limit: int | None = _data(None, "Only the first N training sentences.", low=1)
    dev_fraction: float = _data(
        0.1,
        "Share of the training corpus held out where no dev corpus is given; 0 trains "
        "on everything and keeps the last epoch.",
        low=0,
        high=0.9,
    )
    dev_seed: int = _data(
        0, "Decides which sentences are held out, the same ones in every trial.", low=0
    )
    words: str | None = _data(
        None,
        "Words of the corpus, or the tokenizer's own as in serving; if not set, its "
        "own for languages without spaces (MeCab's for Japanese), else the corpus's.",
        choices=("gold", "own"),
    )
    misaligned: str = _data(
        "split",
        "Training entities that begin or end inside a word: split the word, expand the "
        "entity, or drop it.",
        choices=("split", "expand", "drop"),
    )
    label_pieces: str = _data(
        "first",
        "Pieces of a word that are training targets.",
        choices=("first", "all"),
    )
    max_length: int = _data(128, "Pieces of a window, special ones included.", low=3)
    overlap: int | None = _data(
        None, "Pieces that windows share; a quarter of a window if not set.", low=0
    )
    on_overflow: str = _data(
        "window",
        "What becomes of text longer than a window.",
        choices=("window", "error", "truncate"),
    )
    context: int = _data(
        0,
        "Neighbouring sentences of the document shown on either side, unlabelled, as "
        "far as a window has room.",
        low=0,
    )
    queries: str | None = _data(
        None,
        "JSON of label -> query for --task span; FILE#NAME takes one of several. Those "
        "of the training corpus, or the labels' names, if not set.",
    )
    negative_rate: float = _data(
        1.0,
        "Share of the questions without an answer that --task span trains on.",
        low=0,
        high=1,
    )
    layout: str = _data(
        "packed",
        "How windows fill the rows of a batch.",
        choices=("packed", "bucketed", "padded"),
    )

    task: str = _model("token", "What is learned.", choices=("token", "span"))
    encoder: str = _model(
        "",
        "Encoder and its tokenizer: Hugging Face directory or hub id, or a BERT or "
        "ELECTRA checkpoint of TensorFlow 1 (DIR, DIR/model.ckpt-N, DIR#generator).",
        needed=True,
    )
    scheme: str = _model("IOB2", "Tag scheme that the model predicts.")
    nested: bool = _model(
        True,
        "Let the entities of --task span nest and overlap; else the best are kept.",
    )
    head: str = _model(
        "softmax",
        "Predict each word's tag by itself, or with its neighbours' (CRF).",
        choices=("softmax", "crf"),
    )
    decode: str | None = _model(
        None,
        "Each word's likeliest tag, or the likeliest sequence that the scheme allows; "
        "viterbi with a CRF, else argmax, if not set.",
        choices=("argmax", "viterbi"),
    )
    dropout: float = _model(0.1, "Dropout before the head.", low=0, high=0.9)
    hidden_dropout: float | None = _model(
        None, "Dropout in the encoder; as its config says if not set.", low=0, high=0.9
    )
    attention_dropout: float | None = _model(
        None, "Dropout of attention; as the config says if not set.", low=0, high=0.9
    )
    lower_case: bool | None = _model(
        None, "Lower-casing of a bare vocabulary; guessed if not set."
    )
    word_splitter: str | None = _model(
        None, "What finds words in raw text; guessed if not set."
    )
    dictionary: str | None = _model(
        None, "MeCab's: ipadic, unidic_lite, unidic or a directory."
    )
    user_dictionary: str | None = _model(
        None, "MeCab's: a compiled one, or a CSV file; it travels with the model."
    )

    epochs: int = _training(3, "Passes over the training corpus.", low=1)
    batch_size: int = _training(
        32,
        "Windows per update, on all devices together; on average where packed.",
        low=1,
    )
    accumulate: int = _training(
        1,
        "Parts in which a device computes its share of a batch, one after the other: "
        "less memory, the same update.",
        low=1,
    )
    learning_rate: float = _training(5e-5, "Highest learning rate.", low=0)
    warmup: float = _training(
        0.1, "Share of the steps in which the rate rises.", low=0, high=1
    )
    weight_decay: float = _training(
        0.01, "Decay of weights, biases and norms excepted.", low=0
    )
    layerwise_lr_decay: float = _training(
        1.0,
        "Rate of a layer as a share of that of the layer above; 1 gives all the same.",
        low=0,
        high=1,
    )
    adam_epsilon: float = _training(
        1e-8, "Added to the root of Adam's second moment.", low=0
    )
    adam_beta2: float = _training(
        0.999, "Share of Adam's second moment that a step keeps.", low=0, high=0.99999
    )
    bias_correction: bool = _training(
        True, "Correct Adam's moments for their start at 0; ELECTRA and BERT do not."
    )
    cycle_momentum: bool = _training(
        False,
        "Adam's first moment keeps 0.85 of itself at the highest rate and 0.95 at the "
        "lowest, as in PyTorch's one-cycle schedule; 0.9 if not.",
    )
    clip_norm: float = _training(
        1.0, "Largest global norm of the gradient; 0 does not clip.", low=0
    )
    loss: str = _training(
        "crossentropy",
        "Of words; focal counts those that are predicted well less.",
        choices=("crossentropy", "focal"),
    )
    focal_gamma: float | None = _training(
        None, "How much less the focal loss counts them; 2 if not set.", low=0
    )
    label_smoothing: float = _training(
        0.0, "Share of a word's target spread over all tags.", low=0, high=0.9
    )
    class_weights: str = _training(
        "none",
        "How much a word counts by its tag: none, balanced (rare tags more), or a list "
        "such as O=0.5,B-PER=2.",
    )
    span_candidates: str = _training(
        "pred_and_gold",
        "Pairs of a start and an end that --task span learns from: all, those that are "
        "predicted or gold, these and half of the others, or gold ones.",
        choices=("all", "pred_and_gold", "pred_gold_random", "gold"),
    )
    span_loss: str = _training(
        "bce",
        "Of --task span: binary cross-entropy, or dice.",
        choices=("bce", "dice"),
    )
    span_weight: float = _training(
        0.1, "Weight of the pairs in its loss; starts and ends have 1 each.", low=0
    )
    tune_thresholds: bool = _training(
        False,
        "Of --task span: after training set its thresholds to those with the best F1 "
        "on dev.",
    )
    seed: int = _training(
        0, "Decides head, order of the data and dropout.", low=0, high=4_000_000
    )
    trials: int = _training(1, "Runs with the seeds seed, seed + 1, ….", low=1)
    best: str = _training(
        "f1", "What dev selects the epoch by.", choices=("f1", "loss")
    )
    ema: float | None = _training(
        None,
        "Score and save the moving average of the weights, of which this share is kept "
        "at every step; not averaged if not set.",
        low=0,
        high=0.99999,
    )
    freeze: int | None = _training(
        None,
        "Keep the embeddings and that many of the lowest layers as they are; all are "
        "trained if not set.",
        low=0,
    )
    precision: str = _training(
        "float32",
        "What the encoder computes in while it learns; weights and the saved model are "
        "float32.",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
    )
    recompute: bool = _training(
        False, "Compute layers again for the gradient: less memory, more time."
    )
    strategy: str = _training(
        "auto",
        "Devices to train on: all GPUs of this machine (mirrored), the workers of "
        "TF_CONFIG, a TPU, or one device; auto takes the first that is there.",
        choices=("auto", "none", "mirrored", "multi-worker", "tpu"),
    )
    tpu: str | None = _training(
        None, "Name or address of the TPU, or local for the one of this machine."
    )
    steps_per_execution: int | None = _training(
        None, "Steps per call of the device; 32 on a TPU, else 1, if not set.", low=1
    )
    jit_compile: bool = _training(True, "Compile the train step with XLA.")

    show_mistakes: int = _training(
        0, "After each epoch print N dev sentences with a mistake, as columns.", low=0
    )
    save_steps: int | None = _training(
        None, "Write a checkpoint every N steps too, not only after epochs.", low=1
    )
    keep_epochs: bool = _training(
        False,
        "Keep a bundle of every epoch, too: OUTPUT/epochs/1, 2, ….",
    )
    output: str = _training("", "Where the bundle is written.", needed=True)
    tensorboard: str | None = _training(
        None, "Directory of curves for TensorBoard, with one run per seed."
    )
    overwrite: bool = _training(False, "Replace an existing output when done.")
    resume: bool = _training(False, "Go on after the last finished epoch.")

    def contradictions(self) -> list[str]:
        """Settings that do not go together."""
        problems = []
        if self.overwrite and self.resume:
            problems.append("`overwrite` and `resume` contradict each other.")
        if self.tpu and self.strategy not in ("auto", "tpu"):
            problems.append(
                f"`tpu` and `strategy` {self.strategy} contradict each other."
            )
        return problems


def read_settings(
    path: Path | None, assignments: Sequence[str], flags: Mapping[str, Any]
) -> dict[str, Any]:
    """Settings of a training run: see `tfner.config.base.read_settings`."""
    return settings.read_settings(TrainConfig, PRESETS, path, assignments, flags)
