"""What the model could not see or say, so that no loss is silent."""

from __future__ import annotations

from collections.abc import Mapping

from tfner.document import Document
from tfner.evaluation.conventions import scheme_of
from tfner.schemes import Scheme, invalid_positions


class Coverage:
    """Counts of losses over the documents seen so far.

    A count that no document allows (no predicted words, no tags of a known scheme) is
    left out rather than given as 0.
    """

    def __init__(self, scheme: Scheme | None = None) -> None:
        self.counts = {"documents": 0, "gold_entities": 0}
        self._scheme = scheme

    def add(self, gold: Document, predicted: Document) -> None:
        """Count one document."""
        self._count("documents", 1)
        self._count("gold_entities", len(set(gold.entities)))
        if predicted.words is not None:
            starts = {word.start for word in predicted.words}
            ends = {word.end for word in predicted.words}
            reachable = sum(
                entity.start in starts and entity.end in ends
                for entity in set(gold.entities)
            )
            missed = len(set(gold.entities)) - reachable
            self._count("entities_off_word_borders", missed)
        scheme = self._scheme or scheme_of(predicted) or scheme_of(gold)
        if predicted.tags is not None and scheme:
            repaired = len(invalid_positions(predicted.tags, scheme))
            self._count("repaired_tags", repaired)

    def _count(self, name: str, number: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + number

    def to_json(self, counts: Mapping[str, int] | None = None) -> dict[str, int]:
        """All counts, with those that the predictor kept."""
        return {**(counts or {}), **self.counts}
