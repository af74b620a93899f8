"""What one model, run or annotator does differently from another, against gold.

A change is of one kind: an entity is *gained* or *lost*, *retyped* (same borders, other
label) or *moved* (same label, other borders, overlapping). Gold says whether it is for
the better, for the worse, or neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tfner.document import Document
from tfner.evaluation.mistakes import spans_of
from tfner.evaluation.partial import pair_spans
from tfner.evaluation.resampling import LEVEL, paired_bootstrap, randomization_test
from tfner.evaluation.score import Score, matched, score
from tfner.evaluation.tally import DocumentCounts
from tfner.schemes import Span

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
    before: Span | None
    after: Span | None
    verdict: str

    @property
    def labels(self) -> set[str]:
        """The labels it concerns."""
        return {span.label for span in (self.before, self.after) if span is not None}


class Changed(NamedTuple):
    """A document that the two sides read differently."""

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
        documents: those that A and B read differently.
        interval: of the difference in F1, B less A, by paired bootstrap.
        p_value: of the difference, by approximate randomization, two-sided.
        resamples: of both.
        seed: of both.
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
        """What `tfner compare --json` prints."""
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
    """Every difference between two predictions of one document, in text order."""
    right, before, after = map(spans_of, (gold, first, second))
    pairs = pair_spans(before, after)
    found: list[tuple[str, Span | None, Span | None]] = []
    for old, new in pairs:
        if old != new:
            found.append((_kind(old, new), old, new))
    found += [(LOST, span, None) for span in before - {p.gold for p in pairs}]
    found += [(GAINED, None, span) for span in after - {p.predicted for p in pairs}]
    changes = [Change(kind, a, b, _verdict(a, b, right)) for kind, a, b in found]
    return sorted(changes, key=lambda change: change.before or change.after or ())


def _kind(old: Span, new: Span) -> str:
    if old[:2] == new[:2]:
        return RETYPED
    return MOVED if old.label == new.label else OTHER


def _verdict(before: Span | None, after: Span | None, gold: set[Span]) -> str:
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
        first: A.
        second: B, in the same order.
        resamples: of the bootstrap and of the randomization.
        seed: of both.

    Raises:
        CorpusError: the sides differ in number, order, id or text.
    """
    gold, first, second = list(gold), list(first), list(second)
    changes: Counter[tuple[str, str]] = Counter()
    documents: list[Changed] = []
    counts: tuple[list[DocumentCounts], list[DocumentCounts]] = ([], [])
    for (right, a), (_, b) in zip(
        matched(gold, first), matched(gold, second), strict=True
    ):
        found = find_changes(right, a, b)
        changes.update((change.kind, change.verdict) for change in found)
        if found:
            documents.append(Changed(right, a, b, found))
        for side, predicted in zip(counts, (a, b), strict=True):
            side.append(_counts(right, predicted))
    return Comparison(
        score(gold, first),
        score(gold, second),
        changes,
        documents,
        paired_bootstrap(*counts, resamples=resamples, seed=seed),
        randomization_test(*counts, resamples=resamples, seed=seed),
        resamples,
        seed,
    )


def _counts(gold: Document, predicted: Document) -> DocumentCounts:
    right, guess = spans_of(gold), spans_of(predicted)
    return DocumentCounts(len(right & guess), len(guess), len(right))
