"""From words to a text, and from a text to its words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from tfner.config.choices import Join
from tfner.corpus.spacing import Spacing, find_spacing
from tfner.document import Document, Word
from tfner.errors import shorten
from tfner.marks import words_between_spaces

JOINS = get_args(Join)


def join_words(
    words: Iterable[str], join: str | Spacing = "auto"
) -> tuple[str, list[Word]]:
    """Join words to a text; return it with the range of each word.

    Args:
        words: in order; an empty one takes no room.
        join: `space` or `none` between words, or `auto`: as the script has it. Where
            blanks are words, nothing stands between words. A sentence with more
            Chinese or Japanese words than others has a space only where two letters of
            other scripts would meet; any other has one between all words but two
            Chinese or Japanese ones. Of the sentences of a file, `spacing_of_file`
            says how they are joined.

    Example:
        >>> join_words(["日本", "の", "NHK", "radio", "です"])[0]
        '日本のNHK radioです'
    """
    words = list(words)
    spacing = find_spacing([words], join) if isinstance(join, str) else join
    needs_space = spacing.between(words)
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
