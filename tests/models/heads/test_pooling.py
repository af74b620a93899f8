"""Words pooled from their pieces, beside a loop over words in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, get_args

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.config.choices import Pool
from tfner.models.heads.pooling import POOLS, WordPooling
from tfner.models.heads.token_classifier import TokenClassifier

from ..conftest import numpy, own_encoder

WIDTH = 5
BATCH = {
    "input_ids": np.array([[2, 7, 4, 9, 1, 6], [3, 8, 5, 0, 0, 0]], np.int32),
    "attention_mask": np.array([[1, 1, 1, 2, 2, 2], [1, 1, 1, 0, 0, 0]], np.int32),
    "token_type_ids": np.zeros((2, 6), np.int32),
    "labeled_positions": np.array([[1, 3, 5], [1, 0, 0]], np.int32),
    "word_lengths": np.array([[2, 2, 1], [2, 0, 0]], np.int32),
}


def layer_of(pool: str, **settings: Any) -> WordPooling:
    """A layer whose learnt weights, if it has any, are not those it begins with."""
    layer = WordPooling(pool, **settings)
    layer.build((None, None, WIDTH))
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=w.shape) for w in layer.weights])
    return layer


def reference(layer: WordPooling, rows: np.ndarray, starts: Any, lengths: Any) -> Any:
    """The pooled words (B, W, H), NaN where there is none."""
    found = np.full((*starts.shape, rows.shape[-1]), np.nan)
    for row, word in zip(*np.nonzero(lengths), strict=True):
        at, length = starts[row, word], lengths[row, word]
        pieces = rows[row, at : at + length].astype("float64")
        if layer.pool == "attention":
            scores = np.exp(pieces @ layer.weights[0].numpy()[:, 0])
            pooled = scores @ pieces / scores.sum()
        else:
            pooled = {
                "first": pieces[0],
                "last": pieces[-1],
                "mean": pieces.mean(0),
                "max": pieces.max(0),
            }[layer.pool]
        found[row, word] = pooled
    return found


@st.composite
def batches(draw: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of vectors, and words in them: some rows full, some without a word."""
    batch, pieces = draw(st.integers(1, 3)), draw(st.integers(1, 12))
    starts, lengths = np.zeros((2, batch, pieces), np.int32)
    for row in range(batch):
        edges = sorted(draw(st.sets(st.integers(0, pieces), max_size=pieces)))
        for word, (start, end) in enumerate(pairwise(edges)):
            starts[row, word] = start
            lengths[row, word] = draw(st.integers(1, end - start))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    rows = random.normal(size=(batch, pieces, WIDTH)).astype("float32")
    return rows, starts, lengths


@pytest.mark.parametrize("pool", POOLS)
@settings(max_examples=40, deadline=None)
@given(batch=batches())
def test_words_are_pooled_as_a_loop_pools_them(pool: str, batch: Any) -> None:
    layer = layer_of(pool)
    found, expected = numpy(layer(*batch)), reference(layer, *batch)
    is_word = batch[2] > 0
    assert np.isfinite(found).all()
    assert np.abs(found - expected)[is_word].max(initial=0) < 1e-5
    assert layer.compute_output_shape(*(a.shape for a in batch)) == found.shape


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "xla"])
def test_gradients_are_those_of_single_words(pool: str, compiled: bool) -> None:
    random = np.random.default_rng(0)
    rows = tf.constant(random.normal(size=(2, 7, WIDTH)).astype("float32"))
    starts = np.array([[1, 4, 6], [2, 0, 0]], np.int32)
    lengths = np.array([[3, 2, 1], [4, 0, 0]], np.int32)
    layer, weights = layer_of(pool), random.normal(size=(2, 3, WIDTH))
    weights = tf.constant(weights * (lengths > 0)[..., None], tf.float32)

    @tf.function(jit_compile=compiled)
    def gradients(rows: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            loss = tf.reduce_sum(layer(rows, starts, lengths) * weights)
        return tape.gradient(loss, [rows, *layer.trainable_variables])

    found = [numpy(gradient) for gradient in gradients(rows)]

    def loss(rows: np.ndarray) -> float:
        pooled = np.nan_to_num(reference(layer, rows, starts, lengths))
        return float((pooled * weights.numpy()).sum())

    expected, step = np.zeros(rows.shape), 1e-5
    for place in np.ndindex(*rows.shape):
        moved = rows.numpy().astype("float64")
        moved[place] += step
        up = loss(moved)
        moved[place] -= 2 * step
        expected[place] = (up - loss(moved)) / (2 * step)
    assert np.abs(found[0] - expected).max() < 1e-3
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in found)


def test_attention_begins_as_the_mean() -> None:
    rows = np.random.default_rng(0).normal(size=(1, 4, WIDTH)).astype("float32")
    words = np.array([[0, 3]], np.int32), np.array([[3, 1]], np.int32)
    found, mean = WordPooling("attention")(rows, *words), WordPooling("mean")
    assert np.abs(numpy(found) - numpy(mean(rows, *words))).max() < 1e-6


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_low_precision_keeps_its_type(pool: str, policy: str) -> None:
    rows = np.random.default_rng(0).normal(size=(1, 6, WIDTH)).astype("float32")
    words = np.array([[1, 0]], np.int32), np.array([[5, 0]], np.int32)
    layer = layer_of(pool, dtype=policy)
    found = layer(rows, *words)
    assert keras.backend.standardize_dtype(found.dtype) == layer.compute_dtype
    low = numpy(keras.ops.cast(found, "float32"))
    assert np.isfinite(low).all()
    assert np.abs(low - reference(layer, rows, *words))[0, 0].max() < 0.05


def test_every_setting_is_a_pooling() -> None:
    assert get_args(Pool) == POOLS


def test_a_pooling_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="`pool` 'man'; did you mean 'mean'"):
        WordPooling("man")


def test_words_without_lengths_are_refused() -> None:
    rows, starts = np.zeros((1, 2, WIDTH), "float32"), np.zeros((1, 1), "int32")
    assert numpy(WordPooling()(rows, starts)).shape == (1, 1, WIDTH)
    with pytest.raises(ValueError, match="pool=max, no lengths"):
        WordPooling("max")(rows, starts)


def classifier(pool: str, *, crf: bool = False) -> TokenClassifier:
    return TokenClassifier(own_encoder(), 4, pool=pool, crf=crf)


@pytest.mark.parametrize("pool", POOLS[1:])
def test_classifiers_that_pool_are_serialisable(
    pool: str, check_model: Callable[..., None]
) -> None:
    check_model(classifier(pool, crf=pool == "max"), BATCH)


@pytest.mark.parametrize(
    ("pool", "crf"), [*((pool, False) for pool in POOLS[1:]), ("mean", True)]
)
def test_shapes_may_be_unknown_and_xla_says_the_same(pool: str, crf: bool) -> None:
    model = classifier(pool, crf=crf)
    model.build()
    spec = tf.TensorSpec([None, None], tf.int32)
    run = tf.function(model, input_signature=[dict.fromkeys(BATCH, spec)])
    compiled = tf.function(model, jit_compile=True)
    expected = numpy(model(BATCH))
    is_word = BATCH["word_lengths"] > 0
    for found in (run(BATCH), compiled(BATCH)):
        assert np.abs(numpy(found) - expected)[is_word].max() < 1e-5
