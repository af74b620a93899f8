"""Documents and their entities, which every part of tfner passes to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from tfner.errors import shorten


class Word(NamedTuple):
    """The half-open character range of one word."""

    start: int
    end: int


def as_words(ranges: Iterable[tuple[int, int]]) -> tuple[Word, ...]:
    """Ranges as words. Those that are words already, as most are, cost little."""
    words = tuple(ranges)
    if {*map(type, words)} <= {Word}:
        return words  # type: ignore[return-value]
    return tuple(Word(*each) for each in words)


@dataclass(frozen=True, order=True, slots=True)
class Entity:
    """A labelled stretch of a document's text.

    Args:
        start: first character.
        end: one past the last character; larger than `start`.
        label: type without prefix, such as `PER`.
        score: confidence between 0 and 1, or None for a gold entity.

    Raises:
        ValueError: the range is empty or negative, or the label is empty.
    """

    start: int
    end: int
    label: str
    score: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(
                "an entity needs 0 <= start < end. "
                f"Received: start={self.start}, end={self.end}"
            )
        if not self.label:
            raise ValueError("an entity needs a label. Received: label=''")


@dataclass(frozen=True, slots=True)
class Document:
    """A text, the entities in it and, for column files, its words and tags.

    Args:
        id: unique within a corpus.
        text: the original text; every offset counts its characters.
        entities: in any order; kept sorted by position; may nest.
        words: character ranges, in order and without overlap, or None for raw text.
            A word may be empty (`start == end`) where the file has an empty token.
        tags: one per word as read or as predicted, unrepaired, or None.
        metadata: everything else in the file; written again where possible.

    Raises:
        ValueError: an offset lies outside the text, words overlap, or the numbers of
            words and tags differ.
    """

    id: str
    text: str
    entities: tuple[Entity, ...] = ()
    words: tuple[Word, ...] | None = None
    tags: tuple[str, ...] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        entities = tuple(
            sorted(self.entities, key=lambda e: (e.start, -e.end, e.label))
        )
        object.__setattr__(self, "entities", entities)
        for entity in entities:
            if entity.end > len(self.text):
                raise ValueError(
                    f"document {self.id!r}: entity {entity.start}-{entity.end} "
                    f"{entity.label} lies outside the text of {len(self.text)} "
                    "characters"
                )
        if self.words is not None:
            object.__setattr__(self, "words", as_words(self.words))
            self._check_words(self.words)
        if self.tags is not None:
            object.__setattr__(self, "tags", tuple(self.tags))
        if self.tags is not None and len(self.tags) != len(self.words or ()):
            raise ValueError(
                f"document {self.id!r}: {len(self.words or ())} words but "
                f"{len(self.tags)} tags"
            )

    def _check_words(self, words: tuple[Word, ...]) -> None:
        flat = [*chain.from_iterable(words)]
        inside = not flat or (flat[0] >= 0 and flat[-1] <= len(self.text))
        if inside and flat == sorted(flat):
            return
        previous = 0
        for start, end in words:
            if not previous <= start <= end <= len(self.text):
                raise ValueError(
                    f"document {self.id!r}: words must be in order, without overlap "
                    f"and inside the text. Received: {start}-{end} "
                    f"in {shorten(self.text)}"
                )
            previous = end

    def surface(self, part: Entity | Word) -> str:
        """The text of one entity or word."""
        return self.text[part.start : part.end]
