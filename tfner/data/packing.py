"""Batch plans, which put every window into a row of a batch.

A plan is an integer array and a pure function of window lengths, seed and epoch. The
pipeline only gathers by it, so that resuming is a skip, sharding a slice, and shapes
are known in advance. Made in numpy for the global batch.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from tfner.data.features import (
    ATTENTION_MASK,
    INPUT_IDS,
    LABELED_POSITIONS,
    WORD_INPUTS,
)
from tfner.data.windows import Ints, Window
from tfner.errors import ConfigError, unknown

EMPTY = -1
LOOKAHEAD = 64
"""Windows considered to fill a row: 64 fill 98 % of MIT Movie's positions."""
SHORTEST_ROW = 64
"""Shorter packed rows waste more positions at their ends than attention saves."""
TYPICAL_FILL = 0.97
"""Share of filled positions that packing reaches; batches have room accordingly."""
BUCKET_STEP = 16
"""Bucketed rows are rounded up to this many pieces: few shapes, few compilations."""
BATCHES_SORTED = 50
"""Bucketed batches are made of neighbours by length among this many batches."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Batches of one or more epochs.

    Args:
        windows: (steps, rows, slots) int32, window numbers; `EMPTY` in unused slots,
            which come last in their row.
        row_lengths: (steps,) int32, pieces per row of each batch.
        steps_per_epoch: batches of an epoch, the same for every epoch.
    """

    windows: Ints
    row_lengths: Ints
    steps_per_epoch: int

    @property
    def epochs(self) -> int:
        """Number of times that every window is used."""
        return len(self.row_lengths) // self.steps_per_epoch

    @property
    def static_length(self) -> int | None:
        """Row length shared by all batches, or None."""
        first = int(self.row_lengths[0])
        return first if bool(np.all(self.row_lengths == first)) else None

    def filled(self, lengths: Ints) -> float:
        """Share of the positions that hold a piece and no padding."""
        used = self.windows[self.windows != EMPTY]
        rows = self.windows.shape[1]
        return float(lengths[used].sum() / (self.row_lengths.sum() * rows))

    def divisible(self, parts: int) -> BatchPlan:
        """Add empty rows to every batch until it divides into equal parts."""
        missing = -self.windows.shape[1] % parts
        padding = ((0, 0), (0, missing), (0, 0))
        return replace(
            self, windows=np.pad(self.windows, padding, constant_values=EMPTY)
        )

    def shard(self, replicas: int, own: slice) -> BatchPlan:
        """The plan of some replicas: in each step one batch for each, in turn.

        Args:
            replicas: number of all replicas; divides the number of rows.
            own: the replicas that read the plan.
        """
        steps, rows, slots = self.windows.shape
        parts = self.windows.reshape(steps, replicas, rows // replicas, slots)[:, own]
        count = parts.shape[1]
        return BatchPlan(
            parts.reshape(steps * count, rows // replicas, slots),
            np.repeat(self.row_lengths, count),
            self.steps_per_epoch * count,
        )


def fill_rows(lengths: Ints, order: Sequence[int], row_length: int) -> list[list[int]]:
    """Put windows into rows, each row taking the next ones that still fit.

    Args:
        lengths: (N,) pieces of every window.
        order: window numbers in the order in which they are to be used.
        row_length: pieces per row; a longer window gets a row of its own.
    """
    sizes = lengths.tolist()
    coming = iter(order)
    waiting = list(islice(coming, LOOKAHEAD))
    rows: list[list[int]] = []
    while waiting:
        row: list[int] = []
        passed_over, room = [], row_length
        for window in waiting:
            if sizes[window] <= room or not row:
                row.append(window)
                room -= sizes[window]
            else:
                passed_over.append(window)
        rows.append(row)
        waiting = passed_over + list(islice(coming, len(row)))
    return rows


def best_rows(lengths: Ints, row_length: int) -> list[list[int]]:
    """Put windows into as few rows as can be, the fullest ones first.

    Each window, the longest first, goes into the fullest row that has room for it.

    Args:
        lengths: (N,) pieces of every window.
        row_length: pieces per row; a longer window gets a row of its own.

    Example:
        >>> best_rows(np.array([2, 5, 3, 6], "int32"), 8)
        [[3, 0], [1, 2]]
    """
    rows: list[list[int]] = []
    filled: list[int] = []
    rooms: list[tuple[int, int]] = []  # of rows that are not full, and their numbers
    for window in np.argsort(-lengths, kind="stable").tolist():
        size = int(lengths[window])
        fitting = bisect_left(rooms, (size, -1))
        if fitting < len(rooms):
            room, row = rooms.pop(fitting)
        else:
            room, row = max(row_length, size), len(rows)
            rows.append([])
            filled.append(0)
        rows[row].append(window)
        filled[row] += size
        if room > size:
            insort(rooms, (room - size, row))
    fullest = sorted(range(len(rows)), key=filled.__getitem__, reverse=True)
    return [rows[row] for row in fullest]


def packed_shape(lengths: Ints, batch_size: int) -> tuple[int, int]:
    """Rows and row length of a packed batch that holds `batch_size` windows on average.

    Example:
        >>> packed_shape(np.full(1000, 13, "int32"), 32)
        (6, 72)
    """
    needed = _positions(lengths, batch_size)
    shortest = -(-max(int(lengths.max()), min(SHORTEST_ROW, round(needed))) // 8) * 8
    candidates = range(shortest, shortest * 3 // 2 + 8, 8)
    shapes = [(max(1, round(needed / length)), length) for length in candidates]
    return min(shapes, key=lambda shape: abs(shape[0] * shape[1] - needed))


def _positions(lengths: Ints, batch_size: int) -> float:
    """Positions that a batch needs to hold `batch_size` windows on average."""
    return batch_size * float(lengths.mean()) / TYPICAL_FILL


def _stack(batches: Sequence[Sequence[Sequence[int]]], rows: int) -> Ints:
    slots = max(len(row) for batch in batches for row in batch)
    stacked = np.full((len(batches), rows, slots), EMPTY, np.int32)  # (steps, R, slots)
    for step, batch in enumerate(batches):
        for number, row in enumerate(batch):
            stacked[step, number, : len(row)] = row
    return stacked


def _orders(count: int, seed: int, epochs: int) -> list[NDArray[np.int64]]:
    return [
        np.random.default_rng([seed, epoch]).permutation(count)
        for epoch in range(epochs)
    ]


def _spread(rows: Sequence[list[int]], steps: int) -> list[list[list[int]]]:
    """Divide rows, in order, among batches that are as equal as can be."""
    limits = np.linspace(0, len(rows), steps + 1).round().astype(int)
    return [list(rows[a:b]) for a, b in pairwise(limits)]


def packed_plan(
    lengths: Ints, *, batch_size: int, seed: int, epochs: int, group: int = 1
) -> BatchPlan:
    """Put several windows into a row; all batches have one shape.

    Every epoch has as many batches as the one that needs most, its rows spread evenly.
    For the arguments see `make_batch_plan`.
    """
    rows, row_length = packed_shape(lengths, batch_size)
    # A row that is long for one window's sake must not swell a small batch.
    needed = round(_positions(lengths, batch_size))
    room = min(row_length, needed) if rows == 1 else row_length
    filled = [
        fill_rows(lengths, order.tolist(), room)
        for order in _orders(len(lengths), seed, epochs)
    ]
    steps = max(-(-len(packed) // (rows * group)) * group for packed in filled)
    batches = [batch for packed in filled for batch in _spread(packed, steps)]
    return BatchPlan(
        _stack(batches, rows),
        np.full(len(batches), row_length, np.int32),
        steps,
    )


def bucketed_plan(
    lengths: Ints, *, batch_size: int, seed: int, epochs: int
) -> BatchPlan:
    """Put one window into a row, windows of similar length into a batch.

    Rows are multiples of 16 pieces. For the arguments see `make_batch_plan`.
    """
    batches: list[list[list[int]]] = []
    for epoch, order in enumerate(_orders(len(lengths), seed, epochs)):
        of_epoch = []
        for start in range(0, len(order), batch_size * BATCHES_SORTED):
            chunk = order[start : start + batch_size * BATCHES_SORTED]
            chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
            for first in range(0, len(chunk), batch_size):
                of_epoch.append([[int(w)] for w in chunk[first : first + batch_size]])
        shuffled = np.random.default_rng([seed, epoch, 1]).permutation(len(of_epoch))
        batches += [of_epoch[i] for i in shuffled]
    longest = [max(int(lengths[row[0]]) for row in batch) for batch in batches]
    row_lengths = -(-np.array(longest, np.int32) // BUCKET_STEP) * BUCKET_STEP
    return BatchPlan(_stack(batches, batch_size), row_lengths, len(batches) // epochs)


def padded_plan(
    lengths: Ints,
    *,
    batch_size: int,
    seed: int,
    epochs: int,
    row_length: int,
    group: int = 1,
) -> BatchPlan:
    """Put one window into a row of `row_length` pieces.

    For the other arguments see `make_batch_plan`.
    """
    steps = -(-len(lengths) // (batch_size * group)) * group
    batches = [
        batch
        for order in _orders(len(lengths), seed, epochs)
        for batch in _spread([[int(window)] for window in order], steps)
    ]
    return BatchPlan(
        _stack(batches, batch_size),
        np.full(len(batches), row_length, np.int32),
        len(batches) // epochs,
    )


LAYOUTS: Mapping[str, Callable[..., BatchPlan]] = {
    "packed": packed_plan,
    "bucketed": bucketed_plan,
    "padded": padded_plan,
}


def make_batch_plan(
    lengths: Ints,
    *,
    layout: str,
    batch_size: int,
    seed: int,
    epochs: int,
    max_length: int,
    group: int = 1,
) -> BatchPlan:
    """Plan the batches of a whole training run.

    Args:
        lengths: (N,) pieces of every window, at least one window.
        layout: a key of `LAYOUTS`.
        batch_size: windows per batch; on average where packed.
        seed: decides the order of the windows, together with the epoch.
        epochs: number of times that every window is used.
        max_length: row length of the padded layout.
        group: the number of batches of an epoch is a multiple of it.

    Raises:
        ConfigError: the layout is unknown, or its batches differ in shape and cannot be
            grouped.
        ValueError: a window is longer than `max_length` in the padded layout.
    """
    if layout not in LAYOUTS:
        raise ConfigError(unknown("layout", layout, LAYOUTS))
    if layout == "padded" and lengths.max() > max_length:
        raise ValueError(
            "`max_length` must hold the longest window. "
            f"Received: max_length={max_length}, a window of {lengths.max()} pieces"
        )
    more = {"row_length": max_length} if layout == "padded" else {}
    if layout != "bucketed":
        more["group"] = group
    elif group > 1:
        raise ConfigError(
            "several steps per execution need batches of one shape. Received: "
            f"layout=bucketed, steps_per_execution={group}. Give --layout packed or "
            "padded, or --steps-per-execution 1."
        )
    return LAYOUTS[layout](
        lengths, batch_size=batch_size, seed=seed, epochs=epochs, **more
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Model inputs made of windows, and the place of each window's outputs.

    Args:
        features: `input_ids`, `attention_mask`, `token_type_ids` (B, S) and, of words,
            `labeled_positions` and, to pool them, `word_lengths` (B, W), int32.
        places: for every window in order its row and its half-open range of columns
            of the outputs.
    """

    features: dict[str, Ints]
    places: list[tuple[int, int, int]]


def assemble(
    windows: Sequence[Window],
    rows: Sequence[Sequence[int]],
    *,
    shape: tuple[int, int],
    pad_id: int,
) -> Batch:
    """Lay windows out as one batch, as the pipeline does it for training.

    Args:
        windows: all windows.
        rows: for every row the indices of its windows.
        shape: (B, S) rows and row length.
        pad_id: fills `input_ids` up.
    """
    features = {name: np.zeros(shape, np.int32) for name in windows[0].features}
    features[INPUT_IDS.name][:] = pad_id
    features[ATTENTION_MASK.name] = np.zeros(shape, np.int32)
    places: list[tuple[int, int, int]] = [(0, 0, 0)] * len(windows)
    for number, row in enumerate(rows):
        start = column = 0
        for slot, index in enumerate(row):
            window = windows[index]
            end = start + len(window)
            for name, values in window.features.items():
                if name not in WORD_INPUTS:
                    features[name][number, start:end] = values
            features[ATTENTION_MASK.name][number, start:end] = slot + 1
            positions = window.features.get(LABELED_POSITIONS.name)
            if positions is None:  # outputs are of pieces
                places[index] = (number, start, end)
            else:
                last = column + len(positions)
                for name in window.features.keys() & WORD_INPUTS:
                    features[name][number, column:last] = window.features[name]
                features[LABELED_POSITIONS.name][number, column:last] += start
                places[index] = (number, column, last)
                column = last
            start = end
    return Batch(features, places)
