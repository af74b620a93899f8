"""Settings of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tfner.config import files, limits
from tfner.config.base import Settings, with_leaves
from tfner.config.choices import (
    Best,
    Decode,
    Head,
    LabelPieces,
    Layout,
    Loss,
    Misaligned,
    Overflow,
    Pool,
    Recipe,
    SpanCandidates,
    SpanLoss,
    TokenizerSplitter,
    Words,
)
from tfner.config.reading import ReadingConfig
from tfner.config.sections import Section, documented, setting
from tfner.config.shared import DevicesConfig, OptimizationConfig, SavingConfig

_ELECTRA = {
    "learning_rate": 1e-4,
    "layerwise_lr_decay": 0.8,
    "warmup_ratio": 0.1,
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
        "warmup_ratio": 0.0,
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


@documented
@dataclass(frozen=True, kw_only=True)
class DataConfig(ReadingConfig):
    """The corpora, and how their files are read."""

    heading = "Corpora"
    first = ("train", "dev", "test")

    train: str = setting("", needed=True, metavar="FILE")
    """Training corpus."""
    dev: str | None = setting(None, metavar="FILE")
    """Corpus that selects the best epoch."""
    test: str | None = setting(None, metavar="FILE")
    """Corpus that is scored once, at the end."""
    limit: int | None = setting(None, low=1, high=1_000_000_000)
    """Use the first N training sentences alone."""
    dev_fraction: float | None = setting(None, low=0, high=0.9, metavar="SHARE")
    """Share of the training corpus held out where no dev corpus is given; 0 trains on
    everything and keeps the last epoch; decided by the recipe if not set."""
    dev_seed: int = setting(0, low=0, high=limits.SEED)
    """Seed that decides which sentences are held out, the same ones in every trial."""


@documented
@dataclass(frozen=True, kw_only=True)
class TokenizerConfig(Section):
    """Settings of the tokenizer that its files leave open."""

    heading = "Tokenizer"

    tokenizer_directory: str | None = setting(None, metavar="DIR", flag="tokenizer")
    """Tokenizer of an encoder that carries none; that of the encoder if not set."""
    lower_case: bool | None = None
    """Lower-case the text, where the tokenizer's files do not say; guessed if not
    set."""
    word_splitter: TokenizerSplitter | None = None
    """What splits raw text into words; guessed if not set."""
    dictionary: str | None = setting(None, metavar="NAME")
    """Dictionary of MeCab: ipadic, unidic_lite, unidic or a directory."""
    user_dictionary: str | None = setting(None, metavar="FILE")
    """User dictionary of MeCab, compiled or a CSV file; it travels with the model."""


@documented
@dataclass(frozen=True, kw_only=True)
class ModelConfig(Section):
    """The encoder and its dropout."""

    heading = "Encoder"

    encoder: str = setting("", needed=True, metavar="DIR")
    """Encoder with its tokenizer: a name that `tfner encoders` lists, a Hugging Face
    directory or hub id, a model that `tfner train` wrote, a KerasHub preset (DIR,
    keras_hub:NAME), or a BERT or ELECTRA checkpoint of TensorFlow 1 (DIR,
    DIR/model.ckpt-N, DIR#generator)."""
    dropout: float = setting(0.1, low=0, high=0.9, metavar="RATE")
    """Dropout between the encoder and the head."""
    hidden_dropout: float | None = setting(None, low=0, high=0.9, metavar="RATE")
    """Dropout in the encoder; that of its config.json if not set."""
    attention_dropout: float | None = setting(None, low=0, high=0.9, metavar="RATE")
    """Dropout of the attention weights; that of config.json if not set."""
    freeze: int | None = setting(None, low=0, high=limits.LAYERS)
    """Keep the embeddings and the N lowest layers as they are; all learn if not set."""
    lora: int | None = setting(None, low=1, high=limits.WIDTH, metavar="RANK")
    """Keep the encoder as it is, and learn beside the head a change of this rank of
    each product of its layers (LoRA), which is merged into the model that is saved."""
    lora_alpha: int | None = setting(None, low=1, high=limits.FACTOR, metavar="N")
    """Scale of that change, which counts N / RANK times; as large as RANK if not
    set."""
    lora_only: bool = False
    """Save what was learned alone, without the encoder, which must be there to
    predict."""

    def contradictions(self) -> list[str]:
        """Settings of LoRA without LoRA."""
        if self.lora is not None:
            return []
        given = (("lora_alpha", self.lora_alpha), ("lora_only", self.lora_only))
        return [
            f"`{name}` is a setting of LoRA. Received: {name}={value} without a rank. "
            "Give --lora RANK, or leave it out."
            for name, value in given
            if value
        ]


@documented
@dataclass(frozen=True, kw_only=True)
class TaskConfig(Section):
    """Labels, words and windows, which every task has."""

    heading = "What is learned"
    kinds: ClassVar[dict[str, type[Section]]] = {}

    def __init_subclass__(cls) -> None:
        TaskConfig.kinds[cls.name] = cls

    labels: tuple[str, ...] = setting((), metavar="LABELS")
    """Labels in order, several with commas; those of the training corpus, sorted, if
    not set."""
    scheme: str = setting("IOB2", metavar="SCHEME")
    """Tag scheme that the model predicts."""
    words: Words | None = None
    """Words of the corpus (gold), or those into which raw text is cut in serving (own);
    if not set, gold where both agree at 99 % of the entity borders, else own."""
    misaligned: Misaligned = "split"
    """Training entities with a boundary inside a word: split the word, expand the
    entity to the whole word, or drop it."""
    max_length: int = setting(128, low=3, high=limits.LENGTH)
    """Pieces of a window, special ones included."""
    overlap: int | None = setting(None, low=0, high=limits.LENGTH)
    """Pieces that neighbouring windows share; a quarter of a window if not set."""
    on_overflow: Overflow = "window"
    """Text longer than a window: cut it into windows, refuse it, or truncate it."""


@documented
@dataclass(frozen=True, kw_only=True)
class TokenConfig(TaskConfig):
    """A tag for every word."""

    name = "token"
    heading = "A tag per word (--task token)"

    head: Head = "softmax"
    """Predict the tag of each word by itself, or together with its neighbours'
    (crf)."""
    decode: Decode | None = None
    """Take the likeliest tag of each word, or the likeliest sequence that the scheme
    allows; decided by the recipe if not set."""
    label_pieces: LabelPieces = "first"
    """Pieces of a word that are training targets."""
    pool: Pool = "first"
    """Which of a word's pieces its tag is read from: the first, the last, or the mean,
    the largest values or a learned average of them all."""
    context: int | None = setting(None, low=0, high=1_000)
    """Neighbouring sentences of the document shown on either side, without targets, as
    far as a window has room; decided by the recipe if not set."""
    loss: Loss = "crossentropy"
    """Loss of a word; focal counts words less that are predicted well."""
    focal_gamma: float | None = setting(None, low=0, high=1_000, metavar="X")
    """How much less the focal loss counts them; 2 if not set."""
    label_smoothing: float = setting(0.0, low=0, high=0.9, metavar="SHARE")
    """Share of the target of a word that is spread over all tags."""
    class_weights: str = setting("none", metavar="WEIGHTS")
    """Weight of a word by its tag: none, balanced (rare tags count more), or a list
    such as O=0.5,B-PER=2."""


@documented
@dataclass(frozen=True, kw_only=True)
class SpanConfig(TaskConfig):
    """Spans that answer a query for every label, and may nest."""

    name = "span"
    heading = "Spans for a query per label (--task span)"

    queries: str | None = setting(None, metavar="FILE")
    """JSON file of label -> query; FILE#NAME takes one of several. Those of the
    training corpus, or the names of the labels, if not set."""
    nested: bool = True
    """Let entities nest and overlap; otherwise the best that do not are kept."""
    negative_rate: float = setting(1.0, low=0, high=1, metavar="SHARE")
    """Share of the queries without an answer that are trained on."""
    span_candidates: SpanCandidates = "pred_and_gold"
    """Pairs of a start and an end to learn from: all, those that are predicted or gold,
    these and half of the others, or gold ones."""
    span_loss: SpanLoss = "bce"
    """Binary cross-entropy, or dice."""
    span_weight: float = setting(0.1, low=0, high=limits.FACTOR, metavar="X")
    """Weight of the pairs in the loss; starts and ends have 1 each."""
    tune_thresholds: bool = False
    """After training set the thresholds to those with the best F1 on dev."""


@documented
@dataclass(frozen=True, kw_only=True)
class OptimizerConfig(OptimizationConfig):
    """The optimizer, its schedule, and the choice of the best epoch."""

    first = ("recipe", "epochs")

    recipe: Recipe = "auto"
    """What decides settings that are not set: the corpus and the encoder, or what is
    published for BERT (3 epochs, batches of 32, a rate of 5e-5)."""
    epochs: int | None = setting(None, low=1, high=100_000)
    """Passes over the training corpus; decided by the recipe if not set."""
    batch_size: int | None = None
    """Windows per update, on all devices together, an average where rows are packed;
    decided by the recipe if not set."""
    learning_rate: float | None = None
    """Highest learning rate; decided by the recipe if not set."""
    warmup_ratio: float | None = None
    """Share of the steps in which the learning rate rises; decided by the recipe if not
    set."""
    layout: Layout = "packed"
    """How windows fill the rows of a batch: several in a row, rows of similar lengths,
    or rows of one length."""
    layerwise_lr_decay: float | None = setting(None, low=0, high=1, metavar="SHARE")
    """Learning rate of a layer as a share of that of the layer above, where 1 gives all
    the same; decided by the recipe if not set."""
    adam_beta2: float = setting(0.999, low=0, high=0.99999, metavar="SHARE")
    """Share of Adam's second moment that a step keeps."""
    cycle_momentum: bool = False
    """Let Adam's first moment keep 0.85 of itself at the highest learning rate and 0.95
    at the lowest, as in PyTorch's one-cycle schedule; 0.9 otherwise."""
    ema: float | None = setting(None, low=0, high=0.99999, metavar="SHARE")
    """Score and save the moving average of the weights, of which every step keeps this
    share; not averaged if not set."""
    best: Best | None = None
    """Score of dev that selects the epoch that is kept, or last for the last one;
    decided by the recipe if not set."""
    patience: int | None = setting(None, low=0, high=100_000)
    """End the run when dev has not become better for N epochs, 0 for never; decided by
    the recipe if not set."""
    trials: int = setting(1, low=1, high=10_000)
    """Number of runs, with the seeds SEED, SEED + 1, …."""

    def contradictions(self) -> list[str]:
        """To wait for a better score, and to keep the last epoch whatever it is."""
        problems = super().contradictions()
        if self.patience and self.best == "last":
            problems.append("`patience` and `best` last contradict each other.")
        return problems


@documented
@dataclass(frozen=True, kw_only=True)
class OutputConfig(SavingConfig):
    """The output of a training run, and what it shows."""

    save_every: int | None = setting(None, low=1, high=limits.STEPS)
    """Write a checkpoint every N steps too, not only after each epoch."""
    keep_epochs: bool = False
    """Keep a bundle of every epoch, too: OUTPUT/epochs/1, 2, …."""
    show_mistakes: int = setting(0, low=0, high=1_000_000)
    """After each epoch show N dev sentences with a mistake, as columns."""
    tensorboard: str | None = setting(None, metavar="DIR")
    """Directory of curves for TensorBoard, with one run per seed."""


@with_leaves
@dataclass(frozen=True, init=False)
class TrainConfig(Settings):
    """Everything that decides a training run, in sections.

    Settings are given by their names, `TrainConfig(train="a.conll", epochs=3)`, or as
    whole sections, `TrainConfig(data=DataConfig(train="a.conll"))`.

    Raises:
        ConfigError: names that do not exist, values out of range or that contradict
            each other, all at once.
    """

    renamed: ClassVar = {
        "borders": "misaligned",
        "format": "from_format",
        "save_steps": "save_every",
        "warmup": "warmup_ratio",
    }
    former: ClassVar = {"word_column": 0, "tag_column": -1}
    before: ClassVar = {"recipe": "published", "patience": 0, "context": 0}
    removed: ClassVar = {
        "prefilter": "is gone: all queries of span extraction are run. Leave it out."
    }
    moved: ClassVar = {
        "training": (),
        "data": (
            *("labels", "words", "label_pieces", "max_length", "overlap", "layout"),
            *("misaligned", "on_overflow", "context", "queries", "negative_rate"),
        ),
        "model": (
            *("task", "scheme", "nested", "head", "decode", "lower_case"),
            *("word_splitter", "dictionary", "user_dictionary"),
        ),
    }

    data: DataConfig
    model: ModelConfig
    tokenizer: TokenizerConfig
    task: TaskConfig
    """What is learned: a tag for every word, or spans that answer a query for every
    label and may nest."""
    optimizer: OptimizerConfig
    devices: DevicesConfig
    saving: OutputConfig


def read_settings(
    path: Path | None, assignments: Sequence[str], flags: Mapping[str, Any]
) -> dict[str, Any]:
    """Settings of a training run: see `tfner.config.files.read_settings`."""
    return files.read_settings(TrainConfig, PRESETS, path, assignments, flags)
