"""From character entities back to one tag a word, if tags can express them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tfner.corpus.joining import words_of
from tfner.document import Document, Entity, Word
from tfner.errors import CorpusError, LabelError, listed
from tfner.schemes import (
    SCHEMES,
    Span,
    decode_tags,
    encode_spans,
    find_scheme,
    split_tag,
)

REMEDY = "Let `corpus convert --split-words` split the words, or write jsonl"
"""For an entity that does not begin and end with a word."""


def tags_of(document: Document, scheme: str | None = None) -> list[str]:
    """The tags of a document's words in a scheme.

    Tags that were read stay as they are, unrepaired, unless another scheme is asked
    for; then, and where there are none, they are made from the entities.

    Args:
        document: without words, those between white space are taken.
        scheme: None keeps the scheme of the document's metadata, else IOB2.

    Raises:
        CorpusError: entities overlap or do not begin and end with a word.
    """
    stored = document.metadata.get("scheme")
    stored = stored if isinstance(stored, str) and stored in SCHEMES else None
    if document.tags is not None and (scheme is None or scheme == stored):
        return list(document.tags)
    words = words_of(document)
    stray = misaligned_entities(document.entities, words)
    if stray:
        places = listed(f"{e.start}-{e.end} {e.label}" for e in stray)
        raise CorpusError(
            f"document {document.id!r}: no word boundary at entity {places}; column "
            f"files cannot hold it. {REMEDY}"
        )
    try:
        return encode_spans(
            word_spans(document.entities, words),
            len(words),
            find_scheme(scheme or stored or "IOB2"),
        )
    except LabelError as error:
        raise CorpusError(
            f"document {document.id!r}: entities are nested or overlap; column files "
            "hold one tag a word. Write jsonl"
        ) from error


def entities_of(tags: Sequence[str], words: Sequence[Word]) -> tuple[Entity, ...]:
    """Entities of tags over words; empty words neither begin nor end one."""
    entities = []
    for start, end, label in decode_tags(tags):
        filled = [word for word in words[start:end] if word.start < word.end]
        if filled:
            entities.append(Entity(filled[0].start, filled[-1].end, label))
    return tuple(entities)


def check_prefixes(tags: Iterable[str], scheme: str | None) -> None:
    """Refuse tags whose prefix a given scheme does not have.

    Raises:
        ValueError: there is one; the first is named.
    """
    if scheme is None:
        return
    prefixes = {"O", *find_scheme(scheme).prefixes}
    for tag in tags:
        if split_tag(tag)[0] not in prefixes:
            raise ValueError(f"{tag} contradicts the scheme {scheme}; name another")


def word_spans(entities: Iterable[Entity], words: Sequence[Word]) -> list[Span]:
    """Word ranges of the entities that begin and end with a word."""
    starts, ends = _boundaries(words)
    return [
        Span(starts[e.start], ends[e.end] + 1, e.label)
        for e in entities
        if e.start in starts and e.end in ends
    ]


def misaligned_entities(
    entities: Iterable[Entity], words: Sequence[Word]
) -> list[Entity]:
    """The entities that begin or end within a word or outside all words."""
    starts, ends = _boundaries(words)
    return [e for e in entities if e.start not in starts or e.end not in ends]


def _boundaries(words: Sequence[Word]) -> tuple[dict[int, int], dict[int, int]]:
    filled = [(i, word) for i, word in enumerate(words) if word.start < word.end]
    return {w.start: i for i, w in filled}, {w.end: i for i, w in filled}
