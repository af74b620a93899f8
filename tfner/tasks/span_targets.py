"""Targets of span extraction: where the entities of one label begin and end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tfner.data.features import END_LABELS, IGNORED, SPAN_LABELS, START_LABELS
from tfner.data.windows import Ints
from tfner.schemes import Span


def ranges_of_pieces(word_of: Ints, spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Find the first and the last piece of spans of words, each span once.

    Args:
        word_of: (P,) word of each piece, rising.
        spans: those none of whose words has a piece are left out.
    """
    words = np.array([span[:2] for span in dict.fromkeys(spans)]).reshape(-1, 2)
    firsts, ends = np.searchsorted(word_of, words).T.tolist()
    pairs = zip(firsts, ends, strict=True)
    return [(first, end - 1) for first, end in pairs if first < end]


def piece_targets(
    word_of: Ints, ranges: Sequence[tuple[int, int]], *, room: int
) -> dict[str, Ints]:
    """Make the targets of every piece of a document, for one label.

    Args:
        word_of: (P,) word of each piece, rising.
        ranges: first and last pieces of entities, of `ranges_of_pieces`.
        room: most pieces of the document that a window holds, and so of an entity that
            is learnt as a pair.

    Returns:
        `start_labels` and `end_labels` (P,): 1 where an entity begins or ends, 0 at
        other first or last pieces of words, -100 elsewhere; `span_labels` (P, K):
        distances from a start to the ends of its entities, -100 at unused places.
    """
    is_first = np.diff(word_of, prepend=-1) > 0
    is_last = np.append(is_first[1:], True)[: len(is_first)]
    starts = np.where(is_first, 0, IGNORED).astype(np.int32)
    ends = np.where(is_last, 0, IGNORED).astype(np.int32)
    distances: dict[int, list[int]] = {}
    for first, last in ranges:
        starts[first] = ends[last] = 1
        if last - first < room:  # thousands may begin with the same word
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
