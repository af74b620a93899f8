"""Windows to the rows that a model runs, and its outputs back to the windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tfner.data.packing import assemble, best_rows
from tfner.data.windows import Ints, Window
from tfner.errors import BundleError

Floats = NDArray[np.float32]

POSITIONS = 2048
"""Positions of one batch: enough to keep two cores busy, little memory."""
ROW_LENGTH = 128
"""Packed rows have at most this many pieces, or as many as their window needs."""
SHORTEST_ROW = 48
"""And at least this many, where there are enough."""
WINDOWS = 3
"""Windows of mean length in a packed row: they fill it to 97 %."""
SPANS = "spans"
"""Output (N, 3), of a model that finds spans: row, first and last piece. Outputs of
one axis belong to its rows, not to those of the batch."""
STEP = 16
"""Rows that are not packed full are rounded up to this many pieces."""


class Rows(Protocol):
    """The shape of a model's rows.

    One that computes best with fewer at once than `POSITIONS` says so in `positions`.

    Attributes:
        packs: whether several windows may share a row.
        row_length: fixed number of pieces of a row, or None.
    """

    packs: bool
    row_length: int | None


class Runner(Rows, Protocol):
    """Runs a model on arrays: Keras, a SavedModel, or a server."""

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs such as `probs` (B, W, T) of `input_ids` (B, S) and the others.

        Columns are labelled words where the features name them, else pieces.
        """
        ...


class Batch(NamedTuple):
    """Rows that a model runs at once.

    Args:
        features: of the rows.
        numbers: of the windows in the rows.
        places: row, first and last column of each of them.
    """

    features: Mapping[str, Ints]
    numbers: Sequence[int]
    places: Sequence[tuple[int, int, int]]

    def cut(
        self, results: Mapping[str, Floats]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give each window's number and its own columns and spans of the outputs.

        Raises:
            BundleError: the outputs are no numbers.
        """
        _check_numbers(results)
        for number, place in zip(self.numbers, self.places, strict=True):
            yield number, _cut_out(results, *place)


def make_batches(
    run: Rows, windows: Sequence[Window], *, pad_id: int
) -> Iterator[Batch]:
    """Put windows into batches.

    Args:
        run: says how rows are made.
        windows: of any lengths and documents.
        pad_id: `input_ids` of padding.
    """
    for rows in _batches(run, windows):
        numbers = [index for row in rows for index in row]
        local = {index: place for place, index in enumerate(numbers)}
        longest = max(sum(len(windows[index]) for index in row) for row in rows)
        length = run.row_length or -(-longest // STEP) * STEP
        batch = assemble(
            [windows[index] for index in numbers],
            [[local[index] for index in row] for row in rows],
            shape=(len(rows), length),
            pad_id=pad_id,
        )
        yield Batch(batch.features, numbers, batch.places)


def run_windows(
    run: Runner, windows: Sequence[Window], *, pad_id: int
) -> list[dict[str, Any]]:
    """Run windows; each gets its own columns and spans of the outputs, in order.

    Args:
        run: the model.
        windows: of any lengths and documents.
        pad_id: `input_ids` of padding.
    """
    outputs: list[dict[str, Any]] = [{}] * len(windows)
    for batch in make_batches(run, windows, pad_id=pad_id):
        for number, own in batch.cut(run(batch.features)):
            outputs[number] = own
    return outputs


def _check_numbers(results: Mapping[str, Floats]) -> None:
    """Refuse outputs that are no numbers, which would be read as "no entities".

    Raises:
        BundleError: there are some.
    """
    if not all(np.isfinite(values).all() for values in results.values()):
        raise BundleError(
            "the model gives outputs that are no numbers (NaN or infinite): its "
            "weights are damaged, or its training has diverged. Restore them, or train "
            "it again with a lower learning rate."
        )


def run_documents(
    run: Runner, documents: Sequence[Sequence[Window]], *, pad_id: int
) -> list[list[Mapping[str, Any]]]:
    """Run the windows of several documents, which may share rows.

    Args:
        run: the model.
        documents: the windows of each.
        pad_id: `input_ids` of padding.
    """
    flat = [window for windows in documents for window in windows]
    outputs = iter(run_windows(run, flat, pad_id=pad_id))
    return [[next(outputs) for _ in windows] for windows in documents]


def _cut_out(
    results: Mapping[str, Floats], row: int, first: int, last: int
) -> dict[str, Any]:
    """One window's outputs: a range of columns, and the spans within it."""
    if SPANS not in results:
        return {name: values[row, first:last] for name, values in results.items()}
    spans = results[SPANS]
    own = (spans[:, 0] == row) & (first <= spans[:, 1]) & (spans[:, 1] < last)
    return {
        name: values[row, first:last] if values.ndim > 1 else values[own]
        for name, values in results.items()
        if name != SPANS
    } | {SPANS: spans[own, 1:] - first}


def _batches(run: Rows, windows: Sequence[Window]) -> Iterator[list[list[int]]]:
    """Rows of window numbers, batch by batch, long rows with long ones."""
    if not windows:
        return
    lengths = np.array([len(window) for window in windows], np.int32)
    if run.packs:
        # Only the windows that need it get longer rows than the others.
        rows = best_rows(lengths, min(_usual(lengths), run.row_length or ROW_LENGTH))
    else:
        rows = [[index] for index in np.argsort(-lengths, kind="stable").tolist()]
    positions = getattr(run, "positions", POSITIONS)
    while rows:
        length = sum(int(lengths[i]) for i in rows[0])
        count = max(1, positions // length)
        yield rows[:count]
        rows = rows[count:]


def _usual(lengths: Ints) -> int:
    """Pieces of a row: few enough for cheap attention, enough to be filled well."""
    wanted = -(-WINDOWS * int(lengths.sum()) // (len(lengths) * STEP)) * STEP
    return min(ROW_LENGTH, max(SHORTEST_ROW, wanted))
