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

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from itertools import accumulate
from typing import NamedTuple

from tfner.document import Entity
from tfner.evaluation.tally import Match, measures

MEASURES = ("strict", "exact", "partial", "type")
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


def _overlapping(gold: Sequence[Entity], predicted: Sequence[Entity]) -> Iterator[Pair]:
    """Every overlapping pair; both sides sorted."""
    # Entities may nest, so ends are not sorted; the furthest end so far is.
    furthest = list(accumulate((entity.end for entity in predicted), max))
    for entity in gold:
        for position in range(bisect_right(furthest, entity.start), len(predicted)):
            other = predicted[position]
            if other.start >= entity.end:
                break
            if other.end > entity.start:
                yield Pair(entity, other)


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
    """
    pairs = [Pair(entity, entity) for entity in sorted(gold & predicted)]
    free_gold, free_predicted = set(gold - predicted), set(predicted - gold)
    overlapping = _overlapping(sorted(free_gold), sorted(free_predicted))
    for pair in sorted(overlapping, key=_rank):
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
