"""Runs that begin with the encoder of a model of tfner."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.checkpoints.loading import load_encoder
from tfner.config.train import TrainConfig
from tfner.errors import BundleError, CheckpointError, TfnerError
from tfner.finetuning.train import train
from tfner.inference.bundle import Bundle
from tfner.inference.encoders import encoder_source
from tfner.inference.predictor import Predictor
from tfner.tokenization import load_tokenizer
from tfner.training.precision import precision


@pytest.fixture(scope="module")
def first(toy_settings: dict[str, Any], tmp_path_factory: Any) -> Path:
    """A model of one trial; its tokenizer has another setting than its encoder's."""
    output = tmp_path_factory.mktemp("first") / "model"
    settings = toy_settings | {"epochs": 1, "word_splitter": "whitespace"}
    return train(TrainConfig(**settings, output=str(output))).directory


def assert_same(one: keras.Model, other: keras.Model) -> None:
    for old, new in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_run_begins_with_encoder_and_tokenizer_of_a_model(
    first: Path, toy_settings: dict[str, Any], tmp_path: Path
) -> None:
    frozen = {"epochs": 1, "freeze": 1, "encoder": str(first)}
    config = TrainConfig(**toy_settings | frozen, output=str(tmp_path / "second"))
    second = train(config)
    for tokenizer in (second.tokenizer, load_tokenizer(first)):
        assert len(tokenizer.encode("anna,bert").words) == 1
    before, after = (b.load_model() for b in (Bundle.load(first), second))
    assert_same(before.encoder, after.encoder)
    assert not np.array_equal(before.classifier.kernel, after.classifier.kernel)
    assert Predictor.load(second.directory, verify=True)


def test_an_encoder_of_a_model_computes_as_the_run_says(first: Path) -> None:
    source = encoder_source(first, hidden_dropout=0.3, attention_dropout=None)
    assert (source.sizes["family"], source.sizes["num_layers"]) == ("bert", 1)
    with precision("mixed_bfloat16"):
        encoder = source.make()
    stored = Bundle.load(first).load_model().encoder
    assert encoder.blocks[0].compute_dtype == "bfloat16"
    assert (encoder.hidden_dropout, stored.hidden_dropout) == (0.3, 0.1)
    assert encoder.attention_dropout == stored.attention_dropout
    assert_same(stored, encoder)


@pytest.mark.slow
def test_of_several_trials_the_best_one_is_trained_on(
    first: Path, toy_settings: dict[str, Any], tmp_path: Path
) -> None:
    config = {"epochs": 1, "trials": 2, "output": str(tmp_path / "trials")}
    best = train(TrainConfig(**toy_settings | config))
    encoder = encoder_source(tmp_path / "trials").make()
    chosen = best.load_model().encoder
    assert_same(chosen, encoder)


@pytest.mark.slow
def test_a_small_model_on_a_model_finds_its_encoder_again(
    first: Path, toy_settings: dict[str, Any], tmp_path: Path
) -> None:
    lora = {"lora": 2, "lora_only": True, "epochs": 1, "encoder": str(first)}
    config = TrainConfig(**toy_settings | lora, output=str(tmp_path / "small"))
    small = train(config).directory
    assert Predictor.load(small, verify=True)
    third = toy_settings | {"epochs": 1, "encoder": str(small)}
    assert train(TrainConfig(**third, output=str(tmp_path / "third")))


def test_files_of_the_model_are_compared_with_their_digests(
    first: Path, tmp_path: Path
) -> None:
    changed = shutil.copytree(first, tmp_path / "changed")
    with (changed / "labels.json").open("a") as file:
        file.write(" ")
    with pytest.raises(BundleError, match=r"labels\.json"):
        encoder_source(changed)
    assert encoder_source(changed, digests=False)


def test_what_has_no_encoder_is_refused_with_what_has(
    first: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="Give one with a model"):
        encoder_source(first / "tokenizer")
    shutil.copytree(first, tmp_path / "runs" / "model")
    with pytest.raises(CheckpointError, match=r"Did you mean .*runs.model\?"):
        encoder_source(tmp_path / "runs")


@pytest.mark.slow
def test_exports_and_encoders_of_others_are_refused(
    first: Path,
    toy_settings: dict[str, Any],
    tmp_path: Path,
    command: Callable[..., str],
) -> None:
    command("export", first, tmp_path / "export", "--max-length", 64)
    (version,) = (tmp_path / "export" / "chunk").glob("[0-9]*")
    for place in (tmp_path / "export" / "chunk", version):
        with pytest.raises(BundleError, match="Give the bundle it was exported from"):
            encoder_source(place)
    with pytest.raises(CheckpointError, match="no such directory"):
        encoder_source(tmp_path / "export" / "chunks")

    def functional() -> keras.Model:
        encoder = load_encoder(toy_settings["encoder"])
        names = ("input_ids", "attention_mask", "token_type_ids")
        inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in names}
        return keras.Model(inputs, encoder(inputs))

    config = TrainConfig(**toy_settings | {"epochs": 1}, output=str(tmp_path / "own"))
    own = train(config, encoder=functional)
    with pytest.raises(BundleError, match="an encoder of your own classes"):
        encoder_source(own.directory)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("max_positions", "many", "`max_positions` must be an integer"),
        ("layers", 2, "unknown setting of the encoder 'layers'"),
        ("num_layers", -1, "`num_layers` must be an integer from"),
    ],
)
def test_a_damaged_description_is_told_before_corpora_are_read(
    key: str, value: object, told: str, first: Path, tmp_path: Path
) -> None:
    damaged = shutil.copytree(first, tmp_path / "damaged")
    config = json.loads((damaged / "config.json").read_text())
    config["model"]["encoder"]["config"][key] = value
    (damaged / "config.json").write_text(json.dumps(config))
    with pytest.raises(TfnerError, match=told):
        encoder_source(damaged, digests=False)
