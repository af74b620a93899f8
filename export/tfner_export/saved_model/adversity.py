"""Proof that no row of a batch changes what other rows get, in any signature.

Batches are made of rows whose answers are known and of rows that nothing may be read
from: all padding, ids of no piece, words outside the row. They are of one row, of none,
of the longest, of the same several times, of other widths, and filled up as TensorFlow
Serving does it. The session loader runs them in a process without tfner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfner.data.features import (
    ATTENTION_MASK,
    INPUT_IDS,
    LABELED_POSITIONS,
    TOKEN_TYPE_IDS,
    WORD_INPUTS,
    WORD_LENGTHS,
    to_wire,
)
from tfner.errors import ExportError
from tfner_export.saved_model import session_process
from tfner_export.saved_model.releases import read_saved_model
from tfner_export.saved_model.rows import Limits
from tfner_export.saved_model.signatures import DYNAMIC, FIXED, SERVING, TAGS
from tfner_export.saved_model.span_signatures import SPANS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tfner_export.exporter import Source

Features = dict[str, "NDArray[np.int32]"]
Outputs = Mapping[str, Any]

KNOWN_ROWS = "the known rows"
UNREADABLE = "rows that cannot be read"
TOLERANCE = {"float32": 1e-5, "bfloat16": 0.1}
"""By precision: sums of few digits depend on what else is in a batch."""
LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Case:
    """A batch of a signature, and the rows that it is made of.

    Args:
        name: for messages.
        signature: that is run.
        features: by their names inside tfner.
        rows: for each row of the batch the number of the known row that it is; None
            if nothing may be read from it.
    """

    name: str
    signature: str
    features: Features
    rows: Sequence[int | None]


def check_adversity(saved_model: Path, source: Source, known: Features) -> None:
    """Run adversarial batches of a SavedModel.

    Args:
        saved_model: holds `saved_model.pb`.
        source: the model that was exported.
        known: (R, max_length) each, R at least 3: rows of one window, the first the
            longest.

    Raises:
        ExportError: a batch fails, or a row gets another answer than among the known
            ones.
    """
    known = _framed(known, source)
    (graph,) = read_saved_model(saved_model).meta_graphs
    cases = [
        case
        for case in adversarial_cases(known, Limits.of(source))
        if case.signature in graph.signature_def
    ]
    arrays = {
        f"{number}/{case.signature}/{name}": array
        for number, case in enumerate(cases)
        for name, array in to_wire(case.features).items()
    }
    try:
        found = session_process.run_apart(saved_model, arrays)
    except RuntimeError as error:
        raise ExportError(
            "the export was not published: run as a server runs it, it fails on an "
            f"unusual batch: {str(error)[:200]}"
        ) from error
    answers: list[dict[str, Any]] = [{} for _ in cases]
    for key, values in found.items():
        number, _, name = key.split("/")
        answers[int(number)][name] = values
    for case, outputs in zip(cases, answers, strict=True):
        allowed = TOLERANCE[source.serving.precision]
        problem = _problem(case, outputs, answers[0], allowed=allowed)
        if problem:
            raise ExportError(
                f"the export was not published: {case.signature} gives {problem} in a "
                f"batch of {case.name}."
            )


def adversarial_cases(known: Features, limits: Limits) -> Iterator[Case]:
    """Make the batches; the first holds the known rows, run by `serving_default`.

    Args:
        known: as in `check_adversity`, each row from its first to its last piece.
        limits: of the model.
    """
    everything = range(len(known[INPUT_IDS.name]))
    padding = {name: np.zeros_like(values[:1]) for name, values in known.items()}
    padding[INPUT_IDS.name][:] = limits.pad_id
    bad = _unreadable_rows(_picked(known, [1]), limits)
    one, another = _picked(known, [1]), _picked(known, [2])
    beside_bad = _joined([one, *bad, another])
    rows_beside_bad = [1, *[None] * len(bad), 2]
    for signature in (SERVING, FIXED, DYNAMIC, TAGS, SPANS):
        batches: list[tuple[str, Features, Sequence[int | None]]] = [
            (KNOWN_ROWS, known, everything),
            ("one row", one, [1]),
            ("a row several times", _picked(known, [1, 1, 2, 1]), [1, 1, 2, 1]),
            ("padding", _joined([padding, padding]), [None, None]),
            ("a row and padding", _joined([padding, one]), [None, 1]),
            ("no rows", _picked(known, []), []),
            (UNREADABLE, beside_bad, rows_beside_bad),
        ]
        if signature == DYNAMIC:
            requests = [_unmasked(_picked(known, [n])) for n in (1, 2, 0)]
            yield from (
                Case(name, signature, _unmasked(features), rows)
                for name, features, rows in batches
            )
            yield Case("requests", signature, filled_by_server(requests), [1, 2, 0])
        else:
            batches.append(
                ("wide rows", _widened(known, limits.length + 9), everything)
            )
            narrow = int(_lengths(another)[0]) + 1
            batches.append(("narrow rows", _widened(another, narrow), [2]))
            yield from (
                Case(name, signature, features, rows)
                for name, features, rows in batches
            )


def filled_by_server(requests: Sequence[Features]) -> Features:
    """Requests as TensorFlow Serving brings them to one width.

    What is missing in a tensor of a request is filled up with its own first element
    (tensorflow_serving/batching/batching_util.cc, `PadTensor`).
    """

    def filled(values: NDArray[np.int32], width: int) -> NDArray[np.int32]:
        more = [(0, 0), (0, width - values.shape[1])]
        return np.pad(values, more, constant_values=values.flat[0])

    widths = {
        name: max(request[name].shape[1] for request in requests)
        for name in requests[0]
    }
    return _joined(
        [
            {name: filled(values, widths[name]) for name, values in request.items()}
            for request in requests
        ]
    )


def _problem(case: Case, outputs: Outputs, known: Outputs, *, allowed: float) -> str:
    """What is wrong with the outputs of a batch; empty if nothing is.

    Args:
        case: the batch.
        outputs: of its signature.
        known: what `serving_default` gives for the known rows.
        allowed: difference of a probability.
    """
    if case.signature == SPANS:
        places = zip(outputs["rows"], outputs["starts"], outputs["ends"], strict=True)
        marked = [int(row) for row, *place in places if place == [-1, -1]]
        bad = case.name == UNREADABLE  # of padding there is nothing to mark
        unread = [row for row, n in enumerate(case.rows) if n is None and bad]
        return "" if marked == unread else f"marks of rows {marked} for {unread}"
    for name, values in outputs.items():
        if len(values) != len(case.rows):
            return f"{len(values)} rows of {name} for {len(case.rows)}"
        if name not in known:
            continue  # the strings of `tags`
        if values.dtype.kind == "f":
            difference = max(
                map(_difference, values, case.rows, repeat(known[name])), default=0.0
            )
            if not difference < allowed:
                return f"{name} that differ by {difference:.2g} from a row's own"
        elif case.name == KNOWN_ROWS:
            columns = known[name].shape[1]
            if (values[:, :columns] != known[name]).any():
                return f"other {name} than {SERVING}"
    return ""


def _difference(row: Any, number: int | None, known: Any) -> float:
    """How far the probabilities of a row are from what they should be.

    Args:
        row: (W, ...).
        number: of the known row that it is; None if nothing may be read from it: then
            probabilities are 0, or 1 for O where no word was.
        known: (R, W', ...).
    """
    if number is None:
        return float(np.abs(row * (1 - row)).max(initial=0))
    columns = min(len(row), known.shape[1])
    return float(np.abs(row[:columns] - known[number, :columns]).max(initial=0))


def _framed(known: Features, source: Source) -> Features:
    """Rows that begin and end as those of the tokenizer."""
    tokenizer = source.bundle.task.tokenizer
    ids = known[INPUT_IDS.name].copy()
    last = _lengths(known) - 1
    ids[:, 0] = (tokenizer.prefix_ids or [tokenizer.pad_id])[0]
    for id in tokenizer.suffix_ids[-1:]:
        ids[np.arange(len(ids)), last] = id
    return {**known, INPUT_IDS.name: ids}


def _unreadable_rows(row: Features, limits: Limits) -> list[Features]:
    """A row with one wrong value, for each kind of them."""
    wrong = [
        *[(INPUT_IDS, value) for value in (-1, limits.pieces, LARGEST)],
        *[(TOKEN_TYPE_IDS, value) for value in (-1, limits.segments, LARGEST)],
    ]
    if LABELED_POSITIONS.name in row:
        outside = (-1, int(_lengths(row)[0]), limits.length, LARGEST)
        wrong += [(LABELED_POSITIONS, value) for value in outside]
    if WORD_LENGTHS.name in row:
        wrong += [(WORD_LENGTHS, value) for value in (-1, 0, LARGEST)]
    rows = []
    for feature, value in wrong:
        changed = row[feature.name].copy()
        changed[0, 0] = value
        rows.append({**row, feature.name: changed})
    return rows


def _unmasked(features: Features) -> Features:
    """The inputs of `serving_dynamic`, as narrow as they may be."""
    pieces = int(_lengths(features).max(initial=1))
    words = 0
    if LABELED_POSITIONS.name in features:
        words = int((features[LABELED_POSITIONS.name] != 0).sum(1).max(initial=0))
    return {
        name: values[:, : words + 1 if name in WORD_INPUTS else pieces]
        for name, values in features.items()
        if name != ATTENTION_MASK.name
    }


def _lengths(features: Features) -> NDArray[np.int64]:
    lengths: NDArray[np.int64] = (features[ATTENTION_MASK.name] > 0).sum(1)
    return lengths


def _picked(features: Features, rows: Sequence[int]) -> Features:
    at = np.array(rows, np.int64)
    return {name: values[at] for name, values in features.items()}


def _joined(batches: Sequence[Features]) -> Features:
    names = batches[0]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in names}


def _widened(features: Features, width: int) -> Features:
    """Rows of another width, filled up with 0."""
    return {
        name: np.pad(values, [(0, 0), (0, max(0, width - values.shape[1]))])[:, :width]
        for name, values in features.items()
    }
