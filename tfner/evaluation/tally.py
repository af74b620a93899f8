"""Counts of a convention, and the figures that follow from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, TypedDict


class Measures(TypedDict):
    """Figures of one label or of all; fractions of 1, and 0.0 where nothing divides.

    `support` counts gold entities, `predicted` those of the prediction.
    """

    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


class Match(NamedTuple):
    """A gold and a predicted entity that a convention pairs.

    `credit` is 1 for a hit, less for a partial one.
    """

    gold: str
    predicted: str
    credit: float


class DocumentCounts(NamedTuple):
    """The counts of one document, all that a resample needs of it."""

    credit: float
    predicted: int
    gold: int


def ratio(part: float, whole: float) -> float:
    """Divide `part` by `whole`; 0.0 where the whole is 0."""
    return part / whole if whole else 0.0


def measures(
    credit_gold: float, gold: int, credit_predicted: float, predicted: int
) -> Measures:
    """Compute precision, recall and F1 of the credit that each side's entities earned.

    Args:
        credit_gold: credit of the gold entities.
        gold: number of gold entities.
        credit_predicted: credit of the predicted entities.
        predicted: number of predicted entities.
    """
    precision, recall = ratio(credit_predicted, predicted), ratio(credit_gold, gold)
    return {
        "precision": precision,
        "recall": recall,
        "f1": ratio(2 * precision * recall, precision + recall),
        "support": gold,
        "predicted": predicted,
    }


class Tally:
    """Running counts per label and per document; memory is a triple a document."""

    def __init__(self) -> None:
        self.gold: Counter[str] = Counter()
        self.predicted: Counter[str] = Counter()
        self.credit_gold: dict[str, float] = {}
        self.credit_predicted: dict[str, float] = {}
        self.documents: list[DocumentCounts] = []

    def add(
        self,
        gold_labels: Iterable[str],
        predicted_labels: Iterable[str],
        matches: Iterable[Match],
    ) -> None:
        """Count one document.

        Args:
            gold_labels: label of each gold entity.
            predicted_labels: label of each predicted entity.
            matches: which of them match, and for how much.
        """
        gold, predicted = list(gold_labels), list(predicted_labels)
        self.gold.update(gold)
        self.predicted.update(predicted)
        total = 0.0
        for match in matches:
            total += match.credit
            for credits, label in (
                (self.credit_gold, match.gold),
                (self.credit_predicted, match.predicted),
            ):
                credits[label] = credits.get(label, 0.0) + match.credit
        self.documents.append(DocumentCounts(total, len(predicted), len(gold)))

    @property
    def labels(self) -> list[str]:
        """Every label of gold or prediction, in alphabetical order."""
        return sorted(self.gold.keys() | self.predicted.keys())

    def per_label(self) -> dict[str, Measures]:
        """Figures of each label, also of those that only one side has."""
        return {
            label: measures(
                self.credit_gold.get(label, 0.0),
                self.gold[label],
                self.credit_predicted.get(label, 0.0),
                self.predicted[label],
            )
            for label in self.labels
        }

    def micro(self) -> Measures:
        """Figures over all entities, whatever their label."""
        return measures(
            sum(self.credit_gold.values()),
            self.gold.total(),
            sum(self.credit_predicted.values()),
            self.predicted.total(),
        )


def average(rows: Iterable[Measures], *, weighted: bool = False) -> Measures:
    """Average the labels' figures, each counting once or by its support."""
    rows = list(rows)
    weights = [row["support"] if weighted else 1 for row in rows]

    def mean(values: Iterable[float]) -> float:
        pairs = zip(weights, values, strict=True)
        return ratio(sum(weight * value for weight, value in pairs), sum(weights))

    return {
        "precision": mean(row["precision"] for row in rows),
        "recall": mean(row["recall"] for row in rows),
        "f1": mean(row["f1"] for row in rows),
        "support": sum(row["support"] for row in rows),
        "predicted": sum(row["predicted"] for row in rows),
    }
