"""The factored pair scores against the published formula, over all pairs at once."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.models.heads import pair_scorer as pairs
from tfner.models.heads.pair_scorer import PairScorer

ROWS, LENGTH, WIDTH = 3, 11, 8
TOLERANCE = 2e-5


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def scorer(random: np.random.Generator) -> PairScorer:
    layer = PairScorer(dropout=0.5)
    layer.build((None, None, WIDTH))
    for weight in layer.weights[:5]:
        weight.assign(random.normal(0, 0.5, weight.shape))
    return layer


def published(scorer: PairScorer, rows: Any) -> Any:
    """`[h_i; h_j]` -> dense -> gelu -> dense, with the whole tensor of all pairs."""
    first = tf.tile(rows[:, :, None], [1, 1, LENGTH, 1])
    last = tf.tile(rows[:, None], [1, LENGTH, 1, 1])
    kernel = tf.concat([scorer.first_kernel.value, scorer.last_kernel.value], 0)
    hidden = tf.concat([first, last], -1) @ kernel + scorer.bias.value
    hidden = tf.nn.gelu(hidden, approximate=False)
    return tf.linalg.matvec(hidden, scorer.output_kernel.value) + (
        scorer.output_bias.value
    )


@pytest.mark.parametrize("share", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("chunk", [16, 2048])
@pytest.mark.parametrize("jit", [False, True])
def test_scores_and_gradients_are_those_of_the_published_formula(
    scorer: PairScorer,
    random: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    chunk: int,
    jit: bool,
) -> None:
    monkeypatch.setattr(pairs, "CHUNK", chunk)
    rows = tf.constant(random.normal(size=(ROWS, LENGTH, WIDTH)), tf.float32)
    candidates = tf.constant(random.random((ROWS, LENGTH, LENGTH)) < share)
    upstream = tf.constant(random.normal(size=candidates.shape), tf.float32)
    weights = [weight.value for weight in scorer.trainable_weights]

    def score_and_gradients(function: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            scores = tf.where(candidates, function(rows), 0.0)
            total = tf.reduce_sum(scores * upstream)
        return scores, tape.gradient(total, [rows, *weights])

    run = tf.function(
        lambda: score_and_gradients(lambda x: scorer(x, candidates)), jit_compile=jit
    )
    scores, gradients = run()
    expected, expected_gradients = score_and_gradients(lambda x: published(scorer, x))
    assert share == 0 or float(tf.math.reduce_std(expected)) > 0.3
    assert np.abs(scores - expected).max() < TOLERANCE
    for found, wanted in zip(gradients, expected_gradients, strict=True):
        assert np.abs(found - wanted).max() < TOLERANCE * LENGTH


def test_dropout_takes_the_same_units_in_scores_and_gradients(
    scorer: PairScorer, random: np.random.Generator
) -> None:
    """With dropout the score is still linear in its kernel: score = kernel · slope."""
    rows = tf.constant(random.normal(size=(ROWS, LENGTH, WIDTH)), tf.float32)
    candidates = tf.ones((ROWS, LENGTH, LENGTH), bool)
    kernel = scorer.output_kernel
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(scorer(rows, candidates, training=True))
    (slope,) = tape.gradient(total, [kernel.value])
    bias = scorer.output_bias.numpy() * tf.size(candidates).numpy()
    expected = float(tf.reduce_sum(kernel.value * slope)) + bias
    assert float(total) == pytest.approx(expected, rel=1e-4)
    plain = float(tf.reduce_sum(scorer(rows, candidates)))
    assert abs(float(total) - plain) > 1e-2
    again = float(tf.reduce_sum(scorer(rows, candidates, training=True)))
    assert float(total) != again


def test_a_scorer_is_made_again_from_its_config() -> None:
    layer = PairScorer(5, dropout=0.25)
    again = PairScorer.from_config(layer.get_config())
    assert (again.width, again.rate) == (5, 0.25)
    assert keras.saving.get_registered_name(PairScorer) == "tfner>PairScorer"
