"""Counts of what the model could not see or say, so that no loss is silent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from tfner.document import Document
from tfner.errors import LabelError, listed
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
        entities = set(gold.entities)
        self._count("gold_entities", len(entities))
        if predicted.words is not None:
            starts = {word.start for word in predicted.words}
            ends = {word.end for word in predicted.words}
            missed = sum(e.start not in starts or e.end not in ends for e in entities)
            self._count("entities_off_word_boundaries", missed)
        scheme = self._scheme or scheme_of(predicted) or scheme_of(gold)
        if predicted.tags is not None and scheme:
            repaired = len(invalid_positions(predicted.tags, scheme))
            self._count("repaired_tags", repaired)

    def _count(self, name: str, number: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + number

    def to_json(self, counts: Mapping[str, int] | None = None) -> dict[str, int]:
        """All counts, after those that the predictor kept."""
        return {**(counts or {}), **self.counts}


def check_labels(
    gold: Iterable[Document], labels: Iterable[str], *, path: str | os.PathLike[str]
) -> None:
    """Refuse gold labels that a model cannot predict.

    Args:
        gold: documents with the right entities.
        labels: labels of the model.
        path: the corpus, as the error names it.

    Raises:
        LabelError: the model lacks some labels; all are named.
    """
    known = set(labels)
    lacking = sorted({e.label for d in gold for e in d.entities} - known)
    if lacking:
        raise LabelError(
            f"{os.fspath(path)}: labels the model does not have: {listed(lacking)}. "
            f"Known: {listed(sorted(known))}. Add --allow-unknown-labels to count "
            "their entities as missed."
        )
