"""Scores by word, label, length, novelty and confidence: where a model is weak."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from typing import Any

from tfner.document import Document, Entity
from tfner.evaluation.mistakes import find_mistakes, word_labels
from tfner.evaluation.tally import Match, Tally, average, ratio
from tfner.schemes import OUTSIDE

LENGTHS = (1, 2, 3, 5, 10)
"""Longest entity of each group, in words; the last group is open."""
BINS = 10


class Breakdown:
    """Counts of one comparison beyond its score, fed document by document.

    Args:
        seen: surfaces of the training corpus's entities, or None where unknown.
    """

    def __init__(self, *, seen: Set[str] | None = None) -> None:
        self.seen = seen
        self.words = Tally()
        self.confusion: Counter[tuple[str, str]] = Counter()
        self.by_length, self.by_novelty = Tally(), Tally()
        self.bins = [[0, 0.0, 0] for _ in range(BINS)]

    def add(self, gold: Document, predicted: Document) -> None:
        """Count one document."""
        right, guessed = set(gold.entities), set(predicted.entities)
        self._add_words(gold, predicted)
        self.confusion.update(
            (entity.label, entity.label) for entity in right & guessed
        )
        for _, *sides in find_mistakes(gold, predicted):
            row, column = (side.label if side else OUTSIDE for side in sides)
            self.confusion[row, column] += 1
        starts = [word.start for word in predicted.words or gold.words or ()]
        _add_groups(self.by_length, right, guessed, lambda e: _length_group(e, starts))
        if self.seen is not None:
            _add_groups(
                self.by_novelty, right, guessed, lambda e: self._novelty(gold, e)
            )
        for entity in guessed:
            self._add_score(entity, hit=entity in right)

    def _add_words(self, gold: Document, predicted: Document) -> None:
        words = predicted.words or gold.words or ()
        right = word_labels(words, gold.entities)
        guessed = word_labels(words, predicted.entities)
        self.words.add(
            (label for label in right if label != OUTSIDE),
            (label for label in guessed if label != OUTSIDE),
            (
                Match(a, b, 1.0)
                for a, b in zip(right, guessed, strict=True)
                if a == b != OUTSIDE
            ),
        )

    def _novelty(self, document: Document, entity: Entity) -> str:
        known = document.surface(entity) in (self.seen or ())
        return "seen in training" if known else "not seen"

    def _add_score(self, entity: Entity, *, hit: bool) -> None:
        if entity.score is None:
            return
        row = self.bins[min(int(entity.score * BINS), BINS - 1)]
        row[0] += 1
        row[1] += entity.score
        row[2] += hit

    def reliability(self) -> list[dict[str, float]]:
        """Count entities, mean score and share of hits in each tenth of the scores."""
        return [
            {
                "entities": count,
                "score": ratio(total, count),
                "precision": ratio(hits, count),
            }
            for count, total, hits in self.bins
            if count
        ]

    def to_json(self) -> dict[str, Any]:
        """All counts; `by_novelty` is None where training is unknown."""
        per_label = self.words.per_label()
        return {
            "word_level": {
                **self.words.micro(),
                "macro_f1": average(per_label.values())["f1"],
                "per_label": per_label,
            },
            "confusion": [
                {"gold": gold, "predicted": predicted, "entities": count}
                for (gold, predicted), count in sorted(self.confusion.items())
            ],
            "by_length": _in_order(self.by_length, _group_names()),
            "by_novelty": None if self.seen is None else self.by_novelty.per_label(),
            "reliability": self.reliability(),
        }


def surfaces(documents: Iterable[Document]) -> set[str]:
    """Collect the surfaces of all entities."""
    return {document.surface(e) for document in documents for e in document.entities}


def _add_groups(
    tally: Tally,
    gold: Set[Entity],
    predicted: Set[Entity],
    group: Callable[[Entity], str],
) -> None:
    hits = (Match(group(e), group(e), 1.0) for e in gold & predicted)
    tally.add(map(group, gold), map(group, predicted), hits)


def _length_group(entity: Entity, starts: Sequence[int]) -> str:
    words = bisect_left(starts, entity.end) - bisect_left(starts, entity.start)
    return _group_names()[bisect_left(LENGTHS, words)]


def _group_names() -> list[str]:
    names, shortest = [], 1
    for longest in LENGTHS:
        names.append(f"{longest}" if longest == shortest else f"{shortest}-{longest}")
        shortest = longest + 1
    return [*names, f"{shortest} and more"]


def _in_order(tally: Tally, names: Iterable[str]) -> dict[str, Any]:
    rows = tally.per_label()
    return {name: rows[name] for name in names if name in rows}
