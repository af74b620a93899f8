"""Input pipelines in tf.data, which gather the batches of a plan and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfner.data.features import (
    ATTENTION_MASK,
    IGNORED,
    INPUT_IDS,
    LABELED_POSITIONS,
    LABELS,
    TEACHER,
    WORD_INPUTS,
    WORD_LENGTHS,
)
from tfner.data.packing import BatchPlan
from tfner.data.windows import Ints, Window


class WindowTable:
    """All windows of a corpus as a few flat arrays, indexed by a plan's numbers.

    Args:
        windows: with targets.
        pad_id: value of `input_ids` at padding.
    """

    def __init__(self, windows: Sequence[Window], *, pad_id: int) -> None:
        self.lengths: Ints = np.array([len(window) for window in windows], np.int32)
        # Element 0 is the padding, window 0 the empty one.
        self.starts = np.concatenate([[0, 1], 1 + np.cumsum(self.lengths)[:-1]])
        self.sizes = np.concatenate([[0], self.lengths])
        self.pieces = _by_piece([w.features for w in windows], pad=0)
        self.pieces[INPUT_IDS.name][0] = pad_id
        self.targets: tuple[str, ...] = (LABELS.name,)
        self.answers: NDArray[Any] | None = None
        self.inputs = (*self.pieces, ATTENTION_MASK.name)
        of_words = [name for name in WORD_INPUTS if name in windows[0].features]
        self.inputs = (*self.inputs, *of_words)
        if of_words:
            labels = [(w.targets or {}).get(LABELS.name, IGNORED) for w in windows]
            self.pieces[LABELS.name] = self._at_words(windows, labels, pad=IGNORED)
            if TEACHER.name in (windows[0].targets or {}):
                self._note_answers(windows)
            if WORD_LENGTHS.name in of_words:
                sizes = [window.features[WORD_LENGTHS.name] for window in windows]
                self.pieces[WORD_LENGTHS.name] = self._at_words(windows, sizes, pad=0)
        else:
            targets = _by_piece([w.targets or {} for w in windows], pad=IGNORED)
            self.targets = tuple(targets)
            self.pieces |= targets

    def _note_answers(self, windows: Sequence[Window]) -> None:
        """Keep a teacher's answers once, (1 + W, …), and at words their numbers."""
        found = [(window.targets or {})[TEACHER.name] for window in windows]
        nothing = np.zeros((1, found[0].shape[1]), found[0].dtype)
        self.answers = np.concatenate([nothing, *found])
        ends = np.cumsum([len(rows) for rows in found])
        numbers = [
            np.arange(1 + end - len(rows), 1 + end, dtype=np.int32)
            for end, rows in zip(ends.tolist(), found, strict=True)
        ]
        self.pieces[TEACHER.name] = self._at_words(windows, numbers, pad=0)
        self.targets = (LABELS.name, TEACHER.name)

    def _at_words(
        self, windows: Sequence[Window], values: Sequence[Ints | int], *, pad: int
    ) -> Ints:
        """Values of labelled words at the pieces where they are read, else `pad`."""
        flat = np.full(1 + self.lengths.sum(), pad, np.int32)
        of_windows = zip(self.starts[1:], windows, values, strict=True)
        for start, window, of_window in of_windows:
            flat[start + window.features[LABELED_POSITIONS.name]] = of_window
        return flat


def _by_piece(windows: Sequence[Mapping[str, Ints]], *, pad: int) -> dict[str, Ints]:
    """Values of the padding piece and of all N pieces by name, (1 + N, ...)."""
    flat_by_name = {}
    for name in windows[0]:
        if name in WORD_INPUTS:
            continue
        arrays = [values[name] for values in windows]
        rest = tuple(np.max([array.shape[1:] for array in arrays], axis=0).astype(int))
        flat = np.full((1 + sum(map(len, arrays)), *rest), pad, np.int32)
        at = 1
        for array in arrays:
            flat[(slice(at, at + len(array)), *map(slice, array.shape[1:]))] = array
            at += len(array)
        flat_by_name[name] = flat
    return flat_by_name


def window_batches(table: WindowTable, plan: BatchPlan) -> tf.data.Dataset:
    """Make a dataset of the batches of a plan, in order.

    Shapes are static if the plan has one row length; no batch is short of rows.

    Returns:
        Pairs of features and targets, int32. Windows with labelled words have the
        features `input_ids`, `attention_mask`, `token_type_ids` and, padded with 0,
        `labeled_positions` and, where they are pooled, `word_lengths`, each (B, S);
        their target is `labels` (B, S), padded with -100; in distillation it is a dict
        of that and `teacher` (B, S, N), padded with 0. Other windows have a dict of
        targets of pieces, each (B, S) or (B, S, K), padded with -100; a name may be
        both a feature and a target.
    """
    starts = tf.constant(table.starts, tf.int32)
    sizes = tf.constant(table.sizes, tf.int32)
    pieces = {n: tf.constant(values, tf.int32) for n, values in table.pieces.items()}
    static_length = plan.static_length
    answers = None if table.answers is None else tf.constant(table.answers)

    def gather(windows: Any, row_length: Any) -> tuple[dict[str, Any], Any]:
        length = static_length if static_length is not None else row_length
        source, slot = _sources(windows, length, starts=starts, sizes=sizes)
        values = {name: tf.gather(flat, source) for name, flat in pieces.items()}
        values[ATTENTION_MASK.name] = slot
        if LABELED_POSITIONS.name in table.inputs:
            values |= _words_first(values, length)
        features = {name: values[name] for name in table.inputs}
        targets = {name: values[name] for name in table.targets}
        if answers is not None:
            targets[TEACHER.name] = tf.gather(answers, targets[TEACHER.name])
        return features, targets if len(targets) > 1 else targets[LABELS.name]

    dataset = tf.data.Dataset.from_tensor_slices((plan.windows + 1, plan.row_lengths))
    return dataset.map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)


def _sources(windows: Any, length: Any, *, starts: Any, sizes: Any) -> tuple[Any, Any]:
    """Map the positions of rows to pieces of their windows (B, slots).

    Returns:
        Index into the flat arrays, 0 at padding; and the number of the window within
        its row, from 1, 0 at padding; both (B, S).
    """
    room = tf.gather(sizes, windows)  # (B, slots) pieces of each window
    ends = tf.cumsum(room, axis=1)  # (B, slots) one past its last column
    position = tf.broadcast_to(tf.range(length), [tf.shape(windows)[0], length])
    position = tf.ensure_shape(position, [windows.shape[0], None])  # (B, S) columns
    slot = tf.searchsorted(ends, position, side="right")  # (B, S) window of a column
    inside = position < ends[:, -1:]
    slot = tf.where(inside, slot, 0)
    # Flat index less column is the same for all pieces of a window: (B, slots).
    shift = tf.gather(starts, windows) - ends + room
    source = tf.gather(shift, slot, batch_dims=1) + position  # (B, S)
    return tf.where(inside, source, 0), tf.where(inside, slot + 1, 0)


def _words_first(values: Mapping[str, Any], length: Any) -> dict[str, Any]:
    """Move what is known of labelled words (B, S) to the front, with positions."""
    labels = values[LABELS.name]
    columns = tf.broadcast_to(tf.range(length), tf.shape(labels))
    # Positions without a label become `length` and so come last.
    positions = tf.sort(tf.where(labels == IGNORED, length, columns), axis=1)
    is_labeled = positions < length
    positions = tf.where(is_labeled, positions, 0)
    found = {LABELED_POSITIONS.name: positions}
    for feature in (LABELS, WORD_LENGTHS, TEACHER):
        if feature.name in values:
            chosen = tf.gather(values[feature.name], positions, batch_dims=1)
            found[feature.name] = tf.where(is_labeled, chosen, feature.pad)
    return found
