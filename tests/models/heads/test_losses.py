"""Loss and accuracy against what numpy computes."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.data import features
from tfner.models.heads import losses
from tfner.models.heads.losses import (
    MaskedAccuracy,
    masked_crossentropy,
    summed_crossentropy,
)

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(0, 3, (4, 7, 5)).astype("float32")
LABELS = RANDOM.integers(0, 5, (4, 7)).astype("int32")
LABELS[RANDOM.random((4, 7)) < 0.4] = losses.IGNORED
LABELS[2] = losses.IGNORED  # a row of padding


def expected_losses() -> list[float]:
    found = []
    for labels, rows in zip(LABELS, LOGITS, strict=True):
        for label, scores in zip(labels, rows, strict=True):
            if label != losses.IGNORED:
                odds = np.exp(scores.astype("float64"))
                found.append(-np.log(odds[label] / odds.sum()))
    return found


def number(tensor: object) -> float:
    return float(keras.ops.convert_to_numpy(tensor))


def test_the_ignored_label_is_the_one_of_the_feature_table() -> None:
    assert losses.IGNORED == features.IGNORED


def test_the_sum_is_over_labelled_words() -> None:
    total, count = summed_crossentropy(LABELS, LOGITS)
    assert number(count) == len(expected_losses())
    assert number(total) == pytest.approx(sum(expected_losses()), rel=1e-5)


def words_by_hand() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, 5) and tags (N,) of the labelled words, in double precision."""
    valid = losses.IGNORED != LABELS
    odds = np.exp(LOGITS[valid].astype("float64"))
    return odds / odds.sum(-1, keepdims=True), LABELS[valid]


def test_smoothing_moves_a_share_of_the_target_to_all_tags() -> None:
    probs, tags = words_by_hand()
    targets = 0.8 * np.eye(5)[tags] + 0.2 / 5
    total, count = summed_crossentropy(LABELS, LOGITS, smoothing=0.2)
    assert number(count) == len(tags)
    expected = -(targets * np.log(probs)).sum()
    assert number(total) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_the_focal_loss_counts_what_is_predicted_well_less(gamma: float) -> None:
    probs, tags = words_by_hand()
    chosen = probs[range(len(tags)), tags]
    total, count = summed_crossentropy(LABELS, LOGITS, gamma=gamma)
    assert number(count) == len(tags)
    expected = -((1 - chosen) ** gamma * np.log(chosen)).sum()
    assert number(total) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_focal_loss_of_certain_words_has_a_finite_gradient(gamma: float) -> None:
    logits = tf.constant(np.sign(LOGITS) * 1e4)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        total, _ = summed_crossentropy(LABELS, logits, gamma=gamma)
    assert np.isfinite(tape.gradient(total, logits)).all()


def test_weights_count_words_by_their_gold_tag_and_leave_their_number() -> None:
    probs, tags = words_by_hand()
    weights = (0.5, 1.0, 2.0, 3.0, 0.0)
    total, count = summed_crossentropy(LABELS, LOGITS, weights=weights)
    assert number(count) == len(tags)
    losses = -np.log(probs[range(len(tags)), tags])
    assert number(total) == pytest.approx((losses * np.take(weights, tags)).sum(), 1e-5)


@pytest.mark.parametrize("dtype", ["int32", "float32", "int64"])
def test_the_loss_is_the_mean_over_labelled_words(dtype: str) -> None:
    loss = masked_crossentropy(LABELS.astype(dtype), LOGITS)
    assert number(loss) == pytest.approx(np.mean(expected_losses()), rel=1e-5)


def test_nothing_labelled_is_no_loss() -> None:
    nothing = np.full_like(LABELS, losses.IGNORED)
    assert number(masked_crossentropy(nothing, LOGITS)) == 0


def test_certain_logits_leave_the_loss_finite() -> None:
    loss = masked_crossentropy(LABELS, np.sign(LOGITS) * 1e4)
    assert np.isfinite(number(loss))


def test_accuracy_is_the_share_of_labelled_words_over_all_batches() -> None:
    metric = MaskedAccuracy()
    for row in range(4):
        metric.update_state(LABELS[row : row + 1], LOGITS[row : row + 1])
    valid = losses.IGNORED != LABELS
    right = (LOGITS.argmax(axis=-1) == LABELS)[valid]
    assert number(metric.result()) == pytest.approx(right.mean())
    metric.reset_state()
    assert number(metric.result()) == 0


def test_both_survive_serialisation() -> None:
    metric = keras.metrics.deserialize(keras.metrics.serialize(MaskedAccuracy("a")))
    assert type(metric) is MaskedAccuracy
    assert metric.name == "a"
    record = keras.saving.serialize_keras_object(masked_crossentropy)
    assert keras.saving.deserialize_keras_object(record) is masked_crossentropy
