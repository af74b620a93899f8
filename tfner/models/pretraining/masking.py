"""Masking: the pieces that pretraining hides, and what is drawn in their place.

All randomness is a function of a seed of two integers, so that a step that is done
again masks and draws the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfner.models.dropout import random_bits

# Draws from one seed that do not depend on each other.
WHERE, WHAT, WHICH_PIECE, SAMPLE = range(4)


class Masked(NamedTuple):
    """Rows with some pieces masked.

    N slots are kept for every row, whatever its length, so that shapes are static.

    Attributes:
        input_ids: (B, S) int32, as a model reads them.
        positions: (B, N) int32, place of each slot's piece in its row.
        labels: (B, N) int32, the piece that was there.
        used: (B, N) bool, whether the slot holds a masked piece.
    """

    input_ids: Any
    positions: Any
    labels: Any
    used: Any


@dataclass(frozen=True)
class Masking:
    """Masks a share of the pieces of every row, others at every step.

    Args:
        rate: share of a row's pieces, 0 < rate < 1; at least one is masked.
        mask_id: id of `[MASK]`.
        special_ids: pieces that are never masked: `[CLS]`, `[SEP]`, `[PAD]`, `[MASK]`.
        vocab_size: V.
        masked: share of the masked pieces that become `[MASK]`.
        random: share of them that become a random piece; the rest stays as it is.

    Source: google-research/electra pretrain/pretrain_helpers.py (mask), which draws
    positions with replacement, here they are distinct; Devlin et al. 2019, section 3.1.
    """

    rate: float
    mask_id: int
    special_ids: Sequence[int]
    vocab_size: int
    masked: float = 0.85
    random: float = 0.0

    def slots(self, length: int) -> int:
        """The largest number N of pieces that are masked in a row of `length`."""
        return max(1, int((self.rate + 0.005) * length))

    def hidden(self, features: Mapping[str, Any]) -> tuple[Any, Any]:
        """The pieces that may be masked (B, S) bool, and how many are (B,) int32."""
        ids, mask = features["input_ids"], features["attention_mask"]
        real = mask > 0
        allowed = real
        for special in self.special_ids:
            allowed = ops.logical_and(allowed, ops.not_equal(ids, special))
        length = ops.sum(ops.cast(real, "float32"), axis=1)  # (B,)
        share = ops.maximum(ops.round(length * self.rate), 1.0)
        most = ops.sum(ops.cast(allowed, "float32"), axis=1)
        most = ops.minimum(most, float(self.slots(ids.shape[1])))
        return allowed, ops.cast(ops.minimum(share, most), "int32")

    def __call__(self, features: Mapping[str, Any], seed: Any) -> Masked:
        """Mask pieces.

        Args:
            features: `input_ids` and `attention_mask`, (B, S) int32 each.
            seed: two integers.
        """
        ids = features["input_ids"]
        allowed, count = self.hidden(features)
        slots = self.slots(ids.shape[1])
        # The largest of random numbers: distinct positions, those allowed first.
        order = ops.where(allowed, uniform(ops.shape(ids), seed, WHERE), -1.0)  # (B, S)
        positions = ops.cast(ops.top_k(order, slots)[1], "int32")  # (B, N)
        used = ops.arange(slots, dtype="int32") < ops.expand_dims(count, 1)
        labels = ops.take_along_axis(ids, positions, axis=1)
        shape = ops.shape(labels)
        draw = uniform(shape, seed, WHAT)
        shown = ops.where(draw < self.masked, self.mask_id, labels)
        if self.random:
            any_piece = uniform(shape, seed, WHICH_PIECE) * self.vocab_size
            other = ops.logical_and(
                draw >= self.masked, draw < self.masked + self.random
            )
            shown = ops.where(other, ops.cast(any_piece, "int32"), shown)
        return Masked(replaced(ids, positions, used, shown), positions, labels, used)


def replaced(ids: Any, positions: Any, used: Any, pieces: Any) -> Any:
    """Put other pieces into the slots of rows.

    Args:
        ids: (B, S) int32.
        positions: (B, N) int32, distinct.
        used: (B, N) bool, slots that count.
        pieces: (B, N) int32.
    """
    index = ops.arange(ids.shape[1], dtype="int32")
    hits = ops.logical_and(  # (B, N, S)
        ops.expand_dims(positions, 2) == index, ops.expand_dims(used, 2)
    )
    new = ops.sum(ops.where(hits, ops.expand_dims(pieces, 2), 0), axis=1)
    return ops.where(ops.any(hits, axis=1), new, ids)


def sample(logits: Any, seed: Any, *, temperature: float = 1.0) -> Any:
    """Draw one piece for every row of logits from their softmax.

    The largest of logits plus Gumbel noise is such a draw. No gradient goes through.

    Args:
        logits: (…, V).
        seed: two integers.
        temperature: below 1 prefers likely pieces.

    Returns:
        (…) int32.
    """
    noise = uniform(ops.shape(logits), seed, SAMPLE)
    scores = ops.stop_gradient(ops.cast(logits, "float32")) / temperature
    return ops.cast(ops.argmax(scores - ops.log(-ops.log(noise)), axis=-1), "int32")


def uniform(shape: Any, seed: Any, draw: int) -> Any:
    """Random numbers between 0 and 1, neither of them included.

    Args:
        shape: of the result.
        seed: two integers.
        draw: number of the draw; those of one seed are independent.

    Returns:
        float32 tensor.
    """
    apart = ops.convert_to_tensor(np.array([(draw + 1) << 24, 0], np.uint32))
    bits = random_bits(shape, ops.cast(seed, "uint32") + apart)
    high = ops.cast(ops.right_shift(bits, np.uint32(9)), "float32")
    return (high + 0.5) * 2.0**-23
