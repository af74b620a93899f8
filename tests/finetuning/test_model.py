"""Precision, frozen layers, averaged weights and parts of a batch in whole runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.checkpoints.loading import load_encoder
from tfner.errors import ConfigError
from tfner.finetuning.train import train
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.models.encoders.interface import freeze_layers, recompute_layers

from .conftest import Stop, stop_at

LOW = [
    pytest.param("mixed_bfloat16", marks=pytest.mark.slow),
    "mixed_float16",
]
WITHOUT_DROPOUT = {"dropout": 0.0, "hidden_dropout": 0.0, "attention_dropout": 0.0}


class Recording:
    """Makes the encoder of a directory and remembers it."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.made: list[Any] = []

    def __call__(self) -> Any:
        self.made.append(load_encoder(self.directory))
        return self.made[-1]


@pytest.mark.parametrize("precision", LOW)
@pytest.mark.slow
def test_a_model_learns_in_low_precision_and_is_saved_in_full(
    config, precision
) -> None:
    settings = config(precision=precision, epochs=8)
    encoder = Recording(settings.model.encoder)
    bundle = train(settings, encoder=encoder)
    _checked, learner, saved = encoder.made
    assert learner.blocks[0].compute_dtype == precision.removeprefix("mixed_")
    assert saved.blocks[0].compute_dtype == "float32"
    assert {w.dtype for w in learner.weights} == {"float32"}
    encoder_of_bundle = bundle.load_model().encoder
    assert encoder_of_bundle.blocks[0].compute_dtype == "float32"
    assert bundle.metrics["dev"]["f1"] > 0.8
    assert Predictor.load(bundle.directory, verify=True)


@pytest.mark.slow
@pytest.mark.parametrize("precision", LOW)
def test_a_model_that_learnt_in_low_precision_is_exported(
    config, precision, tmp_path
) -> None:
    from tfner_export import export_saved_model

    bundle = train(config(precision=precision))
    result = export_saved_model(bundle, tmp_path / "export", max_length=32)
    assert result.max_abs_difference < 1e-4


def test_frozen_layers_stay_as_they_were(config, encoder_directory) -> None:
    before = load_encoder(encoder_directory)
    for frozen in (0, 1):
        output = f"{config().saving.output}-{frozen}"
        bundle = train(config(freeze=frozen, epochs=1, output=output))
        after = bundle.load_model().encoder
        layers = {"embeddings": 0, "blocks": 1}
        for name, number in layers.items():
            old, new = (getattr(e, name) for e in (before, after))
            old, new = (layer[0] if name == "blocks" else layer for layer in (old, new))
            pairs = zip(old.get_weights(), new.get_weights(), strict=True)
            same = all(np.array_equal(one, other) for one, other in pairs)
            assert same == (number <= frozen), name


def test_more_layers_than_there_are_cannot_be_frozen(config) -> None:
    with pytest.raises(ConfigError, match="`freeze` is 2, the encoder has 1 layers"):
        train(config(freeze=2))


def test_foreign_encoders_are_neither_frozen_nor_recomputed() -> None:
    import keras

    foreign = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    with pytest.raises(ConfigError, match=r"--freeze needs .* encoder=Sequential"):
        freeze_layers(foreign, 0)
    with pytest.raises(ConfigError, match=r"--recompute needs .* encoder=Sequential"):
        recompute_layers(foreign)


@pytest.mark.slow
def test_parts_of_batches_give_the_model_of_the_whole(
    config, tmp_path, weights, heed
) -> None:
    whole = config(**WITHOUT_DROPOUT, adam_epsilon=1e-5)
    parts = whole.replace(accumulate=2, output=str(tmp_path / "parts"))
    said: list[str] = []
    train(whole)
    with heed(said.append):
        train(parts)
    one, other = weights(Path(whole.saving.output)), weights(Path(parts.saving.output))
    for name, array in one.items():
        np.testing.assert_allclose(array, other[name], atol=1e-5, err_msg=name)
    rows = next(line for line in said if "empty ones are added" in line)
    assert rows.startswith("a batch has ")


@pytest.mark.slow
def test_several_steps_at_once_give_the_same_model(config, tmp_path, weights) -> None:
    one = config(**WITHOUT_DROPOUT, adam_epsilon=1e-5)
    many = one.replace(steps_per_execution=2, output=str(tmp_path / "many"))
    learnt, again = (weights(train(settings).directory) for settings in (one, many))
    for name, array in learnt.items():
        np.testing.assert_allclose(array, again[name], atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    "precision",
    [pytest.param("float32", marks=pytest.mark.slow), "mixed_float16"],
)
@pytest.mark.slow
def test_averages_and_loss_scale_are_resumed(
    config, tmp_path, weights, same, precision, heed
) -> None:
    whole = config(ema=0.9, precision=precision)
    broken = whole.replace(output=str(tmp_path / "broken"))

    train(whole)
    with pytest.raises(Stop), heed(stop_at("epoch 1/")):
        train(broken)
    train(broken.replace(resume=True))
    assert same(weights(Path(whole.saving.output)), weights(Path(broken.saving.output)))


@pytest.mark.slow
def test_the_averaged_weights_are_scored_and_saved(config, tmp_path, weights) -> None:
    plain = config(dev=None, dev_fraction=0.2)
    averaged = plain.replace(ema=0.9, output=str(tmp_path / "averaged"))
    bundles = [train(settings) for settings in (plain, averaged)]
    losses = [[h["loss"] for h in b.metrics["history"]] for b in bundles]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    dev = [[h["dev_loss"] for h in b.metrics["history"]] for b in bundles]
    assert dev[0] != pytest.approx(dev[1], rel=1e-2)
    reports = [Bundle.load(b.directory).metrics["dev"] for b in bundles]
    assert reports[0] is not None
    one, other = (weights(b.directory) for b in bundles)
    assert any(np.abs(one[name] - other[name]).max() > 1e-3 for name in one)
