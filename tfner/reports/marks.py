"""Text with marked entities, as the steps in which a page or a terminal draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tfner.document import Entity


class Step(NamedTuple):
    """One step of drawing: a text, or a mark that opens or closes.

    Args:
        text: plain text between two steps; empty where a mark opens or closes.
        opens: the entity whose mark opens.
        closes: the entity whose mark closes.
        ends: False where the mark closes only to open again, for an entity that crosses
            another one.
    """

    text: str = ""
    opens: Entity | None = None
    closes: Entity | None = None
    ends: bool = True


def marked(text: str, entities: Sequence[Entity]) -> Iterator[Step]:
    """Draw a text with its entities; steps nest as tags of HTML do.

    A mark is drawn inside the marks around it. Of two that cross, the inner one closes
    where the outer one ends, and opens again.

    Args:
        text: every character appears in exactly one step.
        entities: sorted as those of a document.
    """
    opened: list[Entity] = []
    waiting = list(entities)[::-1]
    drawn = 0
    ends = Counter(entity.end for entity in entities)
    for boundary in sorted({*ends, *(entity.start for entity in entities)}):
        if drawn < boundary:
            yield Step(text[drawn:boundary])
        drawn = boundary
        outer, left = len(opened), ends[boundary]
        while left:  # from the innermost one, for there may be thousands
            outer -= 1
            left -= opened[outer].end == boundary
        for entity in reversed(opened[outer:]):
            yield Step(closes=entity, ends=entity.end == boundary)
        starting = [entity for entity in opened[outer:] if entity.end > boundary]
        while waiting and waiting[-1].start == boundary:
            starting.append(waiting.pop())
        yield from (Step(opens=entity) for entity in starting)
        opened[outer:] = starting
    if drawn < len(text):
        yield Step(text[drawn:])
