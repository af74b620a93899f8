"""Windows to the rows of a model as a graph, and its probabilities back to words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from tfner.data.features import (
    ATTENTION_MASK,
    INPUT_IDS,
    LABELED_POSITIONS,
    TOKEN_TYPE_IDS,
    WORD_INPUTS,
    WORD_LENGTHS,
)
from tfner.inference.batching import POSITIONS, ROW_LENGTH, STEP
from tfner_export.saved_model.text.jumps import (
    ahead,
    changes,
    last_where,
    next_where,
    places,
    reach,
)
from tfner_export.saved_model.text.pieces import Pieces
from tfner_export.saved_model.text.windows import Windows

Run = Callable[[dict[str, Any]], Any]
"""From features to probabilities (R, W, T)."""


@dataclass(frozen=True)
class Frame:
    """Settings of the rows: what surrounds the pieces of a window, what is read.

    Args:
        prefix: ids before them.
        suffix: ids after them.
        pad: id behind the last window of a row.
        segment: `token_type_ids` of all pieces.
        packs: several windows may share a row.
        edges: predictions are made for words outside the core, too.
    """

    prefix: list[int]
    suffix: list[int]
    pad: int
    segment: int
    packs: bool
    edges: bool


class Rows(NamedTuple):
    """All rows of a batch, and the word of every prediction.

    Args:
        features: by name, a ragged tensor (R, S) or (R, W).
        words: (L,) the word that each prediction is of, row by row.
        counts: (L,) whether the prediction counts.
    """

    features: dict[str, Any]
    words: Any
    counts: Any


class Predictions(NamedTuple):
    """The words that have a prediction, in order.

    Args:
        words: (L,) int32.
        probs: (L, T) float32.
    """

    words: Any
    probs: Any


def predict(
    run: Run,
    pieces: Pieces,
    windows: Windows,
    frame: Frame,
    *,
    num_tags: int,
) -> Predictions:
    """Run a model on all windows.

    Args:
        run: from features to probabilities (R, W, T).
        pieces: of the batch.
        windows: of these.
        frame: what surrounds them.
        num_tags: T.
    """
    rows = _lay_out(pieces, windows, frame)
    probs = _run(run, rows.features, frame, num_tags)
    words, probs = (tf.boolean_mask(x, rows.counts) for x in (rows.words, probs))
    order = tf.argsort(words)
    return Predictions(tf.gather(words, order), tf.gather(probs, order))


def pack(lengths: Any, capacity: Any) -> tuple[Any, Any]:
    """Put neighbours into rows, as many as fit.

    Args:
        lengths: (N,) int32, at least 1.
        capacity: (N,) int32, of a row that begins with that neighbour: its length or
            more.

    Returns:
        Where rows begin, (N,) bool; and for each the first of its row, (N,) int32.
    """
    ends = tf.cumsum(lengths)
    # The last place, behind all, is where every way ends.
    following = tf.searchsorted(ends, ends - lengths + capacity, side="right")
    jumps = tf.concat([following, tf.shape(lengths)], 0)
    first = reach(tf.range(tf.shape(jumps)[0]) == 0, jumps)[:-1]
    return first, last_where(first)


class _Placed(NamedTuple):
    """The places of windows in rows: three (D,), and the number of rows."""

    rows: Any
    slots: Any
    offsets: Any
    num_rows: Any


def _place(lengths: Any, usual: int) -> _Placed:
    begins, head = pack(lengths, tf.maximum(lengths, usual))
    rows = tf.cumsum(tf.cast(begins, tf.int32))
    offsets = tf.cumsum(lengths, exclusive=True)
    offsets -= tf.gather(offsets, head)
    slots = tf.range(tf.shape(lengths)[0]) - head + 1
    num_rows = tf.reduce_sum(tf.cast(begins, tf.int32))
    return _Placed(rows - 1, slots, offsets, num_rows)


def _lay_out(pieces: Pieces, windows: Windows, frame: Frame) -> Rows:
    special = len(frame.prefix) + len(frame.suffix)
    usual = ROW_LENGTH if frame.packs else 0
    lengths = windows.ends - windows.starts + special
    # Long windows have rows of their own, the longest first; the others share some.
    order = tf.argsort(tf.where(lengths > usual, -lengths, 0), stable=True)
    windows = Windows(*(tf.gather(values, order) for values in windows))
    placed = _place(tf.gather(lengths, order), usual)

    def by_row(values: Any, window: Any) -> Any:
        rows = tf.gather(placed.rows, window)
        nrows = tf.cast(placed.num_rows, rows.dtype)
        return tf.RaggedTensor.from_value_rowids(values, rows, nrows, validate=False)

    ids, window = _framed(pieces.ids, windows, frame)
    at, of = _predicted(pieces.words, windows, edges=frame.edges)
    before = tf.gather(placed.offsets - windows.starts, of) + len(frame.prefix)
    # Of a word that the window cuts, the pieces before the cut.
    last = changes(pieces.words)
    word_ends = ahead(next_where(last), tf.shape(last)[0])
    ends = tf.minimum(tf.gather(word_ends, at), tf.gather(windows.ends, of))
    features = {
        INPUT_IDS.name: by_row(ids, window),
        ATTENTION_MASK.name: by_row(tf.gather(placed.slots, window), window),
        LABELED_POSITIONS.name: by_row(at + before, of),
        WORD_LENGTHS.name: by_row(ends - at, of),
    }
    counts = tf.gather(windows.core_starts, of) <= at
    counts &= at < tf.gather(windows.core_ends, of)
    return Rows(features, tf.gather(pieces.words, at), counts)


def _framed(ids: Any, windows: Windows, frame: Frame) -> tuple[Any, Any]:
    """The ids of all windows with what surrounds them, and the window of each."""
    ranges = tf.ragged.range(windows.starts, windows.ends)
    inner = ranges.with_flat_values(tf.gather(ids, ranges.flat_values))
    sides = (
        tf.tile(tf.constant([side], tf.int32), [tf.shape(windows.starts)[0], 1])
        for side in (frame.prefix, frame.suffix)
    )
    prefix, suffix = sides
    framed = tf.concat([prefix, inner, suffix], 1)
    return framed.flat_values, tf.cast(framed.value_rowids(), tf.int32)


def _predicted(words: Any, windows: Windows, *, edges: bool) -> tuple[Any, Any]:
    """The first pieces of the words that have a prediction, and the window of each.

    Args:
        words: (P,) the word of each piece.
        windows: of the pieces.
        edges: predict the words outside the core, too.
    """
    begins = places(changes(words))
    first, last = windows[:2] if edges else windows[2:]
    ranges = tf.ragged.range(
        tf.searchsorted(begins, first), tf.searchsorted(begins, last)
    )
    at = tf.gather(begins, ranges.flat_values)
    return at, tf.cast(ranges.value_rowids(), tf.int32)


def _run(run: Run, features: dict[str, Any], frame: Frame, num_tags: int) -> Any:
    """The model's probabilities (L, T), a few rows at a time.

    As many as the Predictor takes at once, so that long texts take time, and no memory.
    """
    lengths = tf.cast(features[INPUT_IDS.name].row_lengths(), tf.int32)
    num_rows = tf.shape(lengths)[0]

    def step(row: Any, found: Any) -> Any:
        count = tf.maximum(POSITIONS // tf.reduce_max(lengths[row:]), 1)
        inputs = _dense(features, row, row + count, frame)
        probs = run(inputs)  # (R, W, T)
        kept = tf.boolean_mask(probs, inputs[LABELED_POSITIONS.name] > 0)
        return row + count, found.write(found.size(), kept)

    found = tf.TensorArray(
        *(tf.float32, 1),
        dynamic_size=True,
        infer_shape=False,
        element_shape=[None, num_tags],
    )
    # Without a row there is nothing to concatenate.
    found = found.write(0, tf.zeros([0, num_tags]))
    _, found = tf.while_loop(
        lambda row, _: row < num_rows, step, (0, found), parallel_iterations=1
    )
    return tf.reshape(found.concat(), [-1, num_tags])


def _dense(features: dict[str, Any], first: Any, last: Any, frame: Frame) -> Any:
    """Rows `first` to `last` as a model takes them."""
    rows = {name: values[first:last].to_tensor(0) for name, values in features.items()}
    mask = rows[ATTENTION_MASK.name]
    padding = [[0, 0], [0, -tf.shape(mask)[1] % STEP]]
    mask = tf.pad(mask, padding)
    ids = tf.pad(rows[INPUT_IDS.name], padding)
    words = [
        [0, 0],
        [0, tf.cast(tf.shape(rows[LABELED_POSITIONS.name])[1] == 0, tf.int32)],
    ]
    return {
        INPUT_IDS.name: tf.where(mask > 0, ids, frame.pad),
        ATTENTION_MASK.name: mask,
        TOKEN_TYPE_IDS.name: tf.where(mask > 0, frame.segment, 0),
        **{name: tf.pad(rows[name], words) for name in WORD_INPUTS},
    }
