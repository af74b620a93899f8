"""The SemEval-2013 measures: what is found but not quite right.

Gold and predicted entities that overlap are paired one to one, the best pair first:
equal boundaries and label, then equal boundaries, then equal label, then the longer
overlap.
Each pair is correct (COR), incorrect (INC) or partial (PAR) under four measures; gold
entities without a partner are missed (MIS), predicted ones spurious (SPU):

    strict    COR where boundaries and label are equal, else INC
    exact     COR where the boundaries are equal, whatever the labels, else INC
    partial   COR where the boundaries are equal, else PAR, whatever the labels
    type      COR where the labels are equal, however small the overlap, else INC

    precision = (COR + PAR / 2) / (COR + INC + PAR + SPU)
    recall    = (COR + PAR / 2) / (COR + INC + PAR + MIS)

The convention `partial` reports the third measure.

Source: Segura-Bedmar et al., "SemEval-2013 Task 9", section 4 (evaluation metrics);
nervaluate reports the same four.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

from tfner.document import Entity
from tfner.errors import CorpusError
from tfner.evaluation.tally import Match, measures

MEASURES = ("strict", "exact", "partial", "type")
MOST_PAIRS = 1_000_000
"""Overlapping pairs of one text; a thousand entities within each other make as many."""
OUTCOMES = ("COR", "INC", "PAR", "MIS", "SPU")


class Pair(NamedTuple):
    """A gold and a predicted entity that overlap."""

    gold: Entity
    predicted: Entity

    @property
    def same_boundaries(self) -> bool:
        """True where both entities cover the same characters."""
        gold, predicted = self
        return (gold.start, gold.end) == (predicted.start, predicted.end)

    @property
    def same_label(self) -> bool:
        """True where both entities have the same label."""
        return self.gold.label == self.predicted.label

    @property
    def match(self) -> Match:
        """The pair as the measure `partial` counts it."""
        credit = 1.0 if self.same_boundaries else 0.5
        return Match(self.gold.label, self.predicted.label, credit)

    def outcome(self, measure: str) -> str:
        """Judge the pair by one of the four measures: COR, INC or PAR."""
        correct = {
            "strict": self.same_boundaries and self.same_label,
            "exact": self.same_boundaries,
            "partial": self.same_boundaries,
            "type": self.same_label,
        }[measure]
        if correct:
            return "COR"
        return "PAR" if measure == "partial" else "INC"


def _overlapping(gold: Iterable[Entity], predicted: Iterable[Entity]) -> list[Pair]:
    """Every overlapping pair, in the order of the gold entities, then the others.

    Raises:
        CorpusError: there are too many to compare.
    """
    sides = sorted(gold), sorted(predicted)
    begun = [(e.start, side, n) for side in (0, 1) for n, e in enumerate(sides[side])]
    open_: tuple[list[int], list[int]] = ([], [])
    found: list[tuple[int, int]] = []
    for start, side, number in sorted(begun):
        other = open_[1 - side]
        other[:] = [n for n in other if sides[1 - side][n].end > start]
        found += [(n, number) if side else (number, n) for n in other]
        open_[side].append(number)
        if len(found) > MOST_PAIRS:
            raise CorpusError(
                f"a text has more than {MOST_PAIRS:,} pairs of gold and predicted "
                "entities that overlap, too many to compare. Cut it into several, or "
                "see whether its entities are meant"
            )
    return [Pair(sides[0][n], sides[1][m]) for n, m in sorted(found)]


def _rank(pair: Pair) -> tuple[bool, bool, int]:
    gold, predicted = pair
    overlap = min(gold.end, predicted.end) - max(gold.start, predicted.start)
    return not pair.same_boundaries, not pair.same_label, -overlap


def pair_entities(gold: Set[Entity], predicted: Set[Entity]) -> list[Pair]:
    """Pair each entity with one of the other side at most, the best pairs first.

    Example:
        >>> gold = {Entity(0, 5, "PER")}
        >>> (pair,) = pair_entities(gold, {Entity(0, 3, "PER"), Entity(3, 6, "PER")})
        >>> pair.predicted.end
        3

    Raises:
        CorpusError: millions of them overlap.
    """
    pairs = [Pair(entity, entity) for entity in sorted(gold & predicted)]
    free_gold, free_predicted = set(gold - predicted), set(predicted - gold)
    for pair in sorted(_overlapping(free_gold, free_predicted), key=_rank):
        if pair.gold in free_gold and pair.predicted in free_predicted:
            free_gold.remove(pair.gold)
            free_predicted.remove(pair.predicted)
            pairs.append(pair)
    return pairs


class SemEvalCounts:
    """Running outcomes of the four measures."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Counter[str]] = {name: Counter() for name in MEASURES}

    def add(self, pairs: Sequence[Pair], *, gold: int, predicted: int) -> None:
        """Count one document.

        Args:
            pairs: its paired entities.
            gold: number of its gold entities.
            predicted: number of its predicted entities.
        """
        for measure, outcomes in self.outcomes.items():
            outcomes.update(pair.outcome(measure) for pair in pairs)
            outcomes["MIS"] += gold - len(pairs)
            outcomes["SPU"] += predicted - len(pairs)

    def to_json(self) -> dict[str, dict[str, int | float]]:
        """Outcomes and figures of each measure."""
        return {
            measure: {
                **{name: outcomes[name] for name in OUTCOMES},
                **_figures(outcomes),
            }
            for measure, outcomes in self.outcomes.items()
        }


def _figures(outcomes: Counter[str]) -> dict[str, float]:
    credit = outcomes["COR"] + outcomes["PAR"] / 2
    paired = outcomes["COR"] + outcomes["INC"] + outcomes["PAR"]
    row = measures(credit, paired + outcomes["MIS"], credit, paired + outcomes["SPU"])
    return {"precision": row["precision"], "recall": row["recall"], "f1": row["f1"]}
