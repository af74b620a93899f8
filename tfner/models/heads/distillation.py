"""The loss of a model that learns a teacher's probabilities, and that model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfner.data.features import IGNORED
from tfner.models.heads.losses import summed_crossentropy
from tfner.models.heads.token_classifier import TokenClassifier


@keras.saving.register_keras_serializable(package="tfner")
class StudentClassifier(TokenClassifier):
    """A `TokenClassifier` that in training gives the vectors of words, too.

    Output shape:
        (B, W, T) logits, float32; in training a dict of `logits` (B, W, T) and `words`
        (B, W, H), what they are computed from.
    """

    def call(self, features: Mapping[str, Any], training: Any = None) -> Any:
        """Score the tags of the labelled positions."""
        words = self.words(features, training=training)
        logits = self.scores(words, features, training=training)
        return {"logits": logits, "words": words} if training else logits


def distilled_crossentropy(
    labels: Any,
    teacher: Any,
    outputs: Mapping[str, Any],
    *,
    temperature: float,
    gold_weight: float,
    hidden_weight: float = 0.0,
    **gold: Any,
) -> tuple[Any, Any]:
    """Sum the loss of words by their tags and by a teacher's answers, and count them.

    A word whose tag is gold has the loss `g * crossentropy(tag) + (1 - g) * soft`, with
    g the `gold_weight`, and one of raw text has `soft`: the cross-entropy of the
    teacher's probabilities and the student's, both of scores divided by the
    temperature, times its square, with which gradients of all temperatures are alike.
    Words that the teacher did not read have the first part alone.

    Args:
        labels: (B, W) int32 tag ids, -100 ignored.
        teacher: (B, W, T + 1 + H): probabilities, 0 for words that were not read; 1 if
            the tag is gold, else 0; and the teacher's vectors, if they are compared.
        outputs: `logits` (B, W, T) and `words` (B, W, H) of a `StudentClassifier`.
        temperature: above 0.
        gold_weight: 0 to 1.
        hidden_weight: of the mean square difference of the vectors; 0 for none.
        **gold: how the loss of gold tags is counted; see `summed_crossentropy`.

    Returns:
        Two float32 scalars: the sum, and the number of labelled words.

    Source: Hinton et al. 2015, section 2; Sanh et al. 2019 (vectors).
    """
    logits = ops.cast(outputs["logits"], "float32")
    tags = logits.shape[-1]
    teacher = ops.cast(teacher, "float32")
    is_gold = teacher[..., tags]  # (B, W)
    soft = softened_crossentropy(teacher[..., :tags], logits, temperature)
    total = ops.sum((1.0 - gold_weight * is_gold) * soft)
    if gold_weight:
        known = ops.where(is_gold > 0, labels, IGNORED)
        total = total + gold_weight * summed_crossentropy(known, logits, **gold)[0]
    if hidden_weight:
        was_read = ops.sum(teacher[..., :tags], axis=-1)  # 1, or 0 where it was not
        apart = ops.cast(outputs["words"], "float32") - teacher[..., tags + 1 :]
        total = total + hidden_weight * ops.sum(
            was_read * ops.mean(ops.square(apart), axis=-1)
        )
    valid = ops.cast(ops.not_equal(labels, IGNORED), "float32")
    return total, ops.sum(valid)


def softened_crossentropy(probs: Any, logits: Any, temperature: float) -> Any:
    """Cross-entropy (B, W) at a temperature, times its square.

    Args:
        probs: (B, W, T) probabilities at temperature 1; all 0 gives 0.
        logits: (B, W, T).
        temperature: above 0.
    """
    powers = ops.power(probs, 1.0 / temperature)
    total = ops.sum(powers, axis=-1, keepdims=True)
    wanted = powers / ops.maximum(total, keras.config.epsilon())
    log_probs = ops.log_softmax(logits / temperature, axis=-1)
    return -(temperature**2) * ops.sum(wanted * log_probs, axis=-1)
