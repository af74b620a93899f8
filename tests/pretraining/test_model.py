"""New pretraining models: how they are drawn, and which weights learn how fast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tfner.config.pretrain import PRETRAIN_PRESETS, PretrainConfig
from tfner.models.encoders.embeddings import sinusoids
from tfner.models.pretraining.electra import Electra
from tfner.pretraining.model import make_model, make_optimizer

PIECES: dict[str, Any] = {"vocab_size": 500, "mask_id": 4, "special_ids": (0, 2, 3, 4)}


def config(**changes: Any) -> PretrainConfig:
    needed = {"data": "rows", "output": "run"}
    return PretrainConfig(**PRETRAIN_PRESETS["tiny"] | needed | changes)


@pytest.mark.parametrize(("given", "tables"), [(0.01, 0.01), (0.2, 0.02)])
def test_embeddings_are_drawn_small_whatever_the_rest(
    given: float, tables: float
) -> None:
    encoder = make_model(config(initializer_range=given), **PIECES).encoder
    drawn = np.asarray(encoder.embeddings.pieces.embeddings).std()
    dense = np.asarray(encoder.blocks[0].trainable_weights[0]).std()
    # A truncated normal is narrower than what it is cut from.
    assert drawn == pytest.approx(0.88 * tables, rel=0.05)
    assert dense == pytest.approx(0.88 * given, rel=0.1)


def test_positions_may_start_as_sinusoids() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    from transformers.models.distilbert import modeling_distilbert

    encoder = make_model(config(sinusoidal_positions=True), **PIECES).encoder
    drawn = np.asarray(encoder.embeddings.positions.embeddings)
    wanted = np.zeros_like(drawn)
    modeling_distilbert.create_sinusoidal_embeddings(
        *wanted.shape, torch.from_numpy(wanted)
    )
    # transformers takes turns of sines and cosines.
    wanted = np.concatenate([wanted[:, 0::2], wanted[:, 1::2]], axis=1)
    np.testing.assert_allclose(drawn, 0.02 * 2**0.5 * wanted, atol=1e-5)


@pytest.mark.parametrize("width", [1, 2, 7, 64])
def test_sinusoids_are_as_large_for_every_position(width: int) -> None:
    rows = sinusoids(50, width)
    assert rows.shape == (50, width)
    if width > 1:
        np.testing.assert_allclose((rows**2).mean(axis=1), 1.0)


def shares(**changes: Any) -> dict[str, float]:
    settings = config(**changes)
    model = make_model(settings, **PIECES)
    optimizer = make_optimizer(settings.optimizer, model)
    optimizer.build(model.trainable_variables)
    paths = [weight.path for weight in model.trainable_variables]
    return dict(zip(paths, optimizer._shares, strict=True))


def test_the_discriminator_learns_at_its_own_rate() -> None:
    settings = config()
    model = make_model(settings, **PIECES)
    assert isinstance(model, Electra)
    found = shares(discriminator_rate=0.25)
    fast = {weight.path for weight in model.generator.trainable_variables}
    assert {path for path, share in found.items() if share == 1} == fast
    assert set(found.values()) == {0.25, 1.0}
    tables = model.discriminator.embeddings.trainable_variables
    assert {weight.path for weight in tables} <= fast


@pytest.mark.parametrize("changes", [{}, {"objective": "mlm"}])
def test_else_all_weights_learn_at_the_same_rate(changes: dict[str, Any]) -> None:
    assert set(shares(**changes).values()) == {1.0}
