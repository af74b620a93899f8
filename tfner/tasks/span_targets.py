"""Targets of span extraction: where the entities of one label begin and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tfner.data.features import END_LABELS, IGNORED, SPAN_LABELS, START_LABELS
from tfner.data.windows import Ints
from tfner.schemes import Span


def piece_targets(word_of: Ints, spans: Sequence[Span]) -> dict[str, Ints]:
    """Make the targets of every piece of a document, for one label.

    Args:
        word_of: (P,) word of each piece, rising.
        spans: of words.

    Returns:
        `start_labels` and `end_labels` (P,): 1 where a span begins or ends, 0 at other
        first or last pieces of words, -100 elsewhere; `span_labels` (P, K): distances
        from a start to the ends of its spans, -100 at unused places.
    """
    firsts = np.diff(word_of, prepend=-1) > 0
    lasts = np.append(firsts[1:], True)[: len(firsts)]
    starts = np.where(firsts, 0, IGNORED).astype(np.int32)
    ends = np.where(lasts, 0, IGNORED).astype(np.int32)
    distances: dict[int, list[int]] = {}
    for span in dict.fromkeys(spans):
        first = int(np.searchsorted(word_of, span.start))
        last = int(np.searchsorted(word_of, span.end)) - 1
        if first <= last:  # else none of its words has a piece
            starts[first] = ends[last] = 1
            distances.setdefault(first, []).append(last - first)
    most = max(map(len, distances.values()), default=1)
    table = np.full((len(word_of), most), IGNORED, np.int32)
    for first, found in distances.items():
        table[first, : len(found)] = found
    return {
        START_LABELS.name: starts,
        END_LABELS.name: ends,
        SPAN_LABELS.name: table,
    }


def window_targets(
    targets: Mapping[str, Ints], pieces: tuple[int, int], *, at: int, length: int
) -> dict[str, Ints]:
    """Cut out the targets of one window; an entity that it cuts keeps its other end.

    Args:
        targets: of the whole document, from `piece_targets`.
        pieces: half-open range of the window's context.
        at: where in the window the context begins.
        length: pieces of the window.
    """
    start, end = pieces
    found = {}
    for name, values in targets.items():
        row = np.full((length, *values.shape[1:]), IGNORED, np.int32)
        row[at : at + end - start] = values[start:end]
        found[name] = row
    distances = found[SPAN_LABELS.name]
    left = at + end - start - np.arange(length)
    distances[distances >= left[:, None]] = IGNORED
    return found
