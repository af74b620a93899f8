"""Mistakes of a prediction: entities missed, invented, or found but not quite right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tfner.document import Document, Entity, Word
from tfner.evaluation.partial import pair_entities
from tfner.nesting import outermost
from tfner.schemes import OUTSIDE

MISSED, INVENTED, BOUNDARY, LABEL = KINDS = (
    "missed",
    "invented",
    "wrong boundary",
    "wrong label",
)


class Mistake(NamedTuple):
    """One mistake: a gold entity, a predicted one, or both where they overlap."""

    kind: str
    gold: Entity | None
    predicted: Entity | None

    @property
    def labels(self) -> set[str]:
        """The labels of its entities."""
        return {entity.label for entity in self[1:] if entity is not None}


def find_mistakes(gold: Document, predicted: Document) -> list[Mistake]:
    """List the mistakes in one document, in text order.

    An entity is part of one mistake at most. Of an overlapping pair the label decides:
    where it is right, the boundary is wrong.

    Example:
        >>> gold = Document("1", "Ada Lovelace", (Entity(0, 12, "PER"),))
        >>> short = Document("1", "Ada Lovelace", (Entity(0, 3, "PER"),))
        >>> [mistake.kind for mistake in find_mistakes(gold, short)]
        ['wrong boundary']
    """
    right, guessed = set(gold.entities), set(predicted.entities)
    pairs = pair_entities(right, guessed)
    mistakes = [
        Mistake(BOUNDARY if pair.same_label else LABEL, *pair)
        for pair in pairs
        if pair.gold != pair.predicted
    ]
    missed = right - {pair.gold for pair in pairs}
    invented = guessed - {pair.predicted for pair in pairs}
    mistakes += [Mistake(MISSED, entity, None) for entity in missed]
    mistakes += [Mistake(INVENTED, None, entity) for entity in invented]
    return sorted(mistakes, key=lambda mistake: next(filter(None, mistake[1:])))


def word_labels(words: Sequence[Word], entities: Sequence[Entity]) -> list[str]:
    """Label each word by the outermost entity it shares a character with, or by O."""
    labels, rest = [], outermost(entities)[::-1]
    for start, end in words:
        while rest and rest[-1].end <= start:
            rest.pop()
        labels.append(rest[-1].label if rest and rest[-1].start < end else OUTSIDE)
    return labels
