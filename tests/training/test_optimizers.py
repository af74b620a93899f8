"""The schedule's values, and which weights decay."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfner.models.encoder import Encoder
from tfner.models.heads import TokenClassifier
from tfner.training.optimizers import WarmupLinearDecay, adamw


@pytest.mark.parametrize(
    ("step", "share"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (55, 0.5), (99, 1 / 90), (100, 0.0)],
)
def test_the_rate_rises_then_falls_to_nothing(step: int, share: float) -> None:
    schedule = WarmupLinearDecay(0.02, steps=100, warmup_steps=10)
    assert float(schedule(step)) == pytest.approx(0.02 * share, rel=1e-6, abs=1e-12)


def test_without_warmup_the_first_step_has_the_full_rate() -> None:
    assert float(WarmupLinearDecay(0.5, steps=4, warmup_steps=0)(0)) == 0.5


def test_with_warmup_alone_the_rate_never_falls() -> None:
    schedule = WarmupLinearDecay(1.0, steps=4, warmup_steps=4)
    assert [float(schedule(step)) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_the_schedule_keeps_its_settings() -> None:
    schedule = WarmupLinearDecay(0.5, steps=4, warmup_steps=1)
    again = WarmupLinearDecay.from_config(schedule.get_config())
    assert float(again(2)) == float(schedule(2))


def test_weights_decay_but_biases_and_norms_do_not() -> None:
    encoder = Encoder(
        vocab_size=20,
        hidden_size=8,
        num_layers=1,
        num_heads=2,
        intermediate_size=16,
        max_positions=8,
    )
    model = TokenClassifier(encoder, 3)
    model.build()
    optimizer = adamw(learning_rate=1.0, steps=1, warmup=0, weight_decay=0.25)
    optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape, "float32"))
    nothing = [keras.ops.zeros_like(v.value) for v in model.trainable_variables]
    optimizer.apply(nothing, model.trainable_variables)
    left = {v.path: float(np.ravel(v.numpy())[0]) for v in model.trainable_variables}
    kept = {path for path, value in left.items() if value == 1.0}
    decayed = {path for path, value in left.items() if value == 0.75}
    assert kept | decayed == set(left)
    assert {path.rpartition("/")[2] for path in kept} == {"bias", "gamma", "beta"}
    assert {path.rpartition("/")[2] for path in decayed} == {"kernel", "embeddings"}
