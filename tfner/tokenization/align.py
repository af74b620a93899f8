"""Alignment of entities with words, for training only.

Tags cannot express an entity that begins or ends inside a word. The policy decides: the
word is cut there, the entity grows to whole words, or it is dropped. Evaluation and
prediction never come here; an entity that their words cannot express is missed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, get_args

from tfner.config.choices import Misaligned
from tfner.document import Document, Entity, Word
from tfner.errors import LabelError, unknown
from tfner.marks import trimmed_words
from tfner.nesting import check_flat
from tfner.schemes import Span
from tfner.tokenization.words.splitters import WordSplitter

POLICIES = get_args(Misaligned)


class Alignment(NamedTuple):
    """Words, the spans of entities over them, and counts of what had to change.

    Args:
        words: as given, or cut further under the policy `split`.
        spans: ordered ranges of `words`, without overlap.
        counts: `entities`; `entities_misaligned`, with a boundary inside a word;
            `words_split`; `entities_expanded`; `entities_dropped`;
            `entities_without_words` (these are among the dropped).
    """

    words: tuple[Word, ...]
    spans: list[Span]
    counts: dict[str, int]


def align(
    words: Sequence[Word],
    entities: Sequence[Entity],
    *,
    policy: str = "split",
    nested: bool = False,
) -> Alignment:
    """Map entities to spans of words.

    Args:
        words: ordered character ranges without overlap.
        entities: in any order, without overlap.
        policy: `split` cuts words where an entity begins or ends, `expand` lets an
            entity grow to whole words (one that then meets an earlier one is dropped),
            `drop` leaves out entities that begin or end inside a word.
        nested: take entities that nest or overlap; their spans do so, too.

    Raises:
        LabelError: entities nest or overlap and are not `nested`, or there is no such
            policy.

    Example:
        >>> align([Word(0, 6)], [Entity(0, 4, "LOC")]).words
        (Word(start=0, end=4), Word(start=4, end=6))
    """
    if policy not in POLICIES:
        raise LabelError(unknown("policy for misaligned entities", policy, POLICIES))
    ordered = sorted(entities)
    if not nested:
        check_flat(ordered)
    inside = {entity for entity in ordered if _cuts_word(words, entity)}
    counts = dict.fromkeys(
        (
            "entities",
            "entities_misaligned",
            "words_split",
            "entities_expanded",
            "entities_dropped",
            "entities_without_words",
        ),
        0,
    )
    counts["entities"], counts["entities_misaligned"] = len(ordered), len(inside)
    used = tuple(words)
    if policy == "split":
        used = split_words(words, ordered)
        counts["words_split"] = len(set(words) - set(used))
    spans: list[Span] = []
    for entity in ordered:
        first, last = _touched(used, entity)
        if first == last:
            counts["entities_without_words"] += 1
        elif not nested and policy == "expand" and spans and first < spans[-1].end:
            pass
        elif policy != "drop" or entity not in inside:
            counts["entities_expanded"] += policy == "expand" and entity in inside
            spans.append(Span(first, last, entity.label))
    counts["entities_dropped"] = len(ordered) - len(spans)
    return Alignment(used, spans, counts)


def split_words(words: Sequence[Word], entities: Sequence[Entity]) -> tuple[Word, ...]:
    """Cut words wherever an entity begins or ends inside one.

    Example:
        >>> split_words([Word(0, 6)], [Entity(2, 4, "LOC")])
        (Word(start=0, end=2), Word(start=2, end=4), Word(start=4, end=6))
    """
    boundaries = sorted({offset for e in entities for offset in (e.start, e.end)})
    cut: list[Word] = []
    number = 0
    for start, end in words:
        while number < len(boundaries) and boundaries[number] <= start:
            number += 1
        while number < len(boundaries) and boundaries[number] < end:
            cut.append(Word(start, boundaries[number]))
            start = boundaries[number]
            number += 1
        cut.append(Word(start, end))
    return tuple(cut)


def with_words(document: Document, split: WordSplitter) -> Document:
    """Give a document words with which its entities begin and end.

    Args:
        document: its words are kept if it has some, apart from those that are cut.
        split: finds the words of a document that has none.

    Returns:
        The document, without tags if a word was cut.
    """
    if document.words is None:
        words = split_words(split(document.text), document.entities)
        return replace(document, words=tuple(trimmed_words(document.text, words)))
    cut = split_words(document.words, document.entities)
    if cut == document.words:
        return document
    return replace(document, words=cut, tags=None)


def _touched(words: Sequence[Word], entity: Entity) -> tuple[int, int]:
    """The range of words that share a character with an entity; empty if none does."""
    first = bisect_right(words, entity.start, key=lambda word: word.end)
    last = bisect_left(words, entity.end, key=lambda word: word.start)
    while first < last and words[first].start == words[first].end:
        first += 1
    while first < last and words[last - 1].start == words[last - 1].end:
        last -= 1
    return (first, last) if first < last else (0, 0)


def _cuts_word(words: Sequence[Word], entity: Entity) -> bool:
    """True if the entity begins or ends inside a word."""
    first, last = _touched(words, entity)
    if first == last:
        return False
    return words[first].start < entity.start or entity.end < words[last - 1].end
