"""Loss and accuracy over the labelled words alone."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfner.data.features import IGNORED


def summed_crossentropy(labels: Any, logits: Any) -> tuple[Any, Any]:
    """Cross-entropy summed over labelled words, and their number.

    A mean is left to the caller, who knows over how many rows and replicas to take it.

    Args:
        labels: (B, W) int32 tag ids, -100 ignored.
        logits: (B, W, T).

    Returns:
        Two float32 scalars.
    """
    valid = ops.not_equal(labels, IGNORED)
    log_probs = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    chosen = ops.one_hot(labels, ops.shape(logits)[-1], dtype="float32")
    total = -ops.sum(chosen * log_probs)  # one_hot of -100 is all zeros
    return total, ops.sum(ops.cast(valid, "float32"))


@keras.saving.register_keras_serializable(package="tfner")
def masked_crossentropy(labels: Any, logits: Any) -> Any:
    """Mean cross-entropy of the labelled words, for `Model.compile(loss=…)`.

    Args:
        labels: (B, W) int32 tag ids, -100 ignored.
        logits: (B, W, T).

    Returns:
        A float32 scalar; 0 where nothing is labelled.
    """
    total, count = summed_crossentropy(ops.cast(labels, "int32"), logits)
    return total / ops.maximum(count, 1.0)


@keras.saving.register_keras_serializable(package="tfner")
class MaskedAccuracy(keras.metrics.Metric):
    """Share of labelled words whose tag is predicted; padding is not counted in."""

    def __init__(self, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.right = self.add_weight(name="right", initializer="zeros")
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count one batch: labels (B, W) and logits (B, W, T)."""
        del sample_weight  # -100 already says what counts
        labels = ops.cast(y_true, "int32")
        hits = ops.equal(labels, ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
        valid = ops.not_equal(labels, IGNORED)
        self.right.assign_add(ops.sum(ops.cast(hits, self.right.dtype)))
        self.total.assign_add(ops.sum(ops.cast(valid, self.total.dtype)))

    def result(self) -> Any:
        """The share so far, between 0 and 1."""
        return self.right / ops.maximum(self.total, 1.0)
