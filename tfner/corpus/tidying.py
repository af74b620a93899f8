"""Repair of the small faults of every document that is read, whatever its format."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tfner.document import Document, Entity, Word
from tfner.errors import counted
from tfner.marks import MARK, trimmed

logger = logging.getLogger(__name__)

TRIMMED = "white space or invisible marks were taken off the ends of"
REPEATED = "given more than once, and kept once:"


def tidied(documents: Iterable[Document], path: str) -> Iterator[Document]:
    """Documents whose words and entities have neither white space nor marks at ends.

    Of equal entities one is kept. What was changed is counted and logged at the end.

    Args:
        documents: as a reader gives them.
        path: of the corpus, for the log.
    """
    counts: Counter[str] = Counter()
    for document in documents:
        yield tidy(document, counts)
    for what, count in counts.items():
        entities = counted(count, "entity", "entities")
        logger.warning("%s: %s %s", path, what, entities)


def tidy(document: Document, counts: Counter[str]) -> Document:
    """A document as `tidied` gives it; `counts` gets what was changed."""
    entities = tuple(_tidy_entities(document, counts))
    words = document.words
    words = words and tidy_words(document.text, words)
    if entities == document.entities and words == document.words:
        return document
    return replace(document, entities=entities, words=words)


def _tidy_entities(document: Document, counts: Counter[str]) -> Iterator[Entity]:
    seen: set[Entity] = set()
    for entity in document.entities:
        start, end = trimmed(document.text, entity.start, entity.end)
        if start < end and (start, end) != (entity.start, entity.end):
            counts[TRIMMED] += 1
            entity = replace(entity, start=start, end=end)
        if entity in seen:
            counts[REPEATED] += 1
            continue
        seen.add(entity)
        yield entity


def with_marks(text: str, words: Sequence[Word]) -> list[Word]:
    """Words with the marks that stand beside them, for formats that hold no others."""
    wider: list[Word] = []
    for number, (start, end) in enumerate(words):
        while start > (wider[-1].end if wider else 0) and MARK.match(text, start - 1):
            start -= 1
        limit = words[number + 1].start if number + 1 < len(words) else len(text)
        while end < limit and MARK.match(text, end):
            end += 1
        wider.append(Word(start, end))
    return wider


def tidy_words(text: str, words: Sequence[Word]) -> tuple[Word, ...]:
    """Words without white space and marks at their ends.

    One of nothing else stays as it is.
    """
    if (text.isascii() or not MARK.search(text)) and not any(
        text[start].isspace() or text[end - 1].isspace()
        for start, end in words
        if start < end
    ):
        return tuple(words)
    return tuple(_tidy_word(text, word) for word in words)


def _tidy_word(text: str, word: Word) -> Word:
    start, end = trimmed(text, word.start, word.end)
    return Word(start, end) if start < end else word
