"""Input pipelines in tf.data, which gather the batches of a plan and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfner.data.features import (
    ATTENTION_MASK,
    IGNORED,
    INPUT_IDS,
    LABELED_POSITIONS,
    LABELS,
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
        self.inputs = (*self.pieces, ATTENTION_MASK.name)
        if LABELED_POSITIONS.name in windows[0].features:
            self.inputs = (*self.inputs, LABELED_POSITIONS.name)
            self.pieces[LABELS.name] = self._labels(windows)
        else:
            targets = _by_piece([w.targets or {} for w in windows], pad=IGNORED)
            self.targets = tuple(targets)
            self.pieces |= targets

    def _labels(self, windows: Sequence[Window]) -> Ints:
        """Labels at the pieces of labelled words, -100 at all others."""
        labels = np.full(1 + self.lengths.sum(), IGNORED, np.int32)
        for start, window in zip(self.starts[1:], windows, strict=True):
            places = start + window.features[LABELED_POSITIONS.name]
            if window.targets is not None:
                labels[places] = window.targets[LABELS.name]
        return labels


def _by_piece(windows: Sequence[Mapping[str, Ints]], *, pad: int) -> dict[str, Ints]:
    """Values of the padding piece and of all N pieces by name, (1 + N, ...)."""
    flat_by_name = {}
    for name in windows[0]:
        if name == LABELED_POSITIONS.name:
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
        `labeled_positions`, each (B, S); their target is `labels` (B, S), padded with
        -100. Other windows have a dict of targets of pieces, each (B, S) or (B, S, K),
        padded with -100; a name may be both a feature and a target.
    """
    starts = tf.constant(table.starts, tf.int32)
    sizes = tf.constant(table.sizes, tf.int32)
    pieces = {n: tf.constant(values, tf.int32) for n, values in table.pieces.items()}
    static_length = plan.static_length

    def gather(windows: Any, row_length: Any) -> tuple[dict[str, Any], Any]:
        length = static_length if static_length is not None else row_length
        source, slot = _sources(windows, length, starts=starts, sizes=sizes)
        values = {name: tf.gather(flat, source) for name, flat in pieces.items()}
        values[ATTENTION_MASK.name] = slot
        if LABELED_POSITIONS.name in table.inputs:
            positions, labels = _labeled_first(values[LABELS.name], length)
            values |= {LABELED_POSITIONS.name: positions, LABELS.name: labels}
        features = {name: values[name] for name in table.inputs}
        targets = {name: values[name] for name in table.targets}
        return features, targets.get(LABELS.name, targets)

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


def _labeled_first(labels: Any, length: Any) -> tuple[Any, Any]:
    """Move the positions that have a label, and the labels (B, S), to the front."""
    columns = tf.broadcast_to(tf.range(length), tf.shape(labels))
    # Positions without a label become `length` and so come last.
    positions = tf.sort(tf.where(labels == IGNORED, length, columns), axis=1)
    is_labeled = positions < length
    positions = tf.where(is_labeled, positions, 0)
    chosen = tf.gather(labels, positions, batch_dims=1)
    return positions, tf.where(is_labeled, chosen, IGNORED)
