"""Differences between two predictions of the same documents, judged by gold.

A change is of one kind: an entity is *gained* or *lost*, *retyped* (same boundaries,
other label) or *moved* (same label, other boundaries, overlapping). Gold decides
whether it is for the better, for the worse, or neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tfner.document import Document, Entity
from tfner.evaluation.partial import pair_entities
from tfner.evaluation.resampling import LEVEL, paired_bootstrap, randomization_test
from tfner.evaluation.score import Score, matched, score
from tfner.evaluation.tally import DocumentCounts

GAINED, LOST, RETYPED, MOVED, OTHER = KINDS = (
    "gained",
    "lost",
    "retyped",
    "moved",
    "moved and retyped",
)
VERDICTS = ("better", "worse", "neither")


class Change(NamedTuple):
    """One difference between two predictions of a document."""

    kind: str
    before: Entity | None
    after: Entity | None
    verdict: str

    @property
    def labels(self) -> set[str]:
        """The labels of its entities."""
        return {entity.label for entity in self[1:3] if isinstance(entity, Entity)}


class Changed(NamedTuple):
    """A document in which the two sides differ."""

    gold: Document
    first: Document
    second: Document
    changes: list[Change]


@dataclass(frozen=True)
class Comparison:
    """Two predictions of one corpus, A and B.

    Args:
        first: score of A.
        second: score of B.
        changes: how many of each kind and verdict, from A to B.
        documents: those in which A and B differ.
        interval: where the difference in F1, B less A, lies; by paired bootstrap.
        p_value: how often chance gives as large a difference; by approximate
            randomization, two-sided.
        resamples: draws of either test.
        seed: decides the draws of either test.
    """

    first: Score
    second: Score
    changes: Counter[tuple[str, str]]
    documents: list[Changed]
    interval: tuple[float, float]
    p_value: float
    resamples: int
    seed: int

    @property
    def difference(self) -> float:
        """F1 of B less that of A."""
        return self.second.f1 - self.first.f1

    def to_json(self) -> dict[str, Any]:
        """The comparison as `tfner compare --json` prints it."""
        return {
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            "difference": self.difference,
            "interval": {
                "low": self.interval[0],
                "high": self.interval[1],
                "level": LEVEL,
            },
            "p_value": self.p_value,
            "resamples": self.resamples,
            "seed": self.seed,
            "changes": {
                kind: {verdict: self.changes[kind, verdict] for verdict in VERDICTS}
                for kind in KINDS
            },
            "documents": [d.gold.id for d in self.documents],
        }


def find_changes(gold: Document, first: Document, second: Document) -> list[Change]:
    """List the differences between two predictions of a document, in text order.

    Args:
        gold: the document with the right entities.
        first: the document as A predicts it.
        second: the document as B predicts it.
    """
    right, before, after = (set(d.entities) for d in (gold, first, second))
    pairs = pair_entities(before, after)
    lost = before - {pair.gold for pair in pairs}
    gained = after - {pair.predicted for pair in pairs}
    changes = [
        *(Change(_kind(*p), *p, _verdict(*p, right)) for p in pairs if p[0] != p[1]),
        *(Change(LOST, entity, None, _verdict(entity, None, right)) for entity in lost),
        *(
            Change(GAINED, None, entity, _verdict(None, entity, right))
            for entity in gained
        ),
    ]
    return sorted(changes, key=lambda change: next(filter(None, change[1:3])))


def _kind(old: Entity, new: Entity) -> str:
    if (old.start, old.end) == (new.start, new.end):
        return RETYPED
    return MOVED if old.label == new.label else OTHER


def _verdict(before: Entity | None, after: Entity | None, gold: Set[Entity]) -> str:
    # No entity is right where gold has none: what was invented and is lost is better.
    was = before in gold if before else None
    now = after in gold if after else None
    if was is None:
        return "better" if now else "worse"
    if now is None:
        return "worse" if was else "better"
    return "neither" if was == now else "better" if now else "worse"


def compare(
    gold: Iterable[Document],
    first: Iterable[Document],
    second: Iterable[Document],
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare prediction B with prediction A of the same gold documents.

    Args:
        gold: documents with the right entities.
        first: the same documents as A predicts them.
        second: the same documents as B predicts them, in the same order.
        resamples: draws of the bootstrap and of the randomization.
        seed: decides the draws of either.

    Raises:
        CorpusError: the sides differ in number, order, id or text.
    """
    gold, first, second = list(gold), list(first), list(second)
    documents: list[Changed] = []
    counts: tuple[list[DocumentCounts], list[DocumentCounts]] = ([], [])
    for (right, a), (_, b) in zip(
        matched(gold, first), matched(gold, second), strict=True
    ):
        changes = find_changes(right, a, b)
        if changes:
            documents.append(Changed(right, a, b, changes))
        for side, predicted in zip(counts, (a, b), strict=True):
            side.append(_counts(right, predicted))
    return Comparison(
        score(gold, first),
        score(gold, second),
        Counter((c.kind, c.verdict) for d in documents for c in d.changes),
        documents,
        paired_bootstrap(*counts, resamples=resamples, seed=seed),
        randomization_test(*counts, resamples=resamples, seed=seed),
        resamples,
        seed,
    )


def with_ids_of(
    gold: Sequence[Document], documents: Iterable[Document]
) -> list[Document]:
    """Give documents the ids of the gold ones, in order.

    Files of columns number their sentences by their own name.
    """
    ids = (document.id for document in gold)
    return [replace(d, id=next(ids, d.id)) for d in documents]


def _counts(gold: Document, predicted: Document) -> DocumentCounts:
    right, guessed = set(gold.entities), set(predicted.entities)
    return DocumentCounts(len(right & guessed), len(guessed), len(right))
