"""The rows of a batch as a graph takes them, whatever clients sent.

A server joins the requests of several clients to one batch. Nothing that one of them
sends may raise, or change what the others get. So rows of any width are brought to
that of the signature, and a row is read only if all of it can be: otherwise it counts
as padding, and its words get probabilities of 0. A batch of no rows is run as one row
of padding, because kernels such as batched gathers fail on none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow as tf

from tfner.data.features import (
    ATTENTION_MASK,
    INPUT_IDS,
    LABELED_POSITIONS,
    TOKEN_TYPE_IDS,
    WORD_INPUTS,
    WORD_LENGTHS,
)

if TYPE_CHECKING:
    from tfner_export.exporter import Source


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers that the inputs of a model may hold.

    Args:
        length: columns of a row.
        pieces: rows of the encoder's table of pieces.
        segments: rows of its table of segments.
        pad_id: id at padding.
        end_id: id with which every row ends; None if no id tells an end from padding.
    """

    length: int
    pieces: int
    segments: int
    pad_id: int
    end_id: int | None

    @classmethod
    def of(cls, source: Source) -> Limits:
        """The limits of a model that is exported."""
        tokenizer, encoder = source.bundle.task.tokenizer, source.model.encoder
        # A server fills rows up with the first element of a request: see `with_mask`.
        fillers = {tokenizer.pad_id, *tokenizer.prefix_ids[:1]}
        ends = [id for id in tokenizer.suffix_ids[-1:] if id not in fillers]
        return cls(
            length=source.serving.max_length,
            pieces=getattr(encoder, "vocab_size", None) or tokenizer.vocab_size,
            # Encoders without segments take those of any other.
            segments=max(getattr(encoder, "type_vocab_size", 0), 2),
            pad_id=tokenizer.pad_id,
            end_id=ends[0] if ends else None,
        )


class Rows(NamedTuple):
    """Rows that a model can run on.

    Attributes:
        inputs: of the model, (B, S) each; nothing but padding in rows that cannot be
            read.
        unread: (B, 1) booleans, which rows cannot be read.
    """

    inputs: dict[str, Any]
    unread: Any


def tables(features: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors that a client sent, if they are tables.

    Args:
        features: (B, any) int32 each, by their names on the wire. Anything else raises
            when it is run.
    """

    def table(name: str, values: Any) -> Any:
        # Sessions do not check the shapes that a signature promises. The name is that
        # of the tensor in the error of the check.
        values = tf.raw_ops.PlaceholderWithDefault(input=values, shape=None, name=name)
        return tf.ensure_shape(values, [None, None])

    return {name: table(name, values) for name, values in features.items()}


def fitted(features: Mapping[str, Any], length: int) -> dict[str, Any]:
    """Features of any widths and number of rows as one row or more of one width.

    Args:
        features: (B, any) int32 each.
        length: columns of the result; what is missing is filled with 0.

    Returns:
        (max(B, 1), length) each.
    """

    def fit(values: Any) -> Any:
        rows = tf.shape(values)[0]
        zeros = tf.zeros([rows, length], values.dtype)
        cut = tf.concat([values, zeros], axis=1)[:, :length]
        return tf.pad(cut, [[0, tf.maximum(1 - rows, 0)], [0, 0]])

    return {name: fit(values) for name, values in features.items()}


def with_mask(features: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """Features with the mask that they give themselves: one window a row.

    TensorFlow Serving brings the requests of a batch to one width by repeating the
    first element of each tensor of a request (tensorflow_serving/batching/
    batching_util.cc, `PadTensor`): a mask would be filled up with 1, ids with `[CLS]`
    and positions with the place of a word. So a row ends with its last `[SEP]`, and
    its words with the first 0 of its positions.

    Args:
        features: `input_ids`, `token_type_ids` (B, any), and of a tagger
            `labeled_positions`, perhaps `word_lengths` (B, any).
        limits: with an `end_id`.

    Returns:
        The features and `attention_mask`, (B, any) each. A row of too many pieces or
        words, or without a 0 behind its words, holds ids that cannot be read.
    """
    ids = features[INPUT_IDS.name]
    numbers = tf.range(1, tf.shape(ids)[1] + 1)
    ends = tf.where(tf.equal(ids, limits.end_id), numbers, 0)
    pieces = tf.reduce_max(ends, axis=1, keepdims=True)  # (B, 1); below 0 of no column
    lost = pieces > limits.length
    found = {**features, ATTENTION_MASK.name: tf.cast(numbers <= pieces, tf.int32)}
    if LABELED_POSITIONS.name in features:
        positions = features[LABELED_POSITIONS.name]
        is_end = tf.cast(tf.equal(positions, 0), tf.int32)
        is_word = tf.equal(tf.cumsum(is_end, axis=1), 0)  # (B, W)
        words = tf.reduce_sum(tf.cast(is_word, tf.int32), axis=1, keepdims=True)
        lost |= (words > limits.length) | (words == tf.shape(positions)[1])
        found[LABELED_POSITIONS.name] = tf.where(is_word, positions, 0)
    found[INPUT_IDS.name] = tf.where(lost, -1, ids)
    return found


def readable(features: Mapping[str, Any], limits: Limits) -> Rows:
    """Take out the rows that a model cannot read.

    Args:
        features: (B, S) of one width, B at least 1: `input_ids`, `attention_mask`,
            `token_type_ids`, and of a tagger `labeled_positions`, which is 0 past a
            row's last word, and perhaps `word_lengths`.
        limits: a row is read if the ids and segments of all its pieces are within
            them, and the pieces of all its words within the row.
    """
    ids, types = features[INPUT_IDS.name], features[TOKEN_TYPE_IDS.name]
    mask = features[ATTENTION_MASK.name]
    known = (ids >= 0) & (ids < limits.pieces)
    known &= (types >= 0) & (types < limits.segments)
    right = known | (mask <= 0)
    if LABELED_POSITIONS.name in features:
        right &= _in_row(features, limits.length)
    read = tf.reduce_all(right, axis=1, keepdims=True)  # (B, 1)
    real = read & (mask > 0)
    inputs = {
        INPUT_IDS.name: tf.where(real, ids, limits.pad_id),
        ATTENTION_MASK.name: tf.where(real, mask, 0),
        TOKEN_TYPE_IDS.name: tf.where(real, types, 0),
    }
    if LABELED_POSITIONS.name in features:
        is_word = read & (features[LABELED_POSITIONS.name] > 0)
        for name in set(WORD_INPUTS) & set(features):
            inputs[name] = tf.where(is_word, features[name], 0)
    return Rows(inputs, ~read)


def _in_row(features: Mapping[str, Any], length: int) -> Any:
    """Booleans (B, W): columns that hold no word, or one whose pieces are in the row.

    Args:
        features: as in `readable`, W and S alike.
        length: S.
    """
    mask = features[ATTENTION_MASK.name]
    first = features[LABELED_POSITIONS.name]
    more = tf.clip_by_value(features.get(WORD_LENGTHS.name, 1), 0, length) - 1
    no_word = tf.equal(first, 0)
    possible = (first > 0) & (first < length) & (more >= 0)
    start = tf.where(possible, first, 0)
    end = tf.where(possible, start + more, 0)
    possible &= end < length
    window, same = (
        tf.gather(mask, tf.minimum(at, length - 1), batch_dims=1) for at in (start, end)
    )
    return no_word | (possible & (window > 0) & (window == same))
