"""What every encoder does, whatever family it is of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfner.checkpoints.families import FAMILIES
from tfner.models.encoders import ENCODERS
from tfner.models.encoders.interface import layer_groups
from tfner.models.encoders.parts import with_pieces

# One family of each class; some things depend on its options as well.
BY_CLASS = {f.encoder: name for name, f in reversed(FAMILIES.items())}
WINDOWS = [5, 19, 1, 3]

Make = Callable[..., Any]


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


def gradient_tensors(encoder: Any, batch: Any, *, training: bool) -> list[Any]:
    with tf.GradientTape() as tape:
        output = tf.cast(encoder(batch, training=training), "float32")
        loss = tf.reduce_sum(output**2 * tf.range(1.0, 1 + output.shape[-1]))
    found = tape.gradient(loss, [v.value for v in encoder.trainable_variables])
    return [tf.convert_to_tensor(gradient) for gradient in found]


def gradients(encoder: Any, batch: Any, *, training: bool) -> list[np.ndarray]:
    return list(map(numpy, gradient_tensors(encoder, batch, training=training)))


@pytest.mark.parametrize("name", BY_CLASS.values())
def test_encoders_are_serialisable_and_build_without_data(
    name: str, make: Make, rows: Any, check_model: Callable[..., None]
) -> None:
    # Small weights, as new ones are: low precision must not change what they say.
    settings = make(name).get_config() | {"initializer_range": 0.02}
    batch = rows([5, 4], [7], [], width=10)
    check_model(ENCODERS[FAMILIES[name].encoder].from_config(settings), batch)


@pytest.mark.parametrize("name", FAMILIES)
def test_packed_rows_equal_padded_ones_and_wider_ones(
    name: str, make: Make, pack: Any
) -> None:
    encoder = make(name)
    padded, packed = pack(WINDOWS)
    wider = {key: np.pad(array, ((0, 0), (0, 6))) for key, array in padded.items()}
    wider["input_ids"][:, 19:] = 9
    apart, together = numpy(encoder(padded)), numpy(encoder(packed))
    real = padded["attention_mask"] > 0
    assert np.abs(together[0][:-2] - apart[real]).max() < 1e-5
    assert np.abs(numpy(encoder(wider))[:, :19][real] - apart[real]).max() < 1e-5
    assert np.isfinite(together).all()
    one = {**packed, "attention_mask": np.minimum(packed["attention_mask"], 1)}
    assert np.abs(numpy(encoder(one))[0][:-2] - apart[real]).max() > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_an_encoder_of_some_pieces_says_the_same_of_them(
    name: str, make: Make, rows: Any
) -> None:
    encoder, ids = make(name), np.array([1, 4, 7, 9, 30, 31, 48])
    small = with_pieces(encoder, ids)
    assert small.vocab_size == len(ids)
    batch = rows([5, 4], [7], [], width=10)
    batch["input_ids"] %= len(ids)
    whole = {**batch, "input_ids": ids[batch["input_ids"]]}
    assert np.abs(numpy(small(batch)) - numpy(encoder(whole))).max() < 1e-6


QUICK = ("bert", "modernbert")
"""The others are compiled in the slow tier."""


@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in FAMILIES],
)
def test_what_xla_compiles_says_and_learns_the_same(
    name: str, make: Make, pack: Any
) -> None:
    encoder = make(name)
    _, packed = pack(WINDOWS)
    compiled = tf.function(encoder, jit_compile=True)
    assert np.abs(numpy(compiled(packed)) - numpy(encoder(packed))).max() < 2e-5
    learn = tf.function(partial(gradient_tensors, encoder), jit_compile=True)
    expected = gradient_tensors(encoder, packed, training=False)
    for one, other in zip(learn(packed, training=False), expected, strict=True):
        largest = max(1, np.abs(numpy(other)).max())
        assert np.abs(numpy(one) - numpy(other)).max() < 1e-4 * largest


@pytest.mark.parametrize("name", BY_CLASS.values())
def test_layers_that_are_computed_again_have_the_same_gradients(
    name: str, make: Make, rows: Any
) -> None:
    batch = rows([5, 4], [7], width=10)
    kept = make(name, hidden_dropout=0.3, attention_dropout=0.3)
    again = make(name, hidden_dropout=0.3, attention_dropout=0.3)
    again.recompute_layers()
    for one, other in zip(kept.variables, again.variables, strict=True):
        other.assign(one)
    seeds = [layer.seed_generator for layer in _dropouts(kept)]
    for one, layer in zip(seeds, _dropouts(again), strict=True):
        layer.seed_generator.state.assign(one.state)
    found, expected = (gradients(e, batch, training=True) for e in (again, kept))
    for weight, one, other in zip(kept.weights, found, expected, strict=True):
        assert np.abs(one - other).max() < 1e-3 * max(1, np.abs(other).max()), weight
        # What the keys' bias adds is the same for all keys, but for rounding.
        assert np.abs(other).max() > 0, weight.path


def _dropouts(encoder: Any) -> list[Any]:
    return [la for la in encoder._flatten_layers() if hasattr(la, "seed_generator")]


@pytest.mark.parametrize("name", BY_CLASS.values())
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_rows_of_padding_alone_stay_finite_with_finite_gradients(
    name: str, policy: str, make: Make, rows: Any
) -> None:
    encoder = make(name, dtype=policy)
    batch = rows([], [3], width=5)
    assert np.isfinite(numpy(encoder(batch)).astype("float32")).all()
    for gradient in gradients(encoder, batch, training=False):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_weight_is_in_one_group_of_layers(name: str, make: Make) -> None:
    encoder = make(name)
    groups = layer_groups(encoder, setting="--freeze")
    found = [id(w) for group in groups for layer in group for w in layer.weights]
    assert len(found) == len(set(found)) == len(encoder.weights)


@pytest.mark.parametrize("name", BY_CLASS.values())
def test_dropout_acts_in_training_alone(name: str, make: Make, rows: Any) -> None:
    batch = rows([6], width=6)
    encoder = make(name, hidden_dropout=0.5, attention_dropout=0.5)
    plain = numpy(encoder(batch))
    np.testing.assert_array_equal(numpy(encoder(batch)), plain)
    assert np.abs(numpy(encoder(batch, training=True)) - plain).max() > 1e-2


@pytest.mark.parametrize("name", BY_CLASS.values())
def test_shapes_may_be_unknown(name: str, make: Make, rows: Any) -> None:
    encoder = make(name)
    spec = tf.TensorSpec([None, None], tf.int32)
    names = ("input_ids", "attention_mask", "token_type_ids")
    run = tf.function(encoder, input_signature=[dict.fromkeys(names, spec)])
    for batch in (rows([3], width=4), rows([5], [2, 4], width=7)):
        assert np.abs(numpy(run(batch)) - numpy(encoder(batch))).max() < 1e-5
