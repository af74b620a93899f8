"""How far an F1 may be off by the chance of which documents were tested."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from typing import TypedDict

from tfner.evaluation.tally import DocumentCounts, ratio

LEVEL = 0.95
UNITS = 4000
"""Most units that are drawn: larger corpora are drawn in blocks of documents."""

_BITS = 32
_MASK = (1 << _BITS) - 1
_SHIFTS = (2 * _BITS, _BITS, 0)


class Interval(TypedDict):
    """A bootstrap interval of the F1, with all that is needed to get it again."""

    low: float
    high: float
    level: float
    resamples: int
    seed: int
    documents: int


def _f1(packed: int) -> float:
    credit, predicted, gold = (packed >> shift & _MASK for shift in _SHIFTS)
    return ratio(credit, predicted + gold)  # credit is doubled already


def _pack(counts: DocumentCounts) -> int:
    """The counts in one integer: a sum of such integers sums all three at once."""
    doubled = round(2 * counts.credit)
    return doubled << 2 * _BITS | counts.predicted << _BITS | counts.gold


def bootstrap(
    documents: Sequence[DocumentCounts], *, resamples: int = 1000, seed: int = 0
) -> Interval | None:
    """The percentile bootstrap interval of the micro F1 over documents.

    Documents are drawn with replacement, as many as there are. More than 4,000 are
    first dealt at random into 4,000 blocks, and blocks are drawn: the variance stays
    the same, the time stays under a second.

    Args:
        documents: counts of each document, those without entities included.
        resamples: how often to draw; 0 skips the interval.
        seed: equal seeds give equal intervals.

    Returns:
        The interval of the middle 95 %, or None without documents or resamples.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13.
    """
    if not documents or resamples < 2:
        return None
    generator = random.Random(seed)
    units = [_pack(counts) for counts in documents]
    if len(units) > UNITS:
        generator.shuffle(units)
        units = [sum(units[first::UNITS]) for first in range(UNITS)]
    drawn = [_f1(sum(generator.choices(units, k=len(units)))) for _ in range(resamples)]
    cuts = statistics.quantiles(drawn, n=round(2 / (1 - LEVEL)), method="inclusive")
    return {
        "low": cuts[0],
        "high": cuts[-1],
        "level": LEVEL,
        "resamples": resamples,
        "seed": seed,
        "documents": len(documents),
    }
