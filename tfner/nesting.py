"""Entities within others, across others, and apart: every question about nesting.

Two entities are *apart* when they share no character, *nested* when one lies within the
other or has its range, and *crossing* when they overlap and neither holds the other.
Functions that ask for sorted entities take them in the order of `Document.entities`.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tfner.document import Document, Entity
from tfner.errors import LabelError


def outermost(entities: Iterable[Entity]) -> list[Entity]:
    """Keep the entities that neither lie within another nor overlap an earlier one.

    Args:
        entities: sorted.

    Example:
        >>> [e.label for e in outermost([Entity(0, 9, "A"), Entity(2, 4, "B")])]
        ['A']
    """
    kept: list[Entity] = []
    for entity in entities:
        if not kept or entity.start >= kept[-1].end:
            kept.append(entity)
    return kept


def inner(entities: Iterable[Entity]) -> list[Entity]:
    """Keep the entities that are not outermost: nested ones and later crossing ones.

    Args:
        entities: sorted.

    Example:
        >>> [e.label for e in inner([Entity(0, 9, "A"), Entity(2, 4, "B")])]
        ['B']
    """
    entities = list(entities)
    outer = set(outermost(entities))
    return [entity for entity in entities if entity not in outer]


def split_crossing(
    entities: Iterable[Entity],
) -> tuple[list[Entity], list[tuple[Entity, Entity]]]:
    """Split entities into those that form a tree and those that cross one of these.

    Each of the latter stands behind one of the tree that it crosses. Pairs are not
    counted: of a thousand entities that cross each other there are half a million.

    Args:
        entities: sorted.

    Example:
        >>> tree, crossing = split_crossing([Entity(0, 5, "A"), Entity(3, 9, "B")])
        >>> [f"{across.label} crosses {entity.label}" for entity, across in crossing]
        ['B crosses A']
    """
    tree: list[Entity] = []
    crossing: list[tuple[Entity, Entity]] = []
    around: list[Entity] = []
    for entity in entities:
        while around and around[-1].end <= entity.start:
            around.pop()
        if around and entity.end > around[-1].end:
            crossing.append((around[-1], entity))
        else:
            around.append(entity)
            tree.append(entity)
    return tree, crossing


def count_nested(entities: Sequence[Entity]) -> int:
    """Count the entities that lie within another one or have its range.

    Args:
        entities: sorted.
    """
    ranges = [(entity.start, entity.end) for entity in entities]
    nested, furthest = 0, -1
    for number, (_, end) in enumerate(ranges):
        if end <= furthest or ranges[number] in ranges[number + 1 : number + 2]:
            nested += 1
        furthest = max(furthest, end)
    return nested


def best_flat(entities: Iterable[Entity]) -> list[Entity]:
    """Keep the entities with the best scores that lie apart, the best first.

    Example:
        >>> best_flat([Entity(0, 9, "A", 0.6), Entity(2, 4, "B", 0.9)])
        [Entity(start=2, end=4, label='B', score=0.9)]
    """
    kept: list[Entity] = []
    ranges: list[tuple[int, int]] = []
    for entity in sorted(entities, key=lambda e: (-(e.score or 0), e)):
        place = bisect(ranges, (entity.start, entity.end))
        if (place == 0 or ranges[place - 1][1] <= entity.start) and (
            place == len(ranges) or entity.end <= ranges[place][0]
        ):
            ranges.insert(place, (entity.start, entity.end))
            kept.append(entity)
    return kept


def check_flat(entities: Iterable[Entity]) -> None:
    """Refuse entities that nest or cross.

    Args:
        entities: sorted.

    Raises:
        LabelError: two of them share a character.
    """
    for before, after in pairwise(entities):
        if after.start < before.end:
            raise LabelError(
                "tags of words cannot hold nested or overlapping entities. Received: "
                f"{before.start}-{before.end} {before.label} and "
                f"{after.start}-{after.end} {after.label}. Use `tfner train "
                "--task span` for these"
            )


def nesting_problems(documents: Iterable[Document]) -> list[str]:
    """Name each document whose entities nest or cross, a sentence each."""
    problems = []
    for document in documents:
        try:
            check_flat(document.entities)
        except LabelError as error:
            problems.append(f"document {document.id!r}: {error}")
    return problems
