"""The text of a file that gives only words, and the words of a text that has none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from tfner.document import Document, Word

JOINS = ("auto", "space", "none")

CJK = re.compile(
    "[\u200b\u2e80-\u312f\u31a0-\u33ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U0001b000-\U0001b16f"
    "\U0001f200-\U0001f2ff\U00020000-\U0003ffff]"
)
"""Characters written without spaces: Han, kana, bopomofo, their punctuation and their
full-width forms. Not Hangul, which has spaces. U+200B stands alone as a word in some
Japanese corpora and takes no space of its own."""


def join_words(words: Iterable[str], join: str = "auto") -> tuple[str, list[Word]]:
    """A text made of words, and where in it they are.

    Args:
        words: in order; an empty one takes no room.
        join: `space` or `none` between words, or `auto`: a space, but none between
            two words that hold Chinese or Japanese characters.

    Example:
        >>> join_words(["日本", "の", "NHK", "radio"])[0]
        '日本の NHK radio'
    """
    parts: list[str] = []
    ranges: list[Word] = []
    position, begun, last_is_cjk = 0, False, False
    for word in words:
        if word:
            is_cjk = join == "auto" and _is_cjk(word)
            if begun and join != "none" and not (is_cjk and last_is_cjk):
                parts.append(" ")
                position += 1
            begun, last_is_cjk = True, is_cjk
        parts.append(word)
        end = position + len(word)
        ranges.append(Word(position, end))
        position = end
    return "".join(parts), ranges


@lru_cache(maxsize=1 << 14)
def _is_cjk(word: str) -> bool:
    return not word.isascii() and CJK.search(word) is not None


def words_of(document: Document) -> tuple[Word, ...]:
    """The words of a document; those between white space where it names none."""
    if document.words is not None:
        return document.words
    return tuple(Word(*match.span()) for match in re.finditer(r"\S+", document.text))


def text_key(text: str) -> str:
    """What two copies of one sentence share, however their words were joined."""
    return "".join(text.split())
