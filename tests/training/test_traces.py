"""How often a training step is traced, and so compiled: seconds each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from .test_step import FEATURES, LABELS, compile_model

pytestmark = pytest.mark.slow


def data(rows: int, steps: int) -> Any:
    """Batches of one shape."""
    batch = tf.nest.map_structure(
        lambda values: tf.constant(np.repeat(values, rows // 2, axis=0)),
        (FEATURES, LABELS),
    )
    return tf.data.Dataset.from_tensors(batch).repeat(steps)


def test_a_step_is_traced_once_for_each_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    model = compile_model()
    step, traced = model.train_step, []

    def counting(batch: Any) -> Any:
        traced.append(batch[1].shape[0])
        return step(batch)

    monkeypatch.setattr(model, "train_step", counting)
    model.fit(data(2, steps=4), epochs=3, verbose=0, shuffle=False)
    assert traced == [2]
    model.fit(data(2, steps=2), verbose=0, shuffle=False)
    assert traced == [2]
