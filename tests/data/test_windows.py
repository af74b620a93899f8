"""Windows cover a document, and each piece is read where it is seen best."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.data.windows import cores, cut


class Case(NamedTuple):
    """A document of words of so many pieces, and how to cut it."""

    sizes: list[int]
    capacity: int
    overlap: int

    @property
    def num_pieces(self) -> int:
        return sum(self.sizes)

    @property
    def word_starts(self) -> np.ndarray:
        return np.cumsum([0, *self.sizes])[:-1].astype(np.int32)

    def ranges(self) -> list[tuple[int, int]]:
        return cut(
            self.num_pieces,
            capacity=self.capacity,
            overlap=self.overlap,
            word_starts=self.word_starts,
        )

    def cores(self) -> list[tuple[int, int]]:
        return cores(self.ranges(), word_starts=self.word_starts)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    capacity = draw(st.integers(1, 20))
    overlap = draw(st.integers(0, capacity - 1))
    sizes = draw(st.lists(st.integers(1, 30), max_size=30))
    return Case(sizes, capacity, overlap)


@given(cases())
def test_windows_cover_the_document_and_none_is_too_long(case: Case) -> None:
    ranges = case.ranges()
    seen = {piece for start, end in ranges for piece in range(start, end)}
    assert seen == set(range(case.num_pieces))
    assert all(0 < end - start <= case.capacity for start, end in ranges)


@given(cases())
def test_neighbours_share_at_least_the_overlap(case: Case) -> None:
    for (_, left_end), (right_start, _) in pairwise(case.ranges()):
        assert left_end - right_start >= case.overlap


@given(cases())
def test_cores_tile_the_document(case: Case) -> None:
    ranges = case.ranges()
    pieces = [p for start, end in case.cores() for p in range(start, end)]
    assert pieces == list(range(case.num_pieces))
    for (start, end), (first, last) in zip(ranges, case.cores(), strict=True):
        assert start <= first <= last <= end


def distance(word: range, window: tuple[int, int], num_pieces: int) -> int:
    """Pieces between a word and the nearest cut; the document's ends are none."""
    start, end = window
    left = word.start - start if start else num_pieces
    right = end - word.stop if end < num_pieces else num_pieces
    return min(left, right)


@given(cases())
def test_a_word_counts_in_the_window_in_which_it_lies_furthest_from_a_cut(
    case: Case,
) -> None:
    ranges, owned = case.ranges(), case.cores()
    for start, size in zip(case.word_starts.tolist(), case.sizes, strict=True):
        word = range(start, start + size)
        (window,) = (
            r for r, (a, b) in zip(ranges, owned, strict=True) if a <= start < b
        )
        best = max(
            distance(word, other, case.num_pieces)
            for other in ranges
            if other[0] <= start < other[1]
        )
        assert distance(word, window, case.num_pieces) == best


@given(cases())
def test_a_word_that_fits_is_read_where_it_is_seen_whole(case: Case) -> None:
    for start, size in zip(case.word_starts.tolist(), case.sizes, strict=True):
        pairs = zip(case.ranges(), case.cores(), strict=True)
        (window,) = (r for r, (a, b) in pairs if a <= start < b)
        whole = any(a <= start and start + size <= b for a, b in case.ranges())
        assert start + size <= window[1] or not whole


def test_windows_begin_at_words() -> None:
    case = Case([3] * 20, capacity=20, overlap=5)
    assert {start % 3 for start, _ in case.ranges()} == {0}


def test_a_word_longer_than_a_window_is_cut_inside() -> None:
    ranges = Case([2, 50, 2], capacity=10, overlap=4).ranges()
    assert len(ranges) == 9
    assert {b - a for (a, _), (b, _) in pairwise(ranges)} == {6}


def test_no_pieces_no_windows() -> None:
    assert Case([], capacity=4, overlap=1).ranges() == []
    assert Case([], capacity=4, overlap=1).cores() == []


@pytest.mark.parametrize("overlap", [-1, 4, 9])
def test_an_overlap_that_does_not_fit_is_refused(overlap: int) -> None:
    with pytest.raises(ValueError, match=f"overlap={overlap}, room=4"):
        Case([9], capacity=4, overlap=overlap).ranges()
