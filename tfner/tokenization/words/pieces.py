"""A tokenizer's pieces as words, for scripts without spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from tfner.document import Word
from tfner.marks import trimmed_words, words_between_spaces

TIES = "\u00ad\u200d\u2060"
"""Soft hyphen, zero-width joiner and word joiner: what they stand between is one."""

FINALS = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff\uff9e\uff9f\U0001f3fb-\U0001f3ff]")
"""Jamo that go on or end a syllable, half-width marks of kana, and tones of skin."""


def goes_on(character: str) -> bool:
    """True for what is written on the character before it, such as an accent."""
    return unicodedata.category(character)[0] == "M" or bool(FINALS.match(character))


def words_of_pieces(text: str, pieces: Iterable[tuple[int, int]]) -> list[Word]:
    r"""Words that hold all of a text but white space, and marks that nobody sees.

    Pieces that share a character are one word. What no piece covers, as the tokenizer
    takes it away, goes on with the letter that it is written on, or is a word itself.

    Args:
        text: what the pieces are of.
        pieces: character ranges in the order of the text; they may be empty.

    Example:
        >>> words_of_pieces("to\x07be", [(0, 2), (3, 4), (4, 5)])[1:3]
        [Word(start=2, end=3), Word(start=3, end=4)]
    """
    found, number = _apart(pieces), 0
    words: list[Word] = []
    for chunk in words_between_spaces(text):
        inside = []
        while number < len(found) and found[number].start < chunk.end:
            inside.append(found[number])
            if found[number].end > chunk.end:  # it reaches into the next chunk
                break
            number += 1
        words += _tied(text, _covering(text, chunk, inside))
    return trimmed_words(text, words)


def _apart(pieces: Iterable[tuple[int, int]]) -> list[Word]:
    """Pieces that are not empty, those that share a character as one."""
    words: list[Word] = []
    for start, end in pieces:
        if words and start < words[-1].end:
            words[-1] = Word(words[-1].start, max(end, words[-1].end))
        elif start < end:
            words.append(Word(start, end))
    return words


def _covering(text: str, chunk: Word, pieces: Iterable[Word]) -> list[Word]:
    """Pieces, and what lies between them, from the start of a chunk to its end."""
    parts: list[Word] = []
    reached = chunk.start
    for start, end in (*pieces, Word(chunk.end, chunk.end)):
        begin, own = max(start, reached), reached
        while parts and own < begin and goes_on(text[own]):
            own += 1
        if own > reached:
            parts[-1] = Word(parts[-1].start, own)
        if own < begin:
            parts.append(Word(own, begin))
        reached = max(reached, min(end, chunk.end))
        if begin < reached:
            parts.append(Word(begin, reached))
    return parts


def _tied(text: str, parts: Iterable[Word]) -> Iterator[Word]:
    """Words of a chunk, those between which a tie stands as one."""
    last: Word | None = None
    for start, end in parts:
        if last and (text[start] in TIES or text[start - 1] in TIES):
            last = Word(last.start, end)
            continue
        if last:
            yield last
        last = Word(start, end)
    if last:
        yield last
