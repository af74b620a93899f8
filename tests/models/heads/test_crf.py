"""The CRF against all paths counted one by one, and against finite differences."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.models.heads.crf import CRF, RATE, chain_ends, chains_of
from tfner.models.heads.losses import (
    MaskedAccuracy,
    masked_crossentropy,
    summed_crossentropy,
)
from tfner.models.heads.token_classifier import INPUTS, TokenClassifier

TAGS = 3
# Two windows and padding; one window; a row of padding; windows of one word.
CHAINS = np.array(
    [[1, 1, 1, 2, 2, 0], [1, 1, 1, 1, 1, 1], [0] * 6, [1, 2, 3, 3, 0, 0]], np.int32
)
RANDOM = np.random.default_rng(0)
EMISSIONS = RANDOM.normal(0, 2, (*CHAINS.shape, TAGS)).astype("float32")
LABELS = np.where(CHAINS > 0, RANDOM.integers(0, TAGS, CHAINS.shape), -100).astype("i4")


def make_layer(spread: float = 1.0) -> CRF:
    layer = CRF()
    layer.build((None, None, TAGS))
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(0, spread, w.shape) / RATE for w in layer.weights])
    return layer


def windows() -> list[tuple[int, slice]]:
    """Row and columns of every window."""
    found = []
    for row, chain in enumerate(CHAINS):
        for number in sorted(set(chain.tolist()) - {0}):
            at = np.flatnonzero(chain == number)
            found.append((row, slice(int(at[0]), int(at[-1]) + 1)))
    return found


def path_scores(emissions: Any, weights: list[Any]) -> dict[tuple[int, ...], float]:
    """The score of every path of tags over one window."""
    transitions, start, end = (RATE * w.astype("float64") for w in weights)
    found = {}
    for path in itertools.product(range(TAGS), repeat=len(emissions)):
        steps = sum(transitions[a, b] for a, b in itertools.pairwise(path))
        tags = sum(emissions[word, tag] for word, tag in enumerate(path))
        found[path] = float(start[path[0]] + tags + steps + end[path[-1]])
    return found


def log_z(scores: dict[tuple[int, ...], float]) -> float:
    return float(np.logaddexp.reduce(list(scores.values())))


def expected_loss(emissions: Any, weights: list[Any]) -> float:
    """Negative log-likelihood of all windows, by counting."""
    total = 0.0
    for row, columns in windows():
        scores = path_scores(emissions[row, columns].astype("float64"), weights)
        gold = tuple(LABELS[row, columns].tolist())
        total += log_z(scores) - scores[gold]
    return total


def loss_of(layer: CRF, emissions: Any) -> Any:
    return summed_crossentropy(LABELS, layer(emissions, CHAINS, training=True))


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def test_the_loss_is_the_likelihood_of_the_paths_of_every_window() -> None:
    layer = make_layer()
    total, count = loss_of(layer, EMISSIONS)
    assert float(count) == (CHAINS > 0).sum()
    expected = expected_loss(EMISSIONS, layer.get_weights())
    assert float(total) == pytest.approx(expected, rel=1e-5)


def test_probabilities_are_the_shares_of_all_paths() -> None:
    layer = make_layer()
    probs = np.exp(numpy(layer(EMISSIONS, CHAINS)))
    for row, columns in windows():
        scores = path_scores(EMISSIONS[row, columns], layer.get_weights())
        whole = log_z(scores)
        counted = np.zeros(probs[row, columns].shape)
        for path, score in scores.items():
            counted[range(len(path)), path] += np.exp(score - whole)
        np.testing.assert_allclose(probs[row, columns], counted, atol=1e-6)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "xla"])
def test_the_gradient_is_that_of_the_likelihood(compiled: bool) -> None:
    layer = make_layer()
    weights = layer.get_weights()

    @tf.function(jit_compile=compiled)
    def gradients(emissions: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            total, _ = loss_of(layer, emissions)
        return tape.gradient(total, [emissions, *layer.trainable_variables])

    found = [numpy(g) for g in gradients(tf.constant(EMISSIONS))]
    values = [EMISSIONS.astype("float64"), *(w.astype("float64") for w in weights)]
    for number, gradient in enumerate(found):
        step = 1e-5 if number == 0 else 1e-5 / RATE
        for place in np.ndindex(gradient.shape):
            sides = []
            for sign in (1, -1):
                moved = [value.copy() for value in values]
                moved[number][place] += sign * step
                sides.append(expected_loss(moved[0], moved[1:]))
            slope = (sides[0] - sides[1]) / (2 * step)
            assert gradient[place] == pytest.approx(slope, rel=1e-3, abs=1e-4)


def test_the_gradient_is_expected_less_observed_tags() -> None:
    layer, emissions = make_layer(), tf.constant(EMISSIONS)
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        total, _ = loss_of(layer, emissions)
    observed = np.eye(TAGS)[np.maximum(LABELS, 0)]
    expected = np.exp(numpy(layer(EMISSIONS, CHAINS))) - observed
    expected[LABELS < 0] = 0
    np.testing.assert_allclose(tape.gradient(total, emissions), expected, atol=1e-5)


def test_neither_padding_nor_neighbours_in_a_row_matter() -> None:
    layer = make_layer()
    whole = numpy(layer(EMISSIONS, CHAINS))
    for row, columns in windows():
        alone = layer(EMISSIONS[row : row + 1, columns], CHAINS[row : row + 1, columns])
        np.testing.assert_allclose(numpy(alone)[0], whole[row, columns], atol=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_long_rows_and_extreme_scores_stay_exact(scale: float) -> None:
    layer = make_layer(spread=5.0)
    words = 150
    emissions = scale * np.random.default_rng(2).normal(size=(1, words, TAGS))
    chains = np.ones((1, words), np.int32)
    found = numpy(layer(emissions.astype("float32"), chains))
    transitions, start, end = (RATE * w.astype("float64") for w in layer.get_weights())
    nodes = emissions[0].astype("float32").astype("float64")
    nodes[0] += start
    nodes[-1] += end
    left, right = [np.zeros(TAGS)], [np.zeros(TAGS)]
    for word in range(words - 1):
        ahead = (left[-1] + nodes[word])[:, None] + transitions
        left.append(np.logaddexp.reduce(ahead, axis=0))
        behind = (right[-1] + nodes[-1 - word])[None, :] + transitions
        right.append(np.logaddexp.reduce(behind, axis=1))
    logs = nodes + left + right[::-1]
    logs -= np.logaddexp.reduce(logs, axis=-1, keepdims=True)
    np.testing.assert_allclose(np.exp(found[0]), np.exp(logs), atol=2e-3)
    total, _ = summed_crossentropy(
        found.argmax(-1), layer(emissions.astype("float32"), chains, training=True)
    )
    assert np.isfinite(float(total))


def test_without_scores_of_steps_it_is_a_softmax() -> None:
    layer = make_layer(spread=0.0)
    expected = numpy(keras.ops.log_softmax(EMISSIONS))
    np.testing.assert_allclose(numpy(layer(EMISSIONS, CHAINS)), expected, atol=1e-6)
    total, _ = loss_of(layer, EMISSIONS)
    plain, _ = summed_crossentropy(LABELS, EMISSIONS)
    assert float(total) == pytest.approx(float(plain), rel=1e-5)


def test_rows_without_a_word_and_batches_without_a_row_pass() -> None:
    layer = make_layer()
    assert layer(EMISSIONS[:, :0], CHAINS[:, :0]).shape == (4, 0, TAGS)
    assert layer(EMISSIONS[:0], CHAINS[:0]).shape == (0, 6, TAGS)


def test_chains_are_the_windows_of_the_words() -> None:
    features = {
        "attention_mask": np.array([[1, 1, 1, 2, 2, 0], [1, 1, 0, 0, 0, 0]]),
        "labeled_positions": np.array([[1, 2, 4, 0], [0, 1, 0, 0]]),
    }
    chains = numpy(chains_of(features))
    np.testing.assert_array_equal(chains, [[1, 1, 2, 0], [1, 1, 0, 0]])
    firsts, lasts = map(numpy, chain_ends(chains))
    np.testing.assert_array_equal(firsts[0], [True, False, True, True])
    np.testing.assert_array_equal(lasts[0], [False, True, True, True])


def batch() -> dict[str, np.ndarray]:
    positions = np.array([[1, 2, 4, 5, 0], [1, 2, 3, 0, 0]], np.int32)
    return {
        "input_ids": np.array([[1, 5, 6, 1, 7, 5, 0], [1, 6, 7, 5, 0, 0, 0]], "i4"),
        "attention_mask": np.array(
            [[1, 1, 1, 2, 2, 2, 0], [1, 1, 1, 1, 0, 0, 0]], "i4"
        ),
        "token_type_ids": np.zeros((2, 7), np.int32),
        "labeled_positions": positions,
    }


def make_model(policy: str = "float32") -> TokenClassifier:
    from tfner.models.encoders.bert import Encoder

    keras.utils.set_random_seed(0)
    encoder = Encoder(
        vocab_size=11,
        hidden_size=16,
        num_layers=1,
        num_heads=2,
        intermediate_size=16,
        max_positions=8,
        initializer_range=0.3,
        dtype=policy,
    )
    return TokenClassifier(encoder, TAGS, crf=True, dtype=policy)


def test_a_classifier_with_a_crf_is_an_ordinary_model(check_model: Any) -> None:
    check_model(make_model(), batch())


def test_it_computes_in_float32_whatever_the_policy() -> None:
    model = make_model("mixed_bfloat16")
    assert numpy(model(batch())).dtype == np.float32
    assert numpy(model(batch(), training=True)).dtype == np.float32


def test_it_learns_tags_that_only_the_tag_before_tells() -> None:
    """Every word is the same piece, so that only steps can tell the tags apart."""
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}
    rows = keras.layers.Embedding(11, 8)(inputs["input_ids"])
    model = TokenClassifier(keras.Model(inputs, rows), TAGS, crf=True)
    features = batch()
    features["input_ids"] = np.ones_like(features["input_ids"])
    labels = np.array([[0, 1, 0, 1, -100], [0, 1, 2, -100, -100]], np.int32)
    model.compile(
        optimizer=keras.optimizers.Adam(0.02),
        loss=masked_crossentropy,
        metrics=[MaskedAccuracy()],
        jit_compile=True,
    )
    losses = [model.train_on_batch(features, labels)[0] for _ in range(40)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] / 4
    assert np.abs(RATE * model.crf.transitions.numpy()).max() > 0.5
