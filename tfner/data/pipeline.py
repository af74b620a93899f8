"""tf.data over windows: gathers the batches that a plan names, and nothing else."""

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
    """All windows of a corpus as a few flat arrays, in which a plan's numbers point.

    Args:
        windows: with targets.
        pad_id: `input_ids` of padding.
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
    """All pieces' values by name, (1 + N, ...), behind those of the padding piece."""
    found = {}
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
        found[name] = flat
    return found


def window_batches(table: WindowTable, plan: BatchPlan) -> tf.data.Dataset:
    """The batches of a plan, in order.

    Shapes are static where the plan has one row length; the batch is never short.

    Returns:
        Pairs of features and targets, int32. The features of words are `input_ids`,
        `attention_mask`, `token_type_ids` and `labeled_positions`, each (B, S), their
        target is `labels` (B, S), where `labeled_positions` is padded with 0 and
        `labels` with -100. Windows without labelled words have a dict of targets of
        pieces, each (B, S) or (B, S, K), padded with -100; a name may be both a
        feature and a target.
    """
    starts = tf.constant(table.starts, tf.int32)
    sizes = tf.constant(table.sizes, tf.int32)
    pieces = {n: tf.constant(values, tf.int32) for n, values in table.pieces.items()}
    static_length = plan.static_length

    def gather(windows: Any, row_length: Any) -> tuple[dict[str, Any], Any]:
        length = static_length if static_length is not None else row_length
        source, slot = _sources(windows, length, starts=starts, sizes=sizes)
        found = {name: tf.gather(flat, source) for name, flat in pieces.items()}
        found[ATTENTION_MASK.name] = slot
        if LABELED_POSITIONS.name in table.inputs:
            positions, labels = _labeled_first(found[LABELS.name], length)
            found |= {LABELED_POSITIONS.name: positions, LABELS.name: labels}
        features = {name: found[name] for name in table.inputs}
        targets = {name: found[name] for name in table.targets}
        return features, targets.get(LABELS.name, targets)

    dataset = tf.data.Dataset.from_tensor_slices((plan.windows + 1, plan.row_lengths))
    return dataset.map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)


def _sources(windows: Any, length: Any, *, starts: Any, sizes: Any) -> tuple[Any, Any]:
    """Index into the flat arrays, and window number within its row, both (B, S)."""
    room = tf.gather(sizes, windows)
    ends = tf.cumsum(room, axis=1)
    position = tf.broadcast_to(tf.range(length), [tf.shape(windows)[0], length])
    position = tf.ensure_shape(position, [windows.shape[0], None])
    slot = tf.searchsorted(ends, position, side="right")
    inside = position < ends[:, -1:]
    slot = tf.where(inside, slot, 0)
    first = tf.gather(tf.gather(starts, windows) - ends + room, slot, batch_dims=1)
    return tf.where(inside, first + position, 0), tf.where(inside, slot + 1, 0)


def _labeled_first(labels: Any, length: Any) -> tuple[Any, Any]:
    """Positions that have a label, and the labels, moved to the front of each row."""
    position = tf.broadcast_to(tf.range(length), tf.shape(labels))
    places = tf.sort(tf.where(labels == IGNORED, length, position), axis=1)
    valid = places < length
    places = tf.where(valid, places, 0)
    chosen = tf.gather(labels, places, batch_dims=1)
    return places, tf.where(valid, chosen, IGNORED)
