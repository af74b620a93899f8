"""What Keras does not promise is as tfner uses it; a failure says what has changed."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tests.conftest import alive
from tfner.training.keras_internals import (
    freed_afterwards,
    index_of,
    moving_averages,
    schedule_of,
)
from tfner.training.optimizers import AdamW, Sweep
from tfner.training.step import TrainStepModel


@pytest.mark.parametrize("scaled", [False, True])
def test_the_schedule_of_an_optimizer_is_found(scaled: bool) -> None:
    schedule = Sweep(1e-4, 1e-2, steps=5)
    optimizer = AdamW(schedule)
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    assert schedule_of(optimizer) is schedule


def test_variables_are_numbered_as_an_optimizer_was_built() -> None:
    variables = [keras.Variable(np.ones(2)), keras.Variable(np.zeros(3))]
    optimizer = AdamW(0.1)
    optimizer.build(variables)
    assert [index_of(optimizer, variable) for variable in variables] == [0, 1]


@pytest.mark.parametrize("averages", [False, True])
def test_averages_follow_the_weights(averages: bool) -> None:
    weight = keras.Variable(np.ones(2, "float32"))
    optimizer = AdamW(0.5, use_ema=averages, ema_momentum=0.5)
    optimizer.build([weight])
    optimizer.apply([ops.ones(2)], [weight])
    found = moving_averages(optimizer)
    assert len(found) == averages
    for average in found:
        assert 0.5 < float(average[0]) < 1.0


def test_fit_still_asks_for_the_build_that_a_train_step_leaves_out() -> None:
    assert hasattr(keras.Model, "_maybe_symbolic_build")
    assert "_maybe_symbolic_build" in vars(TrainStepModel)


def graphs() -> set[int]:
    return alive(tf.__internal__.FuncGraph)


def fit_once() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse", jit_compile=False)
    model.fit(np.zeros((4, 2)), np.zeros((4, 1)), verbose=0)


@pytest.mark.slow
def test_graphs_stay_after_fit_unless_they_are_let_go() -> None:
    before = graphs()
    with freed_afterwards():
        fit_once()
    assert graphs() <= before
    fit_once()
    assert not graphs() <= before, "TensorFlow lets them go by itself by now"
