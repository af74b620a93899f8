"""The loss of span extraction: starts, ends and pairs, each a mean of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from tfner.models.heads.losses import MaskedAccuracy

DICE_SMOOTHING = 1e-8
LOSSES = ("bce", "dice")


@dataclass(frozen=True)
class SpanLoss:
    """The loss of starts, ends and pairs, weighed.

    Each part is a mean: of starts over the first pieces of the context's words, of ends
    over their last pieces, of pairs over those that were scored.

    Args:
        kind: "bce", binary cross-entropy, or "dice", one less the overlap of what is
            predicted with what is right.
        weights: of starts, ends and pairs; divided by their sum.

    Source: ShannonAI/mrc-for-flat-nested-ner train/mrc_ner_trainer.py (compute_loss),
    loss/dice_loss.py.
    """

    kind: str = "bce"
    weights: tuple[float, float, float] = (1.0, 1.0, 0.1)

    def __call__(
        self, targets: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        """Sum the loss over starts, and count them: loss times their number, number.

        Where a batch is computed in parts, the loss is therefore the mean of the
        parts' losses, weighed by their starts.

        Args:
            targets: `start_labels` and `end_labels` (B, S), -100 ignored; `span_labels`
                (B, S, K), pieces from a start to the ends of its entities, -100 at
                unused places.
            outputs: of `SpanExtractor`.

        Returns:
            Two float32 scalars.
        """
        starts, ends = targets["start_labels"], targets["end_labels"]
        parts = (
            (outputs["start"], starts > 0, starts >= 0),
            (outputs["end"], ends > 0, ends >= 0),
            (
                outputs["match"],
                match_labels(targets["span_labels"]),
                outputs["candidates"],
            ),
        )
        mean = dice if self.kind == "dice" else cross_entropy
        whole = sum(self.weights)
        loss = sum(
            weight / whole * mean(logits, ops.cast(gold, "float32"), valid)
            for weight, (logits, gold, valid) in zip(self.weights, parts, strict=True)
        )
        count = ops.sum(ops.cast(starts >= 0, "float32"))
        return loss * count, count


def match_labels(span_labels: Any) -> Any:
    """The pairs that are entities: lengths (B, S, K) to booleans (B, S, S)."""
    index = ops.arange(ops.shape(span_labels)[1], dtype="int32")
    spans = ops.cast(span_labels, "int32")
    ends = ops.where(spans >= 0, spans + ops.reshape(index, (1, -1, 1)), -1)
    # (B, S, 1, K) against (S, 1): does one of K entities from here end there?
    return ops.any(ops.equal(ops.expand_dims(ends, 2), index[:, None]), axis=-1)


def cross_entropy(logits: Any, gold: Any, valid: Any) -> Any:
    """Mean binary cross-entropy of the valid ones; 0 where there is none.

    Args:
        logits: of any shape.
        gold: 0 or 1, float32 of that shape.
        valid: the ones that count, booleans of that shape.
    """
    losses = ops.softplus(logits) - logits * gold
    counted = ops.cast(valid, "float32")
    return ops.sum(losses * counted) / ops.maximum(ops.sum(counted), 1.0)


def dice(logits: Any, gold: Any, valid: Any) -> Any:
    """One less the share of predicted and gold ones that are both.

    Args:
        logits: of any shape.
        gold: 0 or 1, float32 of that shape.
        valid: the ones that count, booleans of that shape.
    """
    counted = ops.cast(valid, "float32")
    probs, gold = ops.sigmoid(logits) * counted, gold * counted
    both = 2 * ops.sum(probs * gold) + DICE_SMOOTHING
    return 1 - both / (ops.sum(probs) + ops.sum(gold) + DICE_SMOOTHING)


@keras.saving.register_keras_serializable(package="tfner", name="BorderAccuracy")
class BoundaryAccuracy(MaskedAccuracy):
    """Share of starts and ends, and of places that are none, that are predicted."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count one batch of targets and outputs."""
        labels = ops.concatenate([y_true["start_labels"], y_true["end_labels"]], axis=1)
        logits = ops.concatenate([y_pred["start"], y_pred["end"]], axis=1)
        super().update_state(labels, ops.stack([-logits, logits], axis=-1))
