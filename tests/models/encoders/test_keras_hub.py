"""KerasHub's backbones as encoders; made-up ones of the same interface without it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.models import KerasHubEncoder, TokenClassifier

PIECES, POSITIONS = 30, 16
SIZE = {
    "vocabulary_size": PIECES,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 12,
    "max_sequence_length": POSITIONS,
}
BATCH = {
    "input_ids": np.array([[2, 7, 4, 9, 3], [3, 8, 5, 0, 0], [0] * 5], np.int32),
    "attention_mask": np.array([[1] * 5, [1, 1, 1, 0, 0], [0] * 5], np.int32),
    "token_type_ids": np.array([[0, 0, 1, 1, 1], [0] * 5, [0] * 5], np.int32),
}
HUB = {
    "token_ids": BATCH["input_ids"],
    "padding_mask": BATCH["attention_mask"],
    "segment_ids": BATCH["token_type_ids"],
}
needs_keras_hub = pytest.mark.skipif(
    importlib.util.find_spec("keras_hub") is None,
    reason="pip install --no-deps keras-hub",
)


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def made_up(*names: str) -> keras.Model:
    """A model of some of KerasHub's inputs; with segments it has two outputs."""
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    rows = keras.layers.Embedding(PIECES, 6)(inputs["token_ids"])
    if "segment_ids" not in names:
        return keras.Model(inputs, rows)
    mask = keras.ops.expand_dims(inputs["padding_mask"] > 0, -1)
    segments = keras.layers.Embedding(2, 6)(inputs["segment_ids"])
    rows = rows * keras.ops.cast(mask, "float32") + segments
    pooled = keras.layers.GlobalAveragePooling1D()(rows)
    return keras.Model(inputs, {"pooled_output": pooled, "sequence_output": rows})


def hub(kind: str, **changes: Any) -> keras.Model:
    """A small backbone whose weights are large enough for mistakes to show."""
    import keras_hub

    keras.utils.set_random_seed(0)
    backbone = getattr(keras_hub.models, kind)(**{**SIZE, **changes})
    for weight in backbone.weights:
        if len(weight.shape) > 1:
            weight.assign(np.random.default_rng(0).normal(0, 0.3, weight.shape))
    return backbone


BACKBONES = [
    pytest.param(lambda: made_up(*HUB), id="three inputs, two outputs"),
    pytest.param(lambda: made_up("token_ids"), id="one input, one output"),
    pytest.param(lambda: hub("BertBackbone"), id="Bert", marks=needs_keras_hub),
    pytest.param(
        lambda: hub("DistilBertBackbone"), id="DistilBert", marks=needs_keras_hub
    ),
]


@pytest.mark.parametrize("make", BACKBONES)
def test_adapters_are_serialisable_with_their_backbone(
    make: Callable[[], keras.Model], check_model: Callable[..., None]
) -> None:
    check_model(KerasHubEncoder(make()), BATCH)


@pytest.mark.parametrize("make", BACKBONES)
def test_what_is_given_is_the_sequence_output(make: Callable[[], keras.Model]) -> None:
    backbone = make()
    wanted = {name: HUB[name] for name in backbone.input}
    expected = backbone(wanted)
    if isinstance(expected, dict):
        expected = expected["sequence_output"]
    found = KerasHubEncoder(backbone)(BATCH)
    np.testing.assert_array_equal(numpy(found), numpy(expected))


@needs_keras_hub
def test_mask_and_segments_of_a_backbone_count() -> None:
    encoder = KerasHubEncoder(hub("BertBackbone"))
    output = numpy(encoder(BATCH))
    for name in ("attention_mask", "token_type_ids"):
        other = {**BATCH, name: np.ones_like(BATCH[name])}
        assert np.abs(numpy(encoder(other)) - output).max() > 1e-2
    wider = {name: np.pad(array, ((0, 0), (0, 3))) for name, array in BATCH.items()}
    real = BATCH["attention_mask"] > 0
    assert np.abs(numpy(encoder(wider))[:, :5][real] - output[real]).max() < 1e-5


@needs_keras_hub
def test_rows_of_padding_alone_stay_finite_with_finite_gradients() -> None:
    encoder = KerasHubEncoder(hub("BertBackbone"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(encoder(BATCH, training=True) ** 2)
    weights = [v.value for v in encoder.trainable_variables]
    gradients = tape.gradient(loss, weights)
    assert np.isfinite(numpy(loss))
    assert all(np.isfinite(numpy(tf.convert_to_tensor(g))).all() for g in gradients)


@needs_keras_hub
@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "xla"])
def test_a_head_runs_on_a_backbone_at_any_length(compiled: bool) -> None:
    model = TokenClassifier(KerasHubEncoder(hub("BertBackbone")), 3)
    run = tf.function(model, jit_compile=compiled, reduce_retracing=not compiled)
    batch = {**BATCH, "labeled_positions": np.array([[1, 2], [1, 0], [0, 0]], np.int32)}
    expected = numpy(model(batch))
    for width in (0, 4):
        wider = {
            name: np.pad(array, ((0, 0), (0, width))) for name, array in batch.items()
        }
        found = numpy(run(wider))[:2, :2]
        assert np.abs(found - expected[:2]).max() < 1e-5


@needs_keras_hub
def test_a_pooler_that_nothing_reads_is_kept_but_not_trained() -> None:
    encoder = KerasHubEncoder(hub("BertBackbone"))
    fixed = {weight.path for weight in encoder.non_trainable_weights}
    assert fixed == {"pooled_dense/kernel", "pooled_dense/bias"}


@needs_keras_hub
def test_an_adapter_knows_the_limits_of_its_backbone() -> None:
    encoder = KerasHubEncoder(hub("BertBackbone"))
    assert (encoder.max_positions, encoder.vocab_size) == (POSITIONS, PIECES)
    assert not hasattr(KerasHubEncoder(made_up("token_ids")), "vocab_size")
