"""Scores of a model and of its export, before it is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfner.document import Document
from tfner.errors import ConfigError, ExportError
from tfner.evaluation import score
from tfner.inference.predictor import Predictor

if TYPE_CHECKING:
    from tfner_export.exporter import Source


@dataclass(frozen=True)
class Trial:
    """A corpus on which an export has to be about as good as its model.

    Args:
        documents: with gold entities.
        max_f1_loss: how many points of 100 the F1 of the export may be lower; None if
            it does not matter.
        f1_before: of the model that the export is compared with, on these documents;
            None scores the one that is exported.

    Raises:
        ConfigError: there is a limit and no document.
    """

    documents: Sequence[Document]
    max_f1_loss: float | None = None
    f1_before: float | None = None

    def __post_init__(self) -> None:
        if self.max_f1_loss is not None and not self.documents:
            raise ConfigError(
                "--max-f1-loss is about the F1 on a corpus. Give one with entities, by "
                "--dev."
            )

    def run(self, source: Source, exported: Path) -> dict[str, float]:
        """Score both, the model if its score is not known yet.

        Args:
            source: gives the model.
            exported: what `Predictor.load` opens.

        Returns:
            `f1_before` and `f1_after`, fractions of 1.

        Raises:
            ExportError: the export has lost too much.
        """
        before = self.f1_before
        if before is None:
            before = self._f1(Predictor.of(source.bundle))
        after = self._f1(Predictor.load(exported, trust_graph=True))
        loss = 100 * (before - after)
        if self.max_f1_loss is not None and loss > self.max_f1_loss:
            raise ExportError(
                f"the export was not published: its F1 is {after:.4f}, "
                f"that of the model {before:.4f}, {loss:.2f} points more; "
                f"--max-f1-loss allows {self.max_f1_loss:g}. Give more texts with "
                "--calibrate, or another --precision."
            )
        return {"f1_before": before, "f1_after": after}

    def _f1(self, predictor: Predictor) -> float:
        predicted = predictor.predict(self.documents)
        return score(self.documents, predicted, resamples=0).f1
