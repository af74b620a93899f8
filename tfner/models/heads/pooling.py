"""One vector for every word of an encoder's rows, from the vectors of its pieces."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfner.errors import unknown

POOLS = ("first", "last", "mean", "max", "attention")
OUTSIDE = -1e9
"""Score of a piece of another word, whose weight it makes 0."""


@keras.saving.register_keras_serializable(package="tfner")
class WordPooling(keras.layers.Layer):
    """Pools the pieces of every word.

    Words need not be in order, but no piece belongs to two of them.

    Args:
        pool: "first" or "last" piece of a word; "mean" or the largest value ("max") of
            all of them; or their average with weights that are learnt ("attention"),
            which begins as the mean.

    Call arguments:
        rows: (B, S, H) vectors of pieces.
        starts: (B, W) int, where in its row each word begins.
        lengths: (B, W) int, its number of pieces; 0 for padding, whose outputs are
            finite and mean nothing. The first piece is found without.

    Output shape:
        (B, W, H).

    Raises:
        ValueError: there is no such pooling, or lengths are missing in a call.
    """

    def __init__(self, pool: str = "first", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if pool not in POOLS:
            raise ValueError(unknown("`pool`", pool, POOLS))
        self.pool = pool
        self.score = None
        if pool == "attention":
            # No bias: what is added to all scores of a word changes no weight.
            self.score = keras.layers.Dense(
                1,
                use_bias=False,
                kernel_initializer="zeros",
                dtype="float32",
                name="score",
            )

    def build(
        self, rows_shape: Any, starts_shape: Any = None, lengths_shape: Any = None
    ) -> None:
        """Create the weights of "attention", if that it is: see `WordPooling`."""
        if self.score is not None:
            self.score.build(rows_shape)

    def call(self, rows: Any, starts: Any, lengths: Any = None) -> Any:
        """Give a vector for every word, (B, W, H): see `WordPooling`."""
        if self.pool == "first":
            return _at(rows, starts)
        if lengths is None:
            raise ValueError(
                f"words are pooled by their lengths. Received: pool={self.pool}, no "
                "lengths (`word_lengths` of a batch)"
            )
        if self.pool == "last":
            return _at(rows, starts + ops.maximum(lengths - 1, 0))
        after = ops.arange(ops.shape(rows)[1]) - ops.expand_dims(starts, -1)
        # (B, W, S): which pieces are a word's.
        inside = ops.logical_and(after >= 0, after < ops.expand_dims(lengths, -1))
        if self.pool == "max":
            return _largest(rows, inside)
        scores = 0.0 if self.score is None else self.score(rows)[:, None, :, 0]
        # (B, W, S); Keras' softmax warns of rows of one piece.
        weights = ops.exp(ops.log_softmax(ops.where(inside, scores, OUTSIDE)))
        return ops.matmul(ops.cast(weights, rows.dtype), rows)

    def compute_output_shape(
        self, rows_shape: Any, starts_shape: Any, lengths_shape: Any = None
    ) -> tuple[Any, ...]:
        """Shape of the output, (B, W, H): see `WordPooling`."""
        return (*starts_shape, rows_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "pool": self.pool}


def _at(rows: Any, places: Any) -> Any:
    return ops.take_along_axis(rows, ops.expand_dims(places, -1), axis=1)


def _largest(rows: Any, inside: Any) -> Any:
    """The largest values (B, W, H) of the pieces inside; 0 where there are none."""
    batch, words, width = ops.shape(rows)[0], ops.shape(inside)[1], rows.shape[-1]
    numbers = ops.reshape(ops.arange(1, words + 1), (-1, 1))
    word_of = ops.sum(ops.where(inside, numbers, 0), axis=1)  # (B, S); 0 of no word
    # A piece of two words, of which a client may tell, does not reach the next row.
    word_of = ops.minimum(word_of, words)
    segments = word_of + (words + 1) * ops.expand_dims(ops.arange(batch), -1)
    found = ops.segment_max(
        ops.reshape(rows, (-1, width)),
        ops.reshape(segments, (-1,)),
        num_segments=batch * (words + 1),
    )
    found = ops.reshape(found, (batch, words + 1, width))[:, 1:]
    return ops.where(ops.any(inside, axis=2, keepdims=True), found, 0.0)
