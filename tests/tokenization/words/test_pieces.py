"""Pieces as words hold all of a text, and cut no letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.document import Word
from tfner.marks import is_blank
from tfner.tokenization.words.pieces import words_of_pieces


@st.composite
def pieces_of_texts(draw: st.DrawFn) -> tuple[str, list[tuple[int, int]]]:
    text = draw(
        st.text(st.sampled_from("aか\u3099\u1112\u1161\u11ab👩\u200d🏽 \u200b\u00ad▁"))
    )
    starts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=9)))
    sizes = draw(st.lists(st.integers(0, 3), min_size=9, max_size=9))
    pieces = [(s, min(s + n, len(text))) for s, n in zip(starts, sizes, strict=False)]
    return text, pieces


@given(pieces_of_texts())
def test_each_character_that_is_seen_is_in_one_word(
    drawn: tuple[str, list[tuple[int, int]]],
) -> None:
    text, pieces = drawn
    words = words_of_pieces(text, pieces)
    held = [n for start, end in words for n in range(start, end)]
    assert held == sorted(set(held))
    missing = set(range(len(text))) - set(held)
    assert all(is_blank(text[n]) for n in missing)
    assert not any(text[n].isspace() or text[n] == "\u200b" for n in held)
    assert not any(is_blank(text[a]) or is_blank(text[b - 1]) for a, b in words)


@pytest.mark.parametrize(
    ("text", "pieces", "words"),
    [
        ("abc", [(0, 1), (1, 3)], ["a", "bc"]),
        ("a“b”", [(0, 1), (2, 3)], ["a", "“", "b", "”"]),
        ("cafe\u0301s", [(0, 4), (5, 6)], ["cafe\u0301", "s"]),
        ("\u1112\u1161\u11ab국", [(0, 1), (3, 4)], ["\u1112\u1161\u11ab", "국"]),
        ("👩\u200d👧!", [(0, 1), (2, 3), (3, 4)], ["👩\u200d👧", "!"]),
        ("co\u00adop on", [(0, 2), (3, 5), (6, 8)], ["co\u00adop", "on"]),
        ("👩👩👩", [(0, 1), (0, 1), (1, 2), (1, 3)], ["👩", "👩👩"]),
        ("▁ a", [(0, 3)], ["▁", "a"]),
        ("a b", [], ["a", "b"]),
    ],
)
def test_what_no_piece_covers_is_a_word_or_part_of_a_letter(
    text: str, pieces: list[tuple[int, int]], words: list[str]
) -> None:
    found = words_of_pieces(text, pieces)
    assert [text[start:end] for start, end in found] == words
    assert all(isinstance(word, Word) for word in found)
