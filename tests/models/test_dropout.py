from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.models.dropout import Dropout, random_bits

SHAPE = (300, 400)


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_share_falls_away_and_the_rest_is_scaled_up(
    rate: float, policy: str
) -> None:
    layer = Dropout(rate, seed=1, dtype=policy)
    output = layer(keras.ops.ones(SHAPE, dtype=layer.compute_dtype), training=True)
    assert output.dtype == layer.compute_dtype
    values = numpy(output).astype("float32")
    assert abs((values == 0).mean() - rate) < 0.005
    assert np.unique(values).size == 2
    assert abs(values.max() - 1 / (1 - rate)) < 0.01


def test_nothing_happens_outside_training_or_at_rate_0() -> None:
    ones = keras.ops.ones((3, 4))
    assert (numpy(Dropout(0.5)(ones)) == 1).all()
    assert (numpy(Dropout(0.0)(ones, training=True)) == 1).all()
    assert not hasattr(Dropout(0.0), "seed_generator")


def test_every_call_draws_anew_and_a_seed_repeats_it() -> None:
    ones = keras.ops.ones(SHAPE)
    layer, same = Dropout(0.5, seed=7), Dropout(0.5, seed=7)
    first, second = (numpy(layer(ones, training=True)) for _ in range(2))
    assert abs((first == second).mean() - 0.5) < 0.01
    np.testing.assert_array_equal(numpy(same(ones, training=True)), first)


def test_gradients_flow_where_values_do() -> None:
    inputs = tf.ones(SHAPE)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = Dropout(0.3)(inputs, training=True)
    np.testing.assert_array_equal(numpy(tape.gradient(output, inputs)), numpy(output))


@pytest.mark.parametrize("other", [(0, 1), (1, 0), (1, 1), (0, 2), (1000, 0)])
def test_bits_of_neighbouring_seeds_and_positions_are_unrelated(
    other: tuple[int, int],
) -> None:
    here = numpy(random_bits(SHAPE, np.array((0, 0)))) / 2**32
    there = numpy(random_bits(SHAPE, np.array(other))) / 2**32
    assert abs(here.mean() - 0.5) < 0.005
    limit = 5 / np.sqrt(here.size)
    for shift in (0, 1, 2, SHAPE[1]):
        rolled = np.roll(there.ravel(), shift)
        assert abs(np.corrcoef(here.ravel(), rolled)[0, 1]) < limit
        if shift:
            alone = np.roll(here.ravel(), shift)
            assert abs(np.corrcoef(here.ravel(), alone)[0, 1]) < limit


def test_every_bit_is_set_half_the_time() -> None:
    bits = numpy(random_bits(SHAPE, np.array((5, 6)))).ravel()
    share = np.unpackbits(bits.view(np.uint8).reshape(-1, 4), axis=1).mean(axis=0)
    assert np.abs(share - 0.5).max() < 5 / np.sqrt(4 * bits.size)


def test_graphs_of_unknown_shape_draw_what_eager_calls_draw() -> None:
    eager, graph = Dropout(0.4, seed=2), Dropout(0.4, seed=2)
    spec = [tf.TensorSpec([None, None], tf.float32)]
    run = tf.function(lambda x: graph(x, training=True), input_signature=spec)
    ones = tf.ones((7, 9))
    np.testing.assert_array_equal(numpy(run(ones)), numpy(eager(ones, training=True)))


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates_out_of_range_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="`rate` must be"):
        Dropout(rate)
