"""Borders of entities inside words, and marks that nobody sees at borders."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from tfner.corpus.spacing import CJK, SCRIPTS
from tfner.document import Document, Entity, Word
from tfner.errors import shorten
from tfner.marks import CHUNK, MARK, trimmed

UNSPACED = re.compile(
    f"{CJK.pattern}|[{''.join(SCRIPTS.values())}"
    "\u0f00-\u0fff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\ua980-\ua9ff\uaa60-\uaadf]"
)
"""Characters of scripts that write no spaces between words: beside those that joining
knows, Tibetan, Tai, Balinese and Javanese ones."""
LOOKS = "\ufe0e\ufe0f"
"""Selectors of an emoji's looks, which belong to the emoji before them."""
NEAR = 40
"""Characters of a word around a border that are looked at."""


def cut_words(document: Document, entity: Entity) -> list[str]:
    """Tell where an entity begins or ends inside a word of a text without words.

    A word is what stands between white space and punctuation, in scripts that write
    spaces; of others nothing is said.

    Example:
        >>> cut_words(Document("1", "from Peru"), Entity(5, 8, "GPE"))
        ["ends inside the word 'Peru'"]
    """
    text = document.text
    start, end = trimmed(text, entity.start, entity.end)
    return [
        f"{what} inside the word {shorten(_word_at(text, place))}"
        for what, place in (("begins", start), ("ends", end))
        if start < end and 0 < place < len(text) and _is_inside(text, place)
    ]


def _is_inside(text: str, place: int) -> bool:
    return _is_letter(text[place - 1]) and _is_letter(text[place])


def _is_letter(character: str) -> bool:
    """True for letters, digits and their signs in scripts that write spaces."""
    if character.isascii():
        return character.isalnum()
    is_part = character.isalnum() or unicodedata.category(character)[0] == "M"
    return is_part and UNSPACED.match(character) is None


def _word_at(text: str, place: int) -> str:
    start = end = place
    while start > max(0, place - NEAR) and _is_letter(text[start - 1]):
        start -= 1
    while end < min(len(text), place + NEAR) and _is_letter(text[end]):
        end += 1
    return text[start:end]


def edge_marks(text: str, ranges: Iterable[tuple[int, int]]) -> Counter[str]:
    """Count the marks that nobody sees at the edges of words or entities.

    Args:
        text: what the ranges are of.
        ranges: those of nothing but marks and white space are left out.
    """
    if text.isascii() or MARK.search(text) is None:
        return Counter()
    before: dict[int, int] = {}  # the same ones may be at the edge of many entities
    after: dict[int, int] = {}
    for first, last in ranges:
        start, end = trimmed(text, first, last)
        if start < end:
            before[start] = min(first, before.get(start, first))
            is_word = text[end - 1].isalpha() or text[end : end + 1] not in LOOKS
            after[end] = max(last if is_word else end, after.get(end, end))
    places = {place for end, start in before.items() for place in range(start, end)}
    places.update(place for start, end in after.items() for place in range(start, end))
    return Counter(text[place] for place in places if MARK.match(text, place))


def chunks_of(document: Document) -> Iterable[tuple[int, int]]:
    """The words of a document, those between white space where it names none."""
    if document.words is not None:
        return [Word(*word) for word in document.words]
    return [match.span() for match in CHUNK.finditer(document.text)]
