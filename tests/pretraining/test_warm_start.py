"""Pretraining that starts from an encoder there is."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.checkpoints.huggingface import save_encoder
from tfner.checkpoints.loading import load_encoder
from tfner.errors import ConfigError
from tfner.inference.encoders import EncoderSource
from tfner.models.encoders.bert import Encoder
from tfner.models.pretraining.electra import Electra
from tfner.pretraining import warm_start
from tfner.pretraining.checkpoints import pieces_of
from tfner.pretraining.dataset.manifest import load_manifest
from tfner.pretraining.model import make_model
from tfner.pretraining.run import pretrain
from tfner.pretraining.warm_start import start_from


@pytest.fixture
def make(make_pretraining: Any, tmp_path: Path) -> Any:
    """Settings of an ELECTRA whose generator is as wide as its discriminator."""
    return partial(
        make_pretraining,
        tmp_path / "run",
        embedding_size=64,
        hidden_size=64,
        num_layers=2,
        num_heads=1,
        intermediate_size=256,
        generator_size=1.0,
        steps=2,
        save_every=1,
    )


@pytest.fixture
def encoder(make: Any, pretraining_rows: Path, tmp_path: Path) -> Path:
    """A BERT of other weights, with the tokenizer of the data."""
    manifest = load_manifest(pretraining_rows)
    settings = make(objective="mlm", seed=7)
    folder = tmp_path / "bert"
    save_encoder(make_model(settings, **pieces_of(manifest)).encoder, folder)
    shutil.copytree(manifest.tokenizer_directory, folder, dirs_exist_ok=True)
    return folder


def assert_same(found: Any, directory: str | Path) -> None:
    wanted = load_encoder(directory).get_weights()
    for one, other in zip(found.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("share", "started"), [(1.0, 2), (0.5, 1)])
def test_a_generator_of_the_same_sizes_starts_from_the_same_weights(
    make: Any, encoder: Path, pretraining_rows: Path, share: float, started: int
) -> None:
    manifest = load_manifest(pretraining_rows)
    model = make_model(make(generator_size=share), **pieces_of(manifest))
    assert isinstance(model, Electra)
    assert len(start_from(load_encoder(encoder), model)) == started
    assert_same(model.discriminator, encoder)
    if started == 2:
        assert_same(model.generator.encoder, encoder)


@pytest.mark.parametrize(
    "objective", [pytest.param("electra", marks=pytest.mark.slow), "mlm"]
)
def test_a_run_starts_there_and_goes_on_from_its_own_checkpoints(
    make: Any, encoder: Path, objective: str, heed: Any
) -> None:
    lines: list[str] = []
    settings = {"objective": objective, "encoder": str(encoder), "learning_rate": 0.0}
    with heed(lines.append):
        report = pretrain(make(steps=1, **settings))
    assert any(
        line.endswith(f"started from the weights of {encoder}") for line in lines
    )
    assert_same(load_encoder(report["encoder"]), encoder)
    shutil.rmtree(encoder)
    with heed(lines.append):
        pretrain(make(resume=True, **settings))
    assert "resumed after step 1" in lines


def test_an_activation_is_a_setting(make: Any, encoder: Path) -> None:
    config = load_encoder(encoder).get_config()
    other = Encoder.from_config({**config, "activation": "gelu_tanh"})
    other.build()
    save_encoder(other, encoder)
    settings = {"objective": "mlm", "encoder": str(encoder), "learning_rate": 0.0}
    with pytest.raises(ConfigError, match="of the run gelu: give --activation gelu_t"):
        pretrain(make(**settings))
    report = pretrain(make(activation="gelu_tanh", **settings))
    assert load_encoder(report["encoder"]).activation == "gelu_tanh"
    assert_same(load_encoder(report["encoder"]), encoder)


def test_all_that_does_not_fit_is_said_at_once(
    make: Any, encoder: Path, tmp_path: Path
) -> None:
    tokenizer = encoder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text("utf-8").replace("anna", "annb"), "utf-8")
    with pytest.raises(ConfigError) as caught:
        pretrain(make(encoder=str(encoder), num_layers=3, intermediate_size=32))
    said = str(caught.value)
    assert f"{encoder} cannot be where this run starts: 3 reasons" in said
    assert "of the encoder is 2, of the run 3: give --num-layers 2" in said
    assert "give --intermediate-size 256" in said
    assert f"make the data again with tfner pretrain-data --tokenizer {encoder}" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        (
            {"embedding_size": 16},
            "`embedding_size` of the encoder is 16, of the run 64: which only "
            "--objective electra has",
        ),
        (
            {"vocab_size": 5000},
            "`vocab_size` of the encoder is 5000, of the run {vocab_size}: which no "
            "setting changes",
        ),
    ],
)
def test_sizes_that_no_setting_gives_are_told_as_such(
    make: Any, encoder: Path, sizes: dict[str, int], reason: str
) -> None:
    config = load_encoder(encoder).get_config()
    other = Encoder.from_config({**config, **sizes, "family": "electra"})
    other.build()
    save_encoder(other, encoder)
    with pytest.raises(ConfigError) as caught:
        pretrain(make(encoder=str(encoder), objective="mlm"))
    assert reason.format(**config) in str(caught.value)


def test_an_encoder_of_another_class_is_told_as_such(
    make: Any, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = EncoderSource(keras.Sequential, {})
    monkeypatch.setattr(warm_start, "encoder_source", lambda _: source)
    with pytest.raises(ConfigError, match="its class is Sequential, that of the run E"):
        pretrain(make(encoder=str(encoder)))
