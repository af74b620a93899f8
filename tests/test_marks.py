"""Marks that nobody sees are no part of words and entities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.marks import (
    follows_space,
    is_blank,
    trimmed,
    trimmed_words,
    words_between_spaces,
)

CHILLU = "\u0d05\u0d35\u0d28\u0d4d\u200d"
"""A Malayalam word whose last letter ends in a joiner."""
CASES = {
    " Mira Sol ": "Mira Sol",
    "\ufeffMira": "Mira",
    "\u200e Oslo\u200f\u200e": "Oslo",
    "\u2067\u05d0\u05d1\u2069": "\u05d0\u05d1",
    "co\u00adop\u00ad": "co\u00adop",
    "a\u200db\u200d": "a\u200db",
    "❤\ufe0f": "❤",
    CHILLU: CHILLU,
    "\u200b": "",
    "": "",
}


@pytest.mark.parametrize("text", CASES)
def test_marks_and_white_space_at_the_edges_are_left_out(text: str) -> None:
    start, end = trimmed(text, 0, len(text))
    assert text[start:end] == CASES[text]


@given(
    st.text(st.sampled_from("aא \u200b\u200e\ufeff\u00ad")),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_what_is_left_lies_within_and_is_seen(text: str, start: int, end: int) -> None:
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    first, last = trimmed(text, start, end)
    assert start <= first <= last <= end
    assert first == last or not (is_blank(text[first]) or is_blank(text[last - 1]))
    left_out = text[start:first] + text[last:end]
    assert all(map(is_blank, left_out))


def test_zero_width_spaces_part_words_and_other_marks_do_not() -> None:
    text = "Mira\u200bSol\u200b flew\ufeffon"
    words = [text[start:end] for start, end in words_between_spaces(text)]
    assert words == ["Mira", "Sol", "flew\ufeffon"]
    assert trimmed_words(text, [(4, 5), (9, 10)]) == []


def test_a_word_follows_white_space_whatever_marks_stand_between() -> None:
    assert follows_space("\ufeffMira", 1)
    assert follows_space("to \u200eOslo", 4)
    assert follows_space("Mira\u200bSol", 5)
    assert not follows_space("(\u200eOslo", 2)


CHARACTERS = "a \u200b\u200c\u200d\u200e\u0d4d\u3000\ufeff"


@given(st.text(CHARACTERS), st.integers(0, 20), st.integers(0, 20))
def test_edges_are_those_that_one_character_at_a_time_finds(
    text: str, start: int, end: int
) -> None:
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    first, last = start, end
    while first < last and is_blank(text[first]):
        first += 1
    while first < last and is_blank(text[last - 1]):
        if text[last - 1] in "\u200c\u200d" and text[last - 2 : last - 1] == "\u0d4d":
            break
        last -= 1
    assert trimmed(text, start, end) == (first, last)
    place = start
    while place > 0 and text[place - 1] in "\u200c\u200d\u200e\ufeff":
        place -= 1
    spaced = place == 0 or text[place - 1] in " \u3000\u200b"
    assert follows_space(text, start) == spaced
