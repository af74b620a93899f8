"""Entities in characters to spans of words, for training only.

An entity whose border lies inside a word cannot be said in tags. What happens then is
the policy: the word is cut there, the entity grows to whole words, or it is dropped.
Evaluation and prediction never come here; what their words cannot express is missed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from tfner.document import Document, Entity, Word
from tfner.errors import LabelError, unknown
from tfner.nesting import check_flat
from tfner.schemes import Span
from tfner.tokenization.words.splitters import WordSplitter

POLICIES = ("split", "expand", "drop")


class Alignment(NamedTuple):
    """Words, the spans of entities over them, and what it took.

    Args:
        words: as given, or with more borders under the policy `split`.
        spans: ordered ranges of `words`, without overlap.
        counts: `entities`; `borders_inside_words` (entities concerned);
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
        policy: `split` cuts words at the borders of entities, `expand` lets an entity
            grow to whole words (one that then meets an earlier one is dropped), `drop`
            leaves out entities with a border inside a word.
        nested: take entities that nest or overlap; their spans do so, too.

    Raises:
        LabelError: entities nest or overlap and are not `nested`, or there is no such
            policy.

    Example:
        >>> align([Word(0, 6)], [Entity(0, 4, "LOC")]).words
        (Word(start=0, end=4), Word(start=4, end=6))
    """
    if policy not in POLICIES:
        raise LabelError(unknown("policy for borders inside words", policy, POLICIES))
    ordered = sorted(entities)
    if not nested:
        check_flat(ordered)
    inside = {entity for entity in ordered if _cuts_word(words, entity)}
    counts = dict.fromkeys(
        (
            "entities",
            "borders_inside_words",
            "words_split",
            "entities_expanded",
            "entities_dropped",
            "entities_without_words",
        ),
        0,
    )
    counts["entities"], counts["borders_inside_words"] = len(ordered), len(inside)
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
    """The words, cut wherever an entity begins or ends inside one.

    Example:
        >>> split_words([Word(0, 6)], [Entity(2, 4, "LOC")])
        (Word(start=0, end=2), Word(start=2, end=4), Word(start=4, end=6))
    """
    borders = sorted({border for e in entities for border in (e.start, e.end)})
    cut: list[Word] = []
    position = 0
    for start, end in words:
        while position < len(borders) and borders[position] <= start:
            position += 1
        while position < len(borders) and borders[position] < end:
            cut.append(Word(start, borders[position]))
            start = borders[position]
            position += 1
        cut.append(Word(start, end))
    return tuple(cut)


def with_words(document: Document, split: WordSplitter) -> Document:
    """The document with words on whose borders its entities fall, where they can.

    Args:
        document: its own words are kept where it has some.
        split: finds those of one that has none.

    Returns:
        It, without tags if a word was cut at the border of an entity.
    """
    words = document.words
    if words is None:
        words = tuple(split(document.text))
    cut = split_words(words, document.entities)
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
    """Whether a border of the entity lies inside a word."""
    first, last = _touched(words, entity)
    if first == last:
        return False
    return words[first].start < entity.start or entity.end < words[last - 1].end
