"""Entities in several pieces, of which tfner has none, by `--discontinuous`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from tfner.corpus.formats.options import ReadOptions
from tfner.document import Entity
from tfner.errors import SHOWN_PROBLEMS, counted

logger = logging.getLogger(__name__)

DONE = {
    "outer": "read as one from the first to the last piece",
    "parts": "read as an entity for each piece",
    "drop": "left out",
}


class Pieces:
    """Makes entities of ranges of characters, and counts those in several pieces.

    Args:
        options: `discontinuous` is used.
    """

    def __init__(self, options: ReadOptions) -> None:
        self.how = options.discontinuous
        self.count = 0

    def entities(
        self, label: str, pieces: Iterable[tuple[int, int]], text: str
    ) -> list[Entity]:
        """The entities that are read of one annotation.

        Pieces with nothing but white space between them are one.

        Args:
            label: of the annotation.
            pieces: half-open ranges in any order, at least one.
            text: what they count in.

        Raises:
            ValueError: a range lies outside the text; or there are several pieces, and
                they are to be an error.
        """
        found = sorted(pieces)
        for start, end in found:
            if not 0 <= start < end <= len(text):
                raise ValueError(
                    f"{_shown(found, label)} must satisfy 0 <= start < end <= "
                    f"{len(text)}, the text's length"
                )
        found = _merged(found, text)
        if len(found) == 1:
            return [Entity(*found[0], label)]
        if self.how == "error":
            raise ValueError(
                f"{_shown(found, label)} is discontinuous, and entities here "
                "are not. Choose what becomes of it: --discontinuous outer, parts or "
                "drop"
            )
        self.count += 1
        outer = (found[0][0], found[-1][1])
        taken = {"outer": [outer], "parts": found, "drop": []}[self.how]
        return [Entity(start, end, label) for start, end in taken]

    def log(self, path: str) -> None:
        """Tell how many entities in several pieces there were, and what became of them.

        Nothing is told where there was none.
        """
        if self.count:
            entities = counted(self.count, "entity", "entities")
            done = DONE[self.how]
            logger.warning("%s: %s in several pieces, %s", path, entities, done)


def _merged(pieces: list[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Sorted pieces, those with nothing but white space between them made one."""
    merged = pieces[:1]
    for start, end in pieces[1:]:
        first, last = merged[-1]
        if start <= last or not text[last:start].strip():
            merged[-1] = (first, max(end, last))
        else:
            merged.append((start, end))
    return merged


def _shown(pieces: Sequence[tuple[int, int]], label: str) -> str:
    ranges = ";".join(f"{start} {end}" for start, end in pieces[:SHOWN_PROBLEMS])
    more = ";…" if len(pieces) > SHOWN_PROBLEMS else ""
    return f"entity {ranges}{more} {label}"
