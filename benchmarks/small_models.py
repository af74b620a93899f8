"""Small models of every kind, whole: what the benchmark of damaged models damages."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TEXT = "anna met bert in paris and rome on monday . we met in oslo , too ."
JAPANESE = "本日 は 晴天 なり 東京 の 天気 、 太郎 が 京都 に 行く 。"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LENGTH = 24

EXPORTS = ("saved_model", "onnx", "openvino", "litert")

Loader = Callable[[Path], Any]


def make_all(folder: Path) -> None:
    """Write a directory of every kind, named after it.

    Args:
        folder: is made.
    """
    vocabulary = wordpiece(folder / "wordpiece")
    for head in ("softmax", "crf"):
        _tagger(folder / f"bundle_{head}", vocabulary, head=head)
    _spans(folder / "bundle_spans", vocabulary)
    _tagger(folder / "bundle_keras", vocabulary, encoder=_keras_encoder())
    _foreign(folder, folder / "bundle_softmax")
    _bpe(folder / "bpe")
    _sentencepiece(folder / "sentencepiece")
    _japanese(folder / "japanese")
    for name in ("wordpiece", "bpe", "sentencepiece"):
        saved(folder / f"saved_{name}", folder / name)
    for digests in folder.rglob("digests.json"):  # else no other file would be read
        digests.unlink()
    _run(folder / "run")


def make_export(folder: Path, format: str) -> None:
    """Write an export of a bundle, which may take a minute.

    Args:
        folder: of `make_all`; gets it under the name of the format.
        format: one of `EXPORTS`, whose engine is installed.
    """
    from tfner import Bundle
    from tfner_export.exporter import Serving
    from tfner_export.publish import export

    bundle, place = Bundle.load(folder / "bundle_softmax"), folder / "exports"
    rows: dict[str, Any] = {}
    if format == "saved_model":
        rows = {"max_length": LENGTH, "max_rows": 8}
    name = format.replace("_", "-")
    made = export(bundle, place, format=name, serving=Serving(**rows))
    shutil.move(made.directory, folder / format)
    shutil.rmtree(place, ignore_errors=True)
    (folder / format / "digests.json").unlink()


def wordpiece(folder: Path) -> Path:
    """Write a bare vocabulary; returns its file."""
    folder.mkdir(parents=True)
    words = sorted({*TEXT.split()})
    pieces = [*SPECIAL, *words, *(f"##{letter}" for letter in "abcdeinorst")]
    content = "".join(f"{piece}\n" for piece in pieces)
    (folder / "vocab.txt").write_text(content, encoding="utf-8")
    return folder


def _encoder(vocab_size: int) -> Any:
    from tfner.models.encoders.bert import Encoder

    return Encoder(
        vocab_size=vocab_size,
        hidden_size=8,
        num_layers=1,
        num_heads=2,
        intermediate_size=16,
        max_positions=LENGTH,
        initializer_range=0.3,
    )


def _keras_encoder() -> Any:
    import keras

    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in names}
    rows = keras.layers.Embedding(100, 8)(inputs["input_ids"])
    return keras.Model(inputs, keras.layers.Conv1D(8, 3, padding="same")(rows))


def _tagger(
    folder: Path, vocabulary: Path, *, encoder: Any = None, head: str = "softmax"
) -> None:
    from tfner.schemes import LabelSet
    from tfner.tasks.token_classification import TokenClassification
    from tfner.tokenization import load_tokenizer

    tokenizer, labels = load_tokenizer(vocabulary), LabelSet(["PER", "LOC"])
    task = TokenClassification(tokenizer, labels, max_length=LENGTH, head=head)
    _save(folder, task, encoder or _encoder(tokenizer.vocab_size))


def _spans(folder: Path, vocabulary: Path) -> None:
    from tfner.schemes import LabelSet
    from tfner.tasks.span_extraction import SpanExtraction
    from tfner.tokenization import load_tokenizer

    tokenizer = load_tokenizer(vocabulary)
    task = SpanExtraction(
        tokenizer, LabelSet(["PER"]), queries={"PER": "anna"}, max_length=LENGTH
    )
    _save(folder, task, _encoder(tokenizer.vocab_size))


def _save(folder: Path, task: Any, encoder: Any) -> None:
    import keras

    from tfner.inference.native_bundle import build, save_bundle
    from tfner.inference.predictor import Predictor
    from tfner.inference.runners import KerasRunner

    keras.utils.set_random_seed(0)
    model = task.build(encoder)
    build(model)
    save_bundle(
        folder,
        task=task,
        model=model,
        training={"epochs": 0},
        metrics={"dev": {"f1": 0.5}, "history": [{"epoch": 1, "loss": 0.5}]},
        selftest=Predictor(task, KerasRunner(model)).selftest([TEXT]),
    )


def _foreign(folder: Path, bundle: Path) -> None:
    """The same tagger as transformers and google-research have it."""
    from safetensors.numpy import load_file

    from tfner import Bundle
    from tfner.checkpoints.google import save_google_checkpoint
    from tfner.checkpoints.huggingface import save_token_classifier
    from tfner.storage.atomic import write_json
    from tfner.tokenization.for_transformers import save_for_transformers

    trained = Bundle.load(bundle)
    task, model = trained.task, trained.load_model()
    for name in ("huggingface", "torch"):
        save_token_classifier(model, task.label_set, folder / name)
        save_for_transformers(task.tokenizer, folder / name, longest=LENGTH)
    save_google_checkpoint(model, folder / "google")
    task.tokenizer.save(folder / "google")
    write_json(folder / "google" / "labels.json", task.label_set.to_json())
    try:
        import torch
    except ImportError:
        shutil.rmtree(folder / "torch")
        return
    stored = folder / "torch" / "model.safetensors"
    tensors = {name: torch.tensor(array) for name, array in load_file(stored).items()}
    torch.save(tensors, folder / "torch" / "pytorch_model.bin")
    stored.unlink()


def _bpe(folder: Path) -> None:
    import tokenizers

    made = tokenizers.ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made.train_from_iterator([TEXT] * 9, vocab_size=320, special_tokens=special)
    folder.mkdir()
    made.save_model(str(folder))


def _sentencepiece(folder: Path) -> None:
    import sentencepiece

    folder.mkdir()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([TEXT, TEXT.upper(), JAPANESE] * 50),
        model_prefix=str(folder / "spiece"),
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "spiece.vocab").unlink()


def saved(folder: Path, bare: Path) -> None:
    """Write a tokenizer as tfner saves it.

    Args:
        folder: is made.
        bare: the vocabulary.
    """
    from tfner.tokenization import load_tokenizer

    load_tokenizer(bare).save(folder)


def _japanese(folder: Path) -> None:
    from tfner.tokenization import load_tokenizer

    words = sorted({*JAPANESE.split()})
    bare = folder.with_name("bare")
    bare.mkdir()
    pieces = "".join(f"{piece}\n" for piece in [*SPECIAL, *words])
    (bare / "vocab.txt").write_text(pieces, encoding="utf-8")
    load_tokenizer(bare, word_splitter="mecab").save(folder)
    shutil.rmtree(bare)


def _run(folder: Path) -> None:
    from tfner.training.checkpoints import LastTwoCheckpoints

    store = LastTwoCheckpoints(folder)
    about = {"settings": {}, "history": [], "best_epoch": 0, "place": [1, 0]}
    store.save([np.ones((3, 4), np.float32), np.zeros(5, np.int64)], about)


def load_model(folder: Path) -> None:
    """Read all of a model, and run it once."""
    from tfner import Bundle
    from tfner.inference.predictor import Predictor
    from tfner.inference.runners import KerasRunner

    bundle = Bundle.load(folder)
    _ = bundle.selftest, bundle.metrics
    run = bundle.runner()
    if isinstance(run, KerasRunner):
        # Traced anew for each model, a function would take most of the time.
        run._run = run._run.python_function
    Predictor(bundle.task, run).predict([TEXT])


def load_tokenizer(folder: Path) -> None:
    """Read a tokenizer, and cut texts with it."""
    from tfner.tokenization import load_tokenizer

    tokenizer = load_tokenizer(folder)
    for text in (TEXT, JAPANESE, ""):
        tokenizer.encode(text)


def load_run(folder: Path) -> None:
    """Read the checkpoint of a run."""
    from tfner.training.checkpoints import LastTwoCheckpoints

    LastTwoCheckpoints(folder).newest()


LOADERS: dict[str, Loader] = {
    **dict.fromkeys(
        (
            *("bundle_softmax", "bundle_crf", "bundle_spans", "bundle_keras"),
            *("huggingface", "torch", "google", *EXPORTS),
        ),
        load_model,
    ),
    **dict.fromkeys(
        (
            *("wordpiece", "bpe", "sentencepiece", "japanese"),
            *("saved_wordpiece", "saved_bpe", "saved_sentencepiece"),
        ),
        load_tokenizer,
    ),
    "run": load_run,
}
"""Kind of a model -> what reads it."""
