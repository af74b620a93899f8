"""Scores of pairs of pieces, without the tensor of all pairs' hidden units.

The published head scores a pair by a dense layer over both vectors, gelu, dropout and
another dense layer. Over all pairs of 16 rows of 128 pieces its hidden units alone take
gigabytes. Here the first layer is split, W [h_i; h_j] = W1 h_i + W2 h_j, so that it
runs once a piece; only candidate pairs are scored, some thousand at a time; and the
gradient computes their hidden units again. Nothing is left out: scores and gradients
are those of the published formula.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from tfner.models.dropout import random_bits, uint32

CHUNK = 2048
"""Pairs scored at once: 12 MB of hidden units at H = 768."""


@keras.saving.register_keras_serializable(package="tfner")
class PairScorer(keras.layers.Layer):
    """One score for a pair of pieces: how well they begin and end one entity.

    Args:
        width: hidden units of a pair; twice that of a piece if None.
        dropout: rate among the hidden units, 0 <= rate < 1.

    Input shape:
        (B, S, H) vectors of pieces, and (B, S, S) booleans: the pairs that are scored.

    Output shape:
        (B, S, S) float32 logits; 0 for all other pairs.

    Source: ShannonAI/mrc-for-flat-nested-ner models/bert_query_ner.py (span_embedding),
    models/classifier.py (MultiNonLinearClassifier).
    """

    def __init__(
        self, width: int | None = None, *, dropout: float = 0.3, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.width, self.rate = width, dropout
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: Any) -> None:
        """Create the weights for vectors of `input_shape[-1]` numbers."""
        size = input_shape[-1]
        width = self.width or 2 * size
        shapes = {
            "first_kernel": (size, width),
            "last_kernel": (size, width),
            "bias": (width,),
            "output_kernel": (width,),
            "output_bias": (),
        }
        for name, shape in shapes.items():
            # One each: an initializer called again gives the same numbers again.
            normal = keras.initializers.RandomNormal(stddev=0.02)
            chosen = "zeros" if "bias" in name else normal
            weight = self.add_weight(name=name, shape=shape, initializer=chosen)
            setattr(self, name, weight)

    def call(self, rows: Any, candidates: Any, training: Any = None) -> Any:
        """Score the candidates among the pairs of rows: logits (B, S, S)."""
        dropping = bool(training) and self.rate > 0
        logits = pair_logits(
            ops.matmul(rows, self.first_kernel) + self.bias,  # (B, S, D)
            ops.matmul(rows, self.last_kernel),  # (B, S, D)
            # A tensor: `custom_gradient` cannot take variables.
            ops.reshape(self.output_kernel, (-1,)),  # (D,)
            candidates,
            rate=self.rate if dropping else 0.0,
            seed=self.seed_generator.next() if dropping else None,
        )
        return ops.where(candidates, logits + self.output_bias, 0.0)

    def compute_output_shape(
        self, rows_shape: Any, candidates_shape: Any = None
    ) -> Any:
        """Shape of the logits, (B, S, S)."""
        return (*rows_shape[:2], rows_shape[1])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "width": self.width, "dropout": self.rate}


def pair_logits(
    first: Any, last: Any, kernel: Any, candidates: Any, *, rate: float, seed: Any
) -> Any:
    """Score the candidate pairs by `gelu(first_i + last_j) · kernel`.

    Args:
        first: (B, S, D), the share of a piece in the pairs that it begins.
        last: (B, S, D), its share in the pairs that it ends.
        kernel: (D,), from hidden units to the score.
        candidates: (B, S, S) booleans.
        rate: dropout among the D hidden units.
        seed: of dropout, two integers; None without.

    Returns:
        (B, S, S) float32; 0 for pairs that are no candidates.
    """
    # C: pairs of a chunk; N: all B * S * S pairs, numbered as in the flattened tensor.
    shape, (batch, length) = ops.shape(candidates), ops.shape(candidates)[:2]
    width = first.shape[-1]
    pieces = batch * length
    listed, places, count = _list_pairs(ops.stop_gradient(candidates))

    def chunk_of(start: Any, first: Any, last: Any) -> tuple[Any, ...]:
        """Pieces of the pairs, validity, hidden sums and factors of dropout.

        Past the last candidate stand pairs that do not count.
        """
        pairs = ops.slice(listed, (start,), (CHUNK,))  # (C,)
        begins = pairs // length  # (C,) in 0 … B * S
        ends = pairs // (length * length) * length + pairs % length  # (C,)
        valid = ops.cast(start + ops.arange(CHUNK, dtype="int32") < count, "float32")
        sums = ops.take(first, begins, axis=0) + ops.take(last, ends, axis=0)  # (C, D)
        return begins, ends, pairs, valid, sums, _factors(start, width, rate, seed)

    def unfinished(start: Any, *results: Any) -> Any:
        return start < count

    @ops.custom_gradient
    def scores(first: Any, last: Any, kernel: Any) -> tuple[Any, Any]:
        def score(start: Any, done: Any) -> tuple[Any, Any]:
            *_, sums, factors = chunk_of(start, first, last)
            hidden = ops.gelu(sums, approximate=False) * factors  # (C, D)
            values = ops.matmul(hidden, kernel)  # (C,)
            return start + CHUNK, ops.slice_update(done, (start,), values)

        room = ops.zeros(ops.shape(listed), "float32")  # (N + CHUNK,)
        _, by_place = ops.while_loop(unfinished, score, (0, room))

        def gradient(*upstream: Any, **_: Any) -> tuple[Any, Any, Any]:
            d_scores = ops.reshape(upstream[0], (-1,))  # (N,)

            def add(start: Any, d_first: Any, d_last: Any, d_kernel: Any) -> Any:
                begins, ends, pairs, valid, sums, factors = chunk_of(start, first, last)
                d_pairs = ops.take(d_scores, pairs, axis=0) * valid  # (C,)
                # gelu(x) = x Φ(x); its derivative is Φ(x) + x φ(x). All (C, D).
                normal = 0.5 * (1.0 + ops.erf(sums * math.sqrt(0.5)))
                density = ops.exp(-0.5 * sums * sums) * (1 / math.sqrt(2 * math.pi))
                d_kernel += ops.matmul(d_pairs, sums * normal * factors)  # (D,)
                d_sums = (normal + sums * density) * factors * kernel
                d_sums = d_sums * ops.expand_dims(d_pairs, -1)
                # A piece is in many pairs: (C, D) to (B * S, D).
                d_first += ops.segment_sum(d_sums, begins, num_segments=pieces)
                d_last += ops.segment_sum(d_sums, ends, num_segments=pieces)
                return start + CHUNK, d_first, d_last, d_kernel

            zeros = map(ops.zeros_like, (first, last, kernel))
            _, *gradients = ops.while_loop(unfinished, add, (0, *zeros))
            return tuple(gradients)

        return ops.reshape(ops.take(by_place, places, axis=0), shape), gradient

    flat = (pieces, width)
    return scores(ops.reshape(first, flat), ops.reshape(last, flat), kernel)


def _list_pairs(candidates: Any) -> tuple[Any, Any, Any]:
    """The flat numbers of the candidate pairs, in order.

    Args:
        candidates: (B, S, S) booleans.

    Returns:
        (N + CHUNK,) pair numbers, of which the first `count` count, N being B x S x S;
        for each of the N pairs its place in that list; the count.
    """
    batch, length = ops.shape(candidates)[:2]
    size = batch * length * length
    rows = ops.cast(ops.reshape(candidates, (batch * length, length)), "int32")
    # Two short cumulative sums: XLA takes quadratic time for one long one.
    within = ops.cumsum(rows, axis=1)  # (B * S, S)
    totals = ops.sum(rows, axis=1)  # (B * S,); not `within[:, -1]`: S may be 0
    before = ops.cumsum(totals) - totals
    places = ops.reshape(within + ops.expand_dims(before, 1) - 1, (-1,))  # (N,)
    listed_here = ops.reshape(rows, (-1,)) > 0  # (N,)
    listed = ops.scatter(
        ops.expand_dims(ops.where(listed_here, places, size), -1),
        ops.where(listed_here, ops.arange(size, dtype="int32"), 0),
        (size + CHUNK,),
    )
    return listed, ops.maximum(places, 0), ops.sum(totals)


def _factors(start: Any, width: int, rate: float, seed: Any) -> Any:
    """The factors (C, D) of a chunk's hidden units in dropout, the same at every call.

    Args:
        start: place of the chunk's first pair.
        width: D.
        rate: of dropout; at 0 the factor is 1.
        seed: two integers.
    """
    if not rate:
        return 1.0
    seed = ops.cast(seed, "uint32")
    shift = ops.cast(start, "uint32") * uint32(0x85EBCA6B)
    bits = random_bits((CHUNK, width), ops.stack([seed[0], seed[1] + shift]))
    return ops.where(bits >= uint32(round(rate * 2**32)), 1 / (1 - rate), 0.0)
