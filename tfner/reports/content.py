"""The content of a report, before anything is drawn or written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfner.document import Document
from tfner.evaluation.breakdown import Breakdown, surfaces
from tfner.evaluation.mistakes import find_mistakes
from tfner.evaluation.score import Score, matched


@dataclass(frozen=True)
class Report:
    """Everything that a report shows.

    Args:
        title: names the model and the corpus.
        score: figures of the predicted documents.
        breakdown: counts, see `Breakdown.to_json`.
        documents: gold and predicted documents with a mistake.
        history: a record an epoch, with `epoch`, `loss` and, with dev, `dev_loss` and
            `dev_f1`; empty where training is unknown.
        best_epoch: number of the epoch that was kept, or None.
        settings: settings of the training run.
        versions: versions of the software that trained the model.
    """

    title: str
    score: Score
    breakdown: Mapping[str, Any]
    documents: Sequence[tuple[Document, Document]]
    history: Sequence[Mapping[str, float]] = ()
    best_epoch: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def epoch_line(self) -> str:
        """The epoch that was kept, with its losses; empty where it is unknown."""
        for line in self.history:
            if line["epoch"] == self.best_epoch:
                dev = f", dev loss {line['dev_loss']:.4f}" if "dev_loss" in line else ""
                return (
                    f"best epoch {self.best_epoch}: train loss {line['loss']:.4f}{dev}"
                )
        return ""


def make_report(
    title: str,
    score: Score,
    gold: Iterable[Document],
    predicted: Iterable[Document],
    *,
    train: Iterable[Document] | None = None,
    **training: Any,
) -> Report:
    """Count everything that a report shows.

    Args:
        title: names the model and the corpus.
        score: figures of these documents.
        gold: documents with the right entities.
        predicted: the same documents, in the same order, as predicted.
        train: training documents, so that known entities are told from new ones, or
            None where they are unknown.
        **training: `history`, `best_epoch`, `settings` and `versions` of the report.
    """
    breakdown = Breakdown(seen=None if train is None else surfaces(train))
    wrong = []
    for right, guess in matched(gold, predicted):
        breakdown.add(right, guess)
        if find_mistakes(right, guess):
            wrong.append((right, guess))
    return Report(title, score, breakdown.to_json(), wrong, **training)
