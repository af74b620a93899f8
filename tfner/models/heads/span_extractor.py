"""Spans as entities: where they begin, where they end, and which pairs match."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfner.models.dropout import random_bits, uint32
from tfner.models.encoders.interface import output_shape
from tfner.models.heads.pair_scorer import PairScorer
from tfner.models.named_inputs import INPUTS, NamedInputsModel

CANDIDATES = ("all", "pred_and_gold", "pred_gold_random", "gold")
"""Which pairs training scores: every one, those whose start and end are predicted or
both gold, these and half of all others, or the gold ones alone."""


@keras.saving.register_keras_serializable(package="tfner")
class SpanExtractor(NamedInputsModel):
    """Start, end and pair scores of the pieces of a context.

    Args:
        encoder: any Keras model from `input_ids`, `attention_mask` and
            `token_type_ids` (B, S) to (B, S, H).
        dropout: rate among the hidden units of a pair, 0 to 1.
        candidates: of `CANDIDATES`; what training scores.
        start_threshold: probability above which a start's pairs are candidates in
            prediction.
        end_threshold: likewise of an end.
        span_threshold: probability above which a candidate is predicted.

    Input shape:
        The encoder's dict; `token_type_ids` is 1 in the context. In training also
        `start_labels` and `end_labels` (B, S): -100 where no entity may begin or end,
        1 where one does, else 0. They decide which pairs are scored, nothing else.

    Output shape:
        A dict of float32 logits `start` and `end` (B, S), `match` (B, S, S), its rows
        being starts and its columns ends, and booleans `candidates` (B, S, S), the
        pairs that were scored.

    Source: ShannonAI/mrc-for-flat-nested-ner models/bert_query_ner.py,
    train/mrc_ner_trainer.py (compute_loss).
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        dropout: float = 0.3,
        candidates: str = "pred_and_gold",
        start_threshold: float = 0.5,
        end_threshold: float = 0.5,
        span_threshold: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.encoder, self.dropout_rate = encoder, dropout
        self.candidates = candidates
        self.start_threshold, self.end_threshold = start_threshold, end_threshold
        self.span_threshold = span_threshold
        # float32 whatever the policy: a loss over logits in bfloat16 does not learn.
        # The boundaries; files of weights name the layer by this attribute.
        self.borders = keras.layers.Dense(
            2,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype="float32",
            name="borders",
        )
        self.pairs = PairScorer(dropout=dropout, dtype="float32", name="pairs")

    @property
    def packs(self) -> bool:
        """True if the encoder reads window numbers in `attention_mask`."""
        return bool(getattr(self.encoder, "packs", False))

    def build(self, input_shape: Any = None) -> None:
        """Create every weight, once; no shape and no data is needed."""
        if self.borders.built:
            return
        shape = output_shape(self.encoder)
        self.borders.build(shape)
        self.pairs.build(shape)

    def call(self, features: Mapping[str, Any], training: Any = None) -> dict[str, Any]:
        """Score starts, ends and pairs."""
        inputs = {name: features[name] for name in INPUTS if name in features}
        rows = ops.cast(self.encoder(inputs, training=training), "float32")
        boundaries = self.borders(rows)  # (B, S, 2)
        start, end = boundaries[..., 0], boundaries[..., 1]
        candidates = self._candidates(features, start, end)
        match = self.pairs(rows, candidates, training=training)
        return {"start": start, "end": end, "match": match, "candidates": candidates}

    def _candidates(self, features: Mapping[str, Any], start: Any, end: Any) -> Any:
        """The pairs that are scored: (B, S, S) booleans.

        Args:
            features: as in `call`; with labels in training.
            start: (B, S) logits.
            end: (B, S) logits.
        """
        within = pairs_within(features)
        if "start_labels" not in features:
            first = start > logit(self.start_threshold)
            last = end > logit(self.end_threshold)
            return ops.logical_and(within, _pairs(first, last))
        starts, ends = features["start_labels"], features["end_labels"]
        within = ops.logical_and(within, _pairs(starts >= 0, ends >= 0))
        if self.candidates == "all":
            return within
        chosen = _pairs(starts > 0, ends > 0)
        if self.candidates != "gold":
            chosen = ops.logical_or(chosen, _pairs(start > 0, end > 0))
        if self.candidates == "pred_gold_random":
            seed = self.pairs.seed_generator.next()
            half = random_bits(ops.shape(chosen), seed) >= uint32(1 << 31)
            chosen = ops.logical_or(chosen, half)
        return ops.logical_and(within, chosen)

    def predictions(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Probabilities, and the pairs that are predicted.

        Args:
            outputs: of `call`.

        Returns:
            `start_probs` and `end_probs` (B, S); of N predictions `spans` (N, 3) int32,
            row, first and last piece, `match_probs` and `scores` (N,), the geometric
            mean of the three probabilities. N is known when it is run: this cannot be
            compiled by XLA.
        """
        start, end = (ops.sigmoid(outputs[name]) for name in ("start", "end"))
        predicted = ops.logical_and(
            outputs["candidates"], outputs["match"] > logit(self.span_threshold)
        )
        length = ops.shape(start)[1]
        # Places in the flattened (B, S, S), and in the flattened (B, S): all (N,).
        (pairs,) = ops.nonzero(ops.reshape(predicted, (-1,)))
        pairs = ops.cast(pairs, "int32")
        begins = pairs // length
        ends = pairs // (length * length) * length + pairs % length
        flat = [ops.reshape(outputs[n], (-1,)) for n in ("start", "end", "match")]
        parts = zip(flat, (begins, ends, pairs), strict=True)
        logs = [ops.log_sigmoid(ops.take(values, at, axis=0)) for values, at in parts]
        row, first = begins // length, begins % length
        return {
            "start_probs": start,
            "end_probs": end,
            "spans": ops.stack([row, first, ends % length], axis=1),
            "match_probs": ops.exp(logs[2]),
            "scores": ops.exp((logs[0] + logs[1] + logs[2]) / 3),
        }

    def compute_output_shape(self, input_shape: Mapping[str, Any]) -> dict[str, Any]:
        """Shapes of the logits."""
        batch, length = input_shape["input_ids"]
        pieces, pairs = (batch, length), (batch, length, length)
        return {"start": pieces, "end": pieces, "match": pairs, "candidates": pairs}

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("candidates", "start_threshold", "end_threshold", "span_threshold")
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "dropout": self.dropout_rate,
            **{name: getattr(self, name) for name in names},
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> SpanExtractor:
        """Make the model again, its encoder included."""
        encoder = keras.saving.deserialize_keras_object(
            config["encoder"], custom_objects=custom_objects
        )
        return cls(**{**config, "encoder": encoder})

    def build_from_config(self, config: Any) -> None:
        """Build without the shapes that were stored; `build` needs none."""
        self.build()


def pairs_within(features: Mapping[str, Any]) -> Any:
    """Booleans (B, S, S): pairs of pieces in the context of one window, in order."""
    mask = ops.cast(features["attention_mask"], "int32")  # (B, S)
    context = ops.equal(ops.cast(features["token_type_ids"], "int32"), 1)
    window = ops.where(context, mask, 0)  # (B, S), 0 outside of contexts
    same = ops.equal(ops.expand_dims(window, 2), ops.expand_dims(window, 1))
    index = ops.arange(ops.shape(mask)[1], dtype="int32")
    ordered = ops.expand_dims(index, 1) <= index
    return ops.logical_and(
        ops.logical_and(same, ordered), ops.expand_dims(window > 0, 2)
    )


def _pairs(starts: Any, ends: Any) -> Any:
    """Booleans (B, S) of starts and of ends to those of pairs, (B, S, S)."""
    return ops.logical_and(ops.expand_dims(starts, 2), ops.expand_dims(ends, 1))


def logit(probability: float) -> float:
    """The score whose sigmoid is a probability; 0 for 0.5.

    Example:
        >>> logit(0.5)
        0.0
    """
    return math.log(probability / (1 - probability))
