"""Scores of a model in training on documents held out from it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tfner.document import Document
from tfner.evaluation import score
from tfner.finetuning.data import Corpora
from tfner.inference.batching import run_windows
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.reports.mistakes import first_mistakes
from tfner.tasks import Task
from tfner.tasks.context import encode_in_order

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

SELFTEST_TEXTS = 8


class Evaluator:
    """Scores documents by the predictor that users get.

    Args:
        task: encodes without looking at entities, and decodes.
        model: its weights may change between scores.
    """

    def __init__(self, task: Task, model: keras.Model) -> None:
        self.task, self.model = task, model
        self.predictor = Predictor(task, KerasRunner(model))

    def report(self, documents: list[Document]) -> dict[str, Any] | None:
        """All scores of documents, or None if there are none."""
        if not documents:
            return None
        self.task.counts.clear()
        predicted = self.predictor.predict(documents)
        return score(documents, predicted, counts=self.task.counts).to_json()

    def scorer(
        self,
        documents: list[Document],
        *,
        show: int = 0,
    ) -> Callable[[], dict[str, float]]:
        """Encodes documents once; every call runs the model and gives F1 and loss.

        Args:
            documents: with gold entities.
            show: how many of those with a mistake are logged, as columns.
            say: told them.
        """
        encoded = [windows for _, windows in encode_in_order(self.task, documents)]
        flat = [window for windows in encoded for window in windows]

        def now() -> dict[str, float]:
            outputs = iter(
                run_windows(self.predictor.run, flat, pad_id=self.task.tokenizer.pad_id)
            )
            losses, predicted = [], []
            for document, windows in zip(documents, encoded, strict=True):
                found = [next(outputs) for _ in windows]
                predicted.append(self.task.decode(document, windows, found))
                losses.append(self.task.word_losses(document, windows, found))
            for line in first_mistakes(documents, predicted, show):
                logger.info(line)
            result = score(documents, predicted, resamples=0)
            by_word = np.concatenate(losses)
            loss = float(by_word.mean()) if by_word.size else 0.0
            return {"dev_loss": loss, "dev_f1": result.f1}

        return now


def selftest_texts(corpora: Corpora) -> Iterable[str]:
    """A few texts that the model did not learn, and one longer than they are."""
    source = corpora.dev or corpora.test or corpora.train
    texts = [document.text for document in source[:SELFTEST_TEXTS] if document.text]
    return [*texts, " ".join(texts)]
