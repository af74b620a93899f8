"""Marks that nobody sees: no part of the words and entities at whose edges they stand.

Files, web pages and bidirectional text leave them behind. Inside a word they stay, but
for the zero-width space, which separates words as a blank does.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect
from collections.abc import Iterable
from functools import lru_cache

from tfner.document import Word

SEPARATOR = "\u200b"
"""The zero-width space, by which Thai, Khmer and web pages say where a word ends."""

JOINERS = "\u200c\u200d"
VIRAMA = 9
"""Combining class of a sign after which a joiner shapes the letter before it."""

MARK = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufe0e\ufe0f\ufeff]"
)
"""Soft hyphen, zero-width spaces and joiners, marks of direction, the byte-order mark,
invisible operators, and the selectors of an emoji's looks."""

BLANKS = re.compile(rf"[\s{MARK.pattern[1:-1]}]+")
HIDDEN = re.compile(MARK.pattern.replace(f"{SEPARATOR}-", "\u200c-") + "+")
"""Marks that do not separate words."""
CHUNK = re.compile(r"\S+")
PART = re.compile(f"[^{SEPARATOR}]+")


def is_blank(character: str) -> bool:
    """True for white space and for marks that nobody sees."""
    return character.isspace() or MARK.match(character) is not None


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    r"""A range without the white space and the marks at its edges.

    Args:
        text: what the range is of.
        start: first character.
        end: one past the last character.

    Returns:
        The range, which is empty where nothing else is in it.

    Example:
        >>> trimmed("to \u200eOslo\u200e.", 2, 9)
        (4, 8)
    """
    if start < end and is_blank(text[start]):
        start = min(_around(BLANKS, text, start)[1], end)
    if start < end and is_blank(text[end - 1]):
        first, _ = _around(BLANKS, text, end - 1)
        end = first + _shapes(text, first)
    return start, end


def _around(kind: re.Pattern[str], text: str, position: int) -> tuple[int, int]:
    """The stretch of characters of a kind that one of them is in."""
    starts, ends = _stretches(kind, text)
    number = bisect(starts, position) - 1
    return starts[number], ends[number]


@lru_cache(maxsize=2)
def _stretches(kind: re.Pattern[str], text: str) -> tuple[array[int], array[int]]:
    """Where the stretches of characters of a kind begin and end.

    They are found once for all of a text: thousands of entities may end in one.
    """
    spans = [match.span() for match in kind.finditer(text)]
    return array("q", [start for start, _ in spans]), array("q", [e for _, e in spans])


def follows_space(text: str, start: int) -> bool:
    r"""True at the start of a text and after white space, whatever marks stand between.

    Args:
        text: what the place is in.
        start: the place.

    Example:
        >>> follows_space("to \u200eOslo", 4)
        True
    """
    if start > 0 and HIDDEN.match(text, start - 1):
        start, _ = _around(HIDDEN, text, start - 1)
    return start == 0 or text[start - 1].isspace() or text[start - 1] == SEPARATOR


def _shapes(text: str, position: int) -> bool:
    """Whether a joiner is part of a letter, as in Malayalam's old chillus."""
    return (
        text[position] in JOINERS
        and position > 0
        and unicodedata.combining(text[position - 1]) == VIRAMA
    )


def trimmed_words(text: str, words: Iterable[tuple[int, int]]) -> list[Word]:
    r"""Words cut at zero-width spaces, without the marks at their edges.

    Args:
        text: what the words are of.
        words: character ranges; those of nothing but marks are left out.

    Example:
        >>> trimmed_words("Mira\u200bSol", [(0, 8)])
        [Word(start=0, end=4), Word(start=5, end=8)]
    """
    if MARK.search(text) is None:
        return list(map(Word._make, words))
    parts = (
        trimmed(text, *match.span())
        for start, end in words
        for match in PART.finditer(text, start, end)
    )
    return [Word(start, end) for start, end in parts if start < end]


def words_between_spaces(text: str) -> list[Word]:
    """Every stretch without white space, without the marks at its edges.

    Example:
        >>> words_between_spaces("to be")
        [Word(start=0, end=2), Word(start=3, end=5)]
    """
    return trimmed_words(text, [match.span() for match in CHUNK.finditer(text)])
