"""Whole runs with an encoder that the user brings."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from tfner.config.train import TrainConfig
from tfner.corpus import read_corpus
from tfner.errors import CheckpointError, ConfigError
from tfner.finetuning.train import train
from tfner.inference import encoder_config
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.models import KerasHubEncoder
from tfner_export import export_saved_model

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
needs_keras_hub = pytest.mark.skipif(
    importlib.util.find_spec("keras_hub") is None,
    reason="pip install --no-deps keras-hub",
)


def bert(**changes: Any) -> keras.Model:
    import keras_hub

    settings = {
        "vocabulary_size": 1000,
        "num_layers": 1,
        "num_heads": 2,
        "hidden_dim": 32,
        "intermediate_dim": 64,
        "max_sequence_length": 32,
        **changes,
    }
    return keras_hub.models.BertBackbone(**settings)


@pytest.fixture(scope="module")
def trained(
    toy_settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, heed: Any
) -> tuple[Bundle, list[str]]:
    """A model on a KerasHub backbone, and what its run said."""
    output = tmp_path_factory.mktemp("hub") / "model"
    said: list[str] = []
    config = TrainConfig(**toy_settings | {"epochs": 6, "output": str(output)})
    with heed(said.append):
        bundle = train(config, encoder=lambda: KerasHubEncoder(bert()))
    return bundle, said


@needs_keras_hub
def test_a_keras_hub_backbone_learns_from_bucketed_batches(
    trained: tuple[Bundle, list[str]],
) -> None:
    bundle, said = trained
    assert "this encoder does not take packed rows: batches are bucketed" in said
    losses = [line["loss"] for line in bundle.metrics["history"]]
    assert losses[-1] < losses[0] / 2


@needs_keras_hub
def test_its_bundle_is_loaded_and_exported_with_the_same_predictions(
    trained: tuple[Bundle, list[str]], toy_corpus: Path, tmp_path: Path
) -> None:
    bundle, _ = trained
    documents = list(read_corpus(toy_corpus / "dev.conll"))
    predictor = Predictor.load(bundle.directory, verify=True)
    expected = predictor.predict(documents)
    assert any(document.entities for document in expected)
    exported = export_saved_model(bundle, tmp_path / "export", max_length=32)
    assert exported.max_abs_difference < 1e-5
    served = Predictor.load(exported.saved_model).predict(documents)
    assert [d.entities for d in served] == [d.entities for d in expected]


@needs_keras_hub
def test_windows_longer_than_the_backbone_are_refused(
    config: Callable[..., TrainConfig],
) -> None:
    with pytest.raises(ConfigError, match="the encoder has 16 positions"):
        train(config(), encoder=lambda: KerasHubEncoder(bert(max_sequence_length=16)))


def table(names: tuple[str, ...], *, pooled: bool) -> keras.Model:
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    rows = keras.layers.Embedding(1000, 8)(inputs[names[0]])
    return keras.Model(inputs, rows[:, 0] if pooled else rows)


class Unregistered(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.table = keras.layers.Embedding(1000, 8)

    def call(self, inputs: Any, training: Any = None) -> Any:
        return self.table(inputs["input_ids"])


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (lambda: table(INPUTS, pooled=True), r"gives \(any, 8\)\. Return the vectors"),
        (lambda: table(("token_ids",), pooled=False), r"give tfner\.models\.KerasHub"),
        (Unregistered, "must come back from its `get_config`"),
    ],
)
def test_what_is_no_encoder_is_told_before_training(
    config: Callable[..., TrainConfig],
    tmp_path: Path,
    encoder: Callable[[], keras.Model],
    message: str,
    heed: Any,
) -> None:
    said: list[str] = []
    with pytest.raises(ConfigError, match=message), heed(said.append):
        train(config(), encoder=encoder)
    assert not any("epoch" in line for line in said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "encoder", "message"),
    [
        ({"encoder": "./nowhere"}, None, "./nowhere: there is no such directory"),
        ({}, Unregistered, "must come back from its `get_config`"),
        ({"max_length": 99}, None, "`max_length` is 99, the encoder has 64 positions"),
    ],
)
def test_an_encoder_is_checked_before_a_corpus_is_read(
    config: Callable[..., TrainConfig],
    settings: dict[str, Any],
    encoder: Callable[[], keras.Model] | None,
    message: str,
) -> None:
    with pytest.raises((ConfigError, CheckpointError), match=message):
        train(config(train="absent.conll", **settings), encoder=encoder)


def test_an_encoder_is_made_again_once_however_many_seeds_there_are(
    config: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[keras.Model] = []
    restored: list[Any] = []
    restore = encoder_config.restore_encoder

    def make() -> keras.Model:
        made.append(table(INPUTS, pooled=False))
        return made[-1]

    def count(record: Any, *, place: object) -> keras.Model:
        restored.append(record)
        return restore(record, place=place)

    monkeypatch.setattr(encoder_config, "restore_encoder", count)
    train(config(trials=2, epochs=1), encoder=make)
    assert len(restored) == 1
    assert len(made) == 1 + 2
