"""A tiny model of random weights, as a task, a Keras model and a bundle."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner.inference.bundle import Bundle
from tfner.inference.native_bundle import save_bundle
from tfner.inference.predictor import Predictor
from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import load_tokenizer

MAX_LENGTH = 24
TEXTS = (
    "anna lives in paris and works for acme corp",
    "xyzzy",
    "",
    "we flew from oslo to lima on monday " * 6,
)

Save = Callable[..., Bundle]


@pytest.fixture(scope="session")
def task(encoder_directory: Path) -> TokenClassification:
    tokenizer = load_tokenizer(encoder_directory)
    return TokenClassification(
        tokenizer, LabelSet(["PER", "LOC"]), max_length=MAX_LENGTH
    )


@pytest.fixture(scope="session")
def make_encoder(task: TokenClassification) -> Callable[..., Any]:
    def make(**settings: Any) -> Any:
        from tfner.models.encoders.bert import Encoder

        defaults = {
            "vocab_size": task.tokenizer.vocab_size,
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 2,
            "intermediate_size": 64,
            "max_positions": 64,
            "initializer_range": 0.3,
        }
        return Encoder(**{**defaults, **settings})

    return make


@pytest.fixture(scope="session")
def make_model(task: TokenClassification) -> Callable[[Any], Any]:
    """A classifier over an encoder whose predictions vary from word to word."""

    def make(encoder: Any) -> Any:
        import keras

        model = task.build(encoder)
        model.build()
        kernel = model.classifier.kernel
        kernel.assign(keras.random.normal(kernel.shape, stddev=1.0, seed=2))
        return model

    return make


@pytest.fixture(scope="session")
def model(make_encoder: Callable[..., Any], make_model: Callable[[Any], Any]) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return make_model(make_encoder())


@pytest.fixture(scope="session")
def predictor(task: TokenClassification, model: Any) -> Predictor:
    from tfner.inference.runners import KerasRunner

    return Predictor(task, KerasRunner(model))


@pytest.fixture(scope="session")
def save(task: TokenClassification, model: Any, predictor: Predictor) -> Save:
    """Saves the tiny model, or another, to a directory."""
    selftest = predictor.selftest(TEXTS)

    def save(directory: Path, saved: Any = None, **settings: Any) -> Bundle:
        defaults: dict[str, Any] = {
            "task": task,
            "training": {"epochs": 0},
            "metrics": {"dev": {"f1": 0.5}},
            "selftest": selftest,
        }
        return save_bundle(directory, model=saved or model, **{**defaults, **settings})

    return save


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, save: Save) -> Bundle:
    """Read it only."""
    return save(tmp_path_factory.mktemp("bundle") / "model")


@pytest.fixture
def copied(bundle: Bundle, tmp_path: Path) -> Path:
    """A copy of the bundle's directory, to be damaged; nothing tells that it was."""
    ignored = shutil.ignore_patterns("digests.json")
    return Path(shutil.copytree(bundle.directory, tmp_path / "copied", ignore=ignored))
