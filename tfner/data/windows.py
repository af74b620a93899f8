"""Windows: the pieces of one document, cut into rows that a model can take.

Nothing is ever dropped: neighbouring windows overlap, and each piece belongs to the
*core* of exactly one of them, the one in which its word lies furthest from a cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfner.document import Word

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Window:
    """One piece range of one document: a model row, or part of a packed row.

    Args:
        pieces: half-open range of the document's pieces in this window.
        core: half-open part of `pieces` whose predictions count.
        word_index: (W,) index in the document of each word that has an output.
        words: all words of the document, as encoded.
        features: `input_ids` (S,), `token_type_ids` (S,), `labeled_positions` (W,) and,
            where the pieces of words are pooled, `word_lengths` (W,).
        targets: `labels` (W,) in training, and in distillation `teacher` (W, …); else
            None.
        label: the label that the window is for, if every label has windows of its own.
        core_words: half-open part of `word_index` that lies in the core: all, unless a
            model needs the words around as well.
    """

    pieces: tuple[int, int]
    core: tuple[int, int]
    word_index: Ints
    words: tuple[Word, ...]
    features: Mapping[str, Ints]
    targets: Mapping[str, NDArray[Any]] | None = None
    label: str | None = None
    core_words: tuple[int, int | None] = (0, None)

    def __len__(self) -> int:
        return len(self.features["input_ids"])


def cut(
    num_pieces: int, *, capacity: int, overlap: int, word_starts: Ints
) -> list[tuple[int, int]]:
    """Cut a document into half-open piece ranges, neighbours sharing pieces.

    A range after the first begins at a word where one begins within the overlap.

    Args:
        num_pieces: pieces of the document, special pieces not counted.
        capacity: most pieces of a range, at least 1.
        overlap: pieces that neighbours share at least, 0 <= overlap < capacity.
        word_starts: (W,) index of the first piece of every word, rising.

    Example:
        >>> cut(10, capacity=6, overlap=2, word_starts=np.arange(10, dtype="int32"))
        [(0, 6), (4, 10)]
    """
    if not 0 <= overlap < capacity:
        raise ValueError(
            "`overlap` must be at least 0 and smaller than the room of a window. "
            f"Received: overlap={overlap}, room={capacity}"
        )
    ranges, start = [], 0
    while start + capacity < num_pieces:
        end = start + capacity
        ranges.append((start, end))
        latest = end - overlap
        # A number of another type would have the whole array copied.
        place = np.searchsorted(word_starts, word_starts.dtype.type(latest), "right")
        at_word = word_starts[place - 1]
        # A word longer than the overlap allows is cut inside.
        start = int(at_word) if at_word > latest - capacity // 4 else latest
        start = max(start, ranges[-1][0] + 1)
    if num_pieces:
        ranges.append((start, num_pieces))
    return ranges


def cores(ranges: list[tuple[int, int]], *, word_starts: Ints) -> list[tuple[int, int]]:
    """The part of each range in which its predictions count; they tile the document.

    Args:
        ranges: from `cut`.
        word_starts: (W,) index of the first piece of every word, rising.

    Example:
        >>> cores([(0, 6), (4, 10)], word_starts=np.arange(10, dtype="int32"))
        [(0, 5), (5, 10)]
    """
    if len(ranges) < 2:
        return list(ranges)
    boundaries = np.append(word_starts, ranges[-1][1])
    limits = [
        _boundary(left[1], right[0], boundaries) for left, right in pairwise(ranges)
    ]
    return list(zip([ranges[0][0], *limits], [*limits, ranges[-1][1]], strict=True))


def _boundary(end: int, start: int, boundaries: Ints) -> int:
    """The word boundary nearest to the middle of the overlap of two neighbours."""
    middle = boundaries.dtype.type((start + end + 1) // 2)
    after = int(np.searchsorted(boundaries, middle))
    nearest = min(
        boundaries[max(after - 1, 0) : after + 1].tolist(),
        key=lambda boundary: abs(2 * boundary - start - end),
    )
    return int(min(max(nearest, start), end))
