"""Losses and accuracy over the labelled words alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfner.data.features import IGNORED


def log_probabilities(labels: Any, outputs: Any) -> Any:
    """Log-probabilities (B, W, T) of the tags; in a CRF, given the gold tag before.

    Args:
        labels: (B, W) int32 tag ids, -100 ignored.
        outputs: (B, W, T) logits, or what a CRF gives in training, (B, W, T, T).
    """
    if len(outputs.shape) == 3:
        return ops.log_softmax(ops.cast(outputs, "float32"), axis=-1)
    # At a window's first word any tag before will do: the outputs are the same for all.
    before = ops.maximum(ops.roll(labels, 1, axis=1), 0)  # (B, W)
    chosen = ops.one_hot(before, ops.shape(outputs)[-1], dtype="float32")  # (B, W, T)
    return ops.sum(chosen[..., None] * outputs, axis=2)


def summed_crossentropy(
    labels: Any,
    outputs: Any,
    *,
    smoothing: float = 0.0,
    gamma: float = 0.0,
    weights: Sequence[float] | None = None,
) -> tuple[Any, Any]:
    """Sum the cross-entropy over labelled words, and count them.

    A mean is left to the caller, who knows over how many rows and replicas to take it.
    Of a CRF's outputs the sum is the negative log-likelihood of the windows' tags.

    Args:
        labels: (B, W) int32 tag ids, -100 ignored.
        outputs: (B, W, T) logits, or what a CRF gives in training, (B, W, T, T).
        smoothing: share of the target that is spread evenly over all T tags, 0 to 1.
        gamma: a word counts `(1 - p) ** gamma`, p the probability of its tag; 0 or
            more, with 0 all count alike.
        weights: (T,) how much a word counts by its gold tag. The number of words stays
            what it is, so that weights of mean 1 leave the size of the loss.

    Returns:
        Two float32 scalars: the sum, and the number of labelled words.

    Source: Szegedy et al. 2016, section 7 (smoothing); Lin et al. 2017, equation 4
    (focal loss).
    """
    log_probs = log_probabilities(labels, outputs)
    tags = ops.shape(log_probs)[-1]
    chosen = ops.one_hot(labels, tags, dtype="float32")  # (B, W, T); of -100 all zeros
    valid = ops.cast(ops.not_equal(labels, IGNORED), "float32")  # (B, W)
    gold = ops.sum(chosen * log_probs, axis=-1)  # (B, W)
    losses = -gold
    if smoothing:
        even = -ops.mean(log_probs, axis=-1)
        losses = valid * ((1.0 - smoothing) * losses + smoothing * even)
    if gamma:
        # Where the tag is certain, a power's derivative would be infinite below 1.
        wrong = ops.maximum(1.0 - ops.exp(gold), keras.config.epsilon())
        losses = losses * wrong**gamma
    if weights is not None:
        losses = losses * ops.sum(chosen * ops.convert_to_tensor(weights), axis=-1)
    return ops.sum(losses), ops.sum(valid)


@keras.saving.register_keras_serializable(package="tfner")
def masked_crossentropy(labels: Any, outputs: Any) -> Any:
    """Mean cross-entropy of the labelled words, for `Model.compile(loss=…)`.

    Args:
        labels: (B, W) int32 tag ids, -100 ignored.
        outputs: (B, W, T) logits, or what a CRF gives in training, (B, W, T, T).

    Returns:
        A float32 scalar; 0 where nothing is labelled.
    """
    total, count = summed_crossentropy(ops.cast(labels, "int32"), outputs)
    return total / ops.maximum(count, 1.0)


@keras.saving.register_keras_serializable(package="tfner")
class MaskedAccuracy(keras.metrics.Metric):
    """Share of labelled words whose tag is predicted; padding is not counted in.

    In a CRF's training a tag is predicted given the gold tag of the word before.
    """

    def __init__(self, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.right = self.add_weight(name="right", initializer="zeros")
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count one batch: labels (B, W) and what the model gives in training."""
        del sample_weight  # -100 already says what counts
        labels = ops.cast(y_true, "int32")
        predicted = ops.argmax(log_probabilities(labels, y_pred), axis=-1)  # (B, W)
        hits = ops.equal(labels, ops.cast(predicted, "int32"))
        valid = ops.not_equal(labels, IGNORED)
        self.right.assign_add(ops.sum(ops.cast(hits, self.right.dtype)))
        self.total.assign_add(ops.sum(ops.cast(valid, self.total.dtype)))

    def result(self) -> Any:
        """The share so far, between 0 and 1."""
        return self.right / ops.maximum(self.total, 1.0)
