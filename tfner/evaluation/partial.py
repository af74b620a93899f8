"""The SemEval-2013 measures: what is found but not quite right.

Gold and predicted entities that overlap are paired one to one, the best pair first:
equal borders and label, then equal borders, then equal label, then the longer overlap.
Each pair is correct (COR), incorrect (INC) or partial (PAR) under four measures; gold
entities without a partner are missed (MIS), predicted ones spurious (SPU):

    strict    COR where borders and label are equal, else INC
    exact     COR where the borders are equal, whatever the labels, else INC
    partial   COR where the borders are equal, else PAR, whatever the labels
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
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from tfner.evaluation.tally import Match, Measures, measures
from tfner.schemes import Span

MEASURES = ("strict", "exact", "partial", "type")
OUTCOMES = ("COR", "INC", "PAR", "MIS", "SPU")


class Pair(NamedTuple):
    """A gold and a predicted entity that overlap."""

    gold: Span
    predicted: Span

    @property
    def same_borders(self) -> bool:
        """Whether both entities cover the same characters."""
        return self.gold[:2] == self.predicted[:2]

    @property
    def same_label(self) -> bool:
        """Whether both entities have the same label."""
        return self.gold.label == self.predicted.label

    @property
    def match(self) -> Match:
        """The pair under the measure `partial`."""
        credit = 1.0 if self.same_borders else 0.5
        return Match(self.gold.label, self.predicted.label, credit)

    def outcome(self, measure: str) -> str:
        """COR, INC or PAR under one of the four measures."""
        correct = {
            "strict": self.same_borders and self.same_label,
            "exact": self.same_borders,
            "partial": self.same_borders,
            "type": self.same_label,
        }[measure]
        if correct:
            return "COR"
        return "PAR" if measure == "partial" else "INC"


def _overlapping(gold: Sequence[Span], predicted: Sequence[Span]) -> Iterator[Pair]:
    """Every overlapping pair; both sides sorted."""
    reached = list(accumulate((span.end for span in predicted), max))
    for span in gold:
        # Entities may nest, so ends are not sorted; what was reached so far is.
        for position in range(bisect_right(reached, span.start), len(predicted)):
            other = predicted[position]
            if other.start >= span.end:
                break
            if other.end > span.start:
                yield Pair(span, other)


def _rank(pair: Pair) -> tuple[bool, bool, int]:
    (start, end, _), (other_start, other_end, _) = pair
    overlap = min(end, other_end) - max(start, other_start)
    return not pair.same_borders, not pair.same_label, -overlap


def pair_spans(gold: set[Span], predicted: set[Span]) -> list[Pair]:
    """One partner at most for every entity, the best pairs first.

    Example:
        >>> gold = {Span(0, 5, "PER")}
        >>> pair_spans(gold, {Span(0, 3, "PER"), Span(3, 6, "PER")})
        [Pair(gold=Span(start=0, end=5, label='PER'), \
predicted=Span(start=0, end=3, label='PER'))]
    """
    pairs = [Pair(span, span) for span in sorted(gold & predicted)]
    free_gold, free_predicted = gold - predicted, predicted - gold
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
        """Count one document: its pairs, and how many entities each side has."""
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
    found: Measures = measures(
        credit, paired + outcomes["MIS"], credit, paired + outcomes["SPU"]
    )
    return {name: found[name] for name in ("precision", "recall", "f1")}
