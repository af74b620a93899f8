"""A tiny model with random weights, and its export, made once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

LONGEST = 64
WINDOW = 24
WORDS = ("anna", "met", "bert", "in", "paris", "and", "rome", "on", "mon", "day", "we")
TEXTS = (
    "anna met bert in paris",
    "we met on monday and on sunday",
    "rome",
    "anna and bert met in rome and in paris on monday and on sunday " * 5,
)


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare WordPiece directory."""
    folder = tmp_path_factory.mktemp("vocabulary")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "##day", "sun", "."]
    lines = "".join(f"{piece}\n" for piece in pieces)
    (folder / "vocab.txt").write_text(lines, encoding="utf-8")
    return folder


def tiny_encoder(vocab_size: int, **settings: Any) -> Any:
    from tfner.models.encoders.bert import Encoder

    return Encoder(
        vocab_size=vocab_size,
        hidden_size=32,
        num_layers=2,
        num_heads=2,
        intermediate_size=64,
        max_positions=LONGEST,
        initializer_range=0.3,
        **settings,
    )


def make_bundle(
    folder: Path,
    vocabulary: Path,
    encoder: Any = None,
    *,
    scheme: str = "IOB2",
    **settings: Any,
) -> Bundle:
    """A bundle of random weights whose predictions vary from word to word."""
    import keras

    from tfner.inference import native_bundle as bundles
    from tfner.inference.predictor import Predictor
    from tfner.inference.runners import KerasRunner
    from tfner.schemes import LabelSet
    from tfner.tasks.token_classification import TokenClassification
    from tfner.tokenization import load_tokenizer

    keras.utils.set_random_seed(0)
    tokenizer = load_tokenizer(vocabulary)
    labels = LabelSet(["PER", "LOC"], scheme=scheme)
    task = TokenClassification(tokenizer, labels, max_length=WINDOW, **settings)
    model = task.build(encoder or tiny_encoder(1000))
    bundles.build(model)
    kernel = model.classifier.kernel
    kernel.assign(keras.random.normal(kernel.shape, stddev=1.0, seed=2))
    for number, scores in enumerate(model.crf.weights if model.crf else ()):
        scores.assign(keras.random.normal(scores.shape, stddev=0.01, seed=number))
    return bundles.save_bundle(
        folder,
        task=task,
        model=model,
        training={"epochs": 0},
        metrics={},
        selftest=Predictor(task, KerasRunner(model)).selftest(TEXTS),
    )


def make_span_bundle(folder: Path, vocabulary: Path) -> Bundle:
    """A bundle of random weights that finds spans in most texts."""
    import keras

    from tfner.inference import native_bundle as bundles
    from tfner.inference.predictor import Predictor
    from tfner.inference.runners import KerasRunner
    from tfner.schemes import LabelSet
    from tfner.tasks.span_extraction import SpanExtraction
    from tfner.tokenization import load_tokenizer

    keras.utils.set_random_seed(1)
    labels = LabelSet(["PER", "LOC"])
    task = SpanExtraction(load_tokenizer(vocabulary), labels, max_length=WINDOW)
    model = task.build(tiny_encoder(1000))
    bundles.build(model)
    model.borders.bias.assign([1.0, 1.0])
    model.pairs.output_bias.assign(2.0)
    return bundles.save_bundle(
        folder,
        task=task,
        model=model,
        training={},
        metrics={},
        selftest=Predictor(task, KerasRunner(model)).selftest(TEXTS),
    )


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, vocabulary: Path) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("model") / "bundle", vocabulary)


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle) -> Any:
    """The export of the tiny model."""
    from tfner_export import export_saved_model

    folder = tmp_path_factory.mktemp("exports")
    return export_saved_model(bundle, folder, max_length=LONGEST)


@pytest.fixture(scope="session")
def saved_model(result: Any) -> Path:
    return Path(result.saved_model)


@pytest.fixture(scope="session")
def foreign_bundle(
    tmp_path_factory: pytest.TempPathFactory, vocabulary: Path
) -> Bundle:
    """A model whose encoder is a plain Keras one that knows nothing of tfner."""
    import keras

    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in names}
    rows = keras.layers.Embedding(1000, 32)(inputs["input_ids"])
    mask = keras.ops.cast(inputs["attention_mask"] > 0, "float32")[..., None]
    around = keras.layers.Conv1D(32, 3, padding="same")(rows * mask)
    encoder = keras.Model(inputs, around)
    return make_bundle(tmp_path_factory.mktemp("foreign") / "b", vocabulary, encoder)
