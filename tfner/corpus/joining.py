"""From words to a text, and from a text to its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import get_args

from tfner.config.choices import Join
from tfner.document import Document, Word
from tfner.errors import shorten
from tfner.marks import words_between_spaces

JOINS = get_args(Join)

CJK = re.compile(
    "[\u200b\u2e80-\u312f\u31a0-\u33ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U0001b000-\U0001b16f"
    "\U0001f200-\U0001f2ff\U00020000-\U0003ffff]"
)
"""Characters written without spaces: Han, kana, bopomofo, their punctuation and their
full-width forms. Not Hangul, which has spaces. U+200B stands alone as a word in some
Japanese corpora and takes no space of its own."""


def join_words(words: Iterable[str], join: str = "auto") -> tuple[str, list[Word]]:
    """Join words to a text; return it with the range of each word.

    Args:
        words: in order; an empty one takes no room.
        join: `space` or `none` between words, or `auto`: a space, but none between
            two words that hold Chinese or Japanese characters. Where these are more
            than the other words with letters, the sentence is a Chinese or Japanese
            one: a space stands only where two letters of other scripts would meet.

    Example:
        >>> join_words(["日本", "の", "NHK", "radio", "です"])[0]
        '日本のNHK radioです'
    """
    words = list(words)
    needs_space = _space_rule(words, join)
    parts: list[str] = []
    ranges: list[Word] = []
    position, previous = 0, ""
    for word in words:
        if word:
            if previous and needs_space(previous, word):
                parts.append(" ")
                position += 1
            previous = word
        parts.append(word)
        end = position + len(word)
        ranges.append(Word(position, end))
        position = end
    return "".join(parts), ranges


def _space_rule(words: Sequence[str], join: str) -> Callable[[str, str], bool]:
    """A function that says whether a space stands between two neighbouring words."""
    if join != "auto":
        return lambda left, right: join == "space"
    cjk = sum(map(_is_cjk, words))
    if cjk and cjk > sum(_has_letter(w) for w in words if not _is_cjk(w)):
        return lambda left, right: _is_spaced(left[-1]) and _is_spaced(right[0])
    return lambda left, right: not (_is_cjk(left) and _is_cjk(right))


@lru_cache(maxsize=1 << 14)
def _is_cjk(word: str) -> bool:
    return not word.isascii() and CJK.search(word) is not None


def _has_letter(word: str) -> bool:
    return any(map(str.isalpha, word))


def _is_spaced(character: str) -> bool:
    """True for a letter of a script that has spaces."""
    return character.isalpha() and CJK.match(character) is None


def place_words(words: Sequence[str], text: str) -> list[Word]:
    """Ranges of words in a text that holds them in order, with white space between.

    Args:
        words: white space inside one must stand in the text too.
        text: what follows the last word is not looked at.

    Raises:
        ValueError: a word that does not follow, with its number and the place.
    """
    ranges: list[Word] = []
    position = 0
    for number, word in enumerate(words):
        start = text.find(word, position)
        if start < 0 or text[position:start].strip():
            raise ValueError(
                f"token {number} {shorten(word)} does not follow in the text at "
                f"character {position}"
            )
        position = start + len(word)
        ranges.append(Word(start, position))
    return ranges


def words_of(document: Document) -> tuple[Word, ...]:
    """The words of a document; those between white space where it names none."""
    if document.words is not None:
        return document.words
    return tuple(words_between_spaces(document.text))


def text_key(text: str) -> str:
    """A text without white space: equal for two copies that were joined differently."""
    return "".join(text.split())
