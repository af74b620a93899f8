"""Scores of pairs of pieces, without the tensor of all pairs' hidden units.

The published head scores a pair by a dense layer over both vectors, gelu, dropout and
another dense layer. Over all pairs of 16 rows of 128 pieces its hidden units alone take
gigabytes. Here the first layer is split, W [h_i; h_j] = W1 h_i + W2 h_j, so that it
runs once a piece; only pairs that are asked for are scored, some thousand at a time;
and the gradient computes their hidden units again. Nothing is left out: scores and
gradients are those of the published formula.
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
        (B, S, H) vectors of pieces, and (B, S, S) booleans: which pairs are asked for.

    Output shape:
        (B, S, S) float32 logits; 0 for pairs that are not asked for.

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
        """Weights for vectors of `input_shape[-1]` numbers."""
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

    def call(self, rows: Any, asked: Any, training: Any = None) -> Any:
        """Logits (B, S, S)."""
        dropping = bool(training) and self.rate > 0
        logits = pair_logits(
            ops.matmul(rows, self.first_kernel) + self.bias,
            ops.matmul(rows, self.last_kernel),
            # A tensor: `custom_gradient` knows what to do with no variable.
            ops.reshape(self.output_kernel, (-1,)),
            asked,
            rate=self.rate if dropping else 0.0,
            seed=self.seed_generator.next() if dropping else None,
        )
        return ops.where(asked, logits + self.output_bias, 0.0)

    def compute_output_shape(self, rows_shape: Any, asked_shape: Any = None) -> Any:
        """(B, S, S)."""
        return (*rows_shape[:2], rows_shape[1])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "width": self.width, "dropout": self.rate}


def pair_logits(
    first: Any, last: Any, kernel: Any, asked: Any, *, rate: float, seed: Any
) -> Any:
    """`gelu(first_i + last_j) · kernel` of the pairs asked for, 0 for all others.

    Args:
        first: (B, S, D) what a piece adds where it begins a pair.
        last: (B, S, D) what it adds where it ends one.
        kernel: (D,).
        asked: (B, S, S) booleans.
        rate: dropout among the D hidden units.
        seed: of dropout, two integers; None without.

    Returns:
        (B, S, S) float32.
    """
    shape, (batch, length) = ops.shape(asked), ops.shape(asked)[:2]
    width = first.shape[-1]
    pieces = batch * length
    listed, place, count = _list_pairs(ops.stop_gradient(asked))

    def chunk_of(start: Any, first: Any, last: Any) -> tuple[Any, ...]:
        """Pieces of the pairs, whether they are any, hidden sums, what dropout leaves.

        Past the last pair stand pairs that do not count.
        """
        pair = ops.slice(listed, (start,), (CHUNK,))
        begins, ends = pair // length, pair // (length * length) * length
        ends = ends + pair % length
        valid = ops.cast(start + ops.arange(CHUNK, dtype="int32") < count, "float32")
        sums = ops.take(first, begins, axis=0) + ops.take(last, ends, axis=0)
        return begins, ends, pair, valid, sums, _kept(start, width, rate, seed)

    def unfinished(start: Any, *results: Any) -> Any:
        return start < count

    @ops.custom_gradient
    def scores(first: Any, last: Any, kernel: Any) -> tuple[Any, Any]:
        def score(start: Any, done: Any) -> tuple[Any, Any]:
            *_, sums, kept = chunk_of(start, first, last)
            values = ops.matmul(ops.gelu(sums, approximate=False) * kept, kernel)
            return start + CHUNK, ops.slice_update(done, (start,), values)

        room = ops.zeros(ops.shape(listed), "float32")
        _, found = ops.while_loop(unfinished, score, (0, room))

        def gradient(*upstream: Any, **_: Any) -> tuple[Any, Any, Any]:
            wanted = ops.reshape(upstream[0], (-1,))

            def add(start: Any, d_first: Any, d_last: Any, d_kernel: Any) -> Any:
                begins, ends, pair, valid, sums, kept = chunk_of(start, first, last)
                by_pair = ops.take(wanted, pair, axis=0) * valid
                normal = 0.5 * (1.0 + ops.erf(sums * math.sqrt(0.5)))
                density = ops.exp(-0.5 * sums * sums) * (1 / math.sqrt(2 * math.pi))
                d_kernel += ops.matmul(by_pair, sums * normal * kept)
                d_sums = (normal + sums * density) * kept * kernel
                d_sums = d_sums * ops.expand_dims(by_pair, -1)
                d_first += ops.segment_sum(d_sums, begins, num_segments=pieces)
                d_last += ops.segment_sum(d_sums, ends, num_segments=pieces)
                return start + CHUNK, d_first, d_last, d_kernel

            zeros = (ops.zeros_like(first), ops.zeros_like(last))
            _, *gradients = ops.while_loop(
                unfinished, add, (0, *zeros, ops.zeros_like(kernel))
            )
            return tuple(gradients)

        return ops.reshape(ops.take(found, place, axis=0), shape), gradient

    flat = (pieces, width)
    return scores(ops.reshape(first, flat), ops.reshape(last, flat), kernel)


def _list_pairs(asked: Any) -> tuple[Any, Any, Any]:
    """The flat numbers of the pairs asked for, in order.

    Returns:
        (N + CHUNK,) pair numbers, of which the first `count` count, N being B x S x S;
        for each of the N pairs its place in that list; the count.
    """
    batch, length = ops.shape(asked)[:2]
    size = batch * length * length
    rows = ops.cast(ops.reshape(asked, (batch * length, length)), "int32")
    # Two short cumulative sums: XLA takes quadratic time for one long one.
    within = ops.cumsum(rows, axis=1)
    totals = ops.sum(rows, axis=1)  # not `within[:, -1]`: rows may have no piece
    before = ops.cumsum(totals)
    place = ops.reshape(within + ops.expand_dims(before - totals, 1) - 1, (-1,))
    wanted = ops.reshape(rows, (-1,)) > 0
    listed = ops.scatter(
        ops.expand_dims(ops.where(wanted, place, size), -1),
        ops.where(wanted, ops.arange(size, dtype="int32"), 0),
        (size + CHUNK,),
    )
    return listed, ops.maximum(place, 0), ops.sum(totals)


def _kept(start: Any, width: int, rate: float, seed: Any) -> Any:
    """What dropout multiplies a chunk's hidden units by, the same at every call."""
    if not rate:
        return 1.0
    seed = ops.cast(seed, "uint32")
    own = ops.stack([seed[0], seed[1] + ops.cast(start, "uint32") * uint32(0x85EBCA6B)])
    bits = random_bits((CHUNK, width), own)
    return ops.where(bits >= uint32(round(rate * 2**32)), 1 / (1 - rate), 0.0)
