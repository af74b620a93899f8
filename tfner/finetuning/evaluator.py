"""Scores of a model in training on documents held out from it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from tfner.data.windows import Window
from tfner.document import Document
from tfner.evaluation import Score, score
from tfner.finetuning.data import Corpora
from tfner.inference.batching import Runner
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.reports.mistakes import first_mistakes
from tfner.tasks import Outputs, Task
from tfner.tasks.context import encode_in_order

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

SELFTEST_TEXTS = 8


class Evaluated(NamedTuple):
    """Held-out documents as they are and as a model predicts them, and its score."""

    gold: list[Document]
    predicted: list[Document]
    score: Score


@dataclass(frozen=True)
class Evaluator:
    """Documents held out from training, encoded once for all that is done with them.

    Args:
        task: encoded them without looking at entities, and decodes.
        documents: with gold entities.
        windows: of each document.
        counts: what encoding lost, by reason.
    """

    task: Task
    documents: list[Document]
    windows: list[list[Window]]
    counts: Counter[str]

    @classmethod
    def encode(cls, task: Task, documents: Iterable[Document]) -> Self:
        """Encode documents as prediction does."""
        found, windows, counts = list[Document](), list[list[Window]](), Counter[str]()
        for document, encoded in encode_in_order(task, documents):
            found.append(document)
            windows.append(encoded.windows)
            counts.update(encoded.counts)
        return cls(task, found, windows, counts)

    def outputs(self, model: keras.Model) -> list[list[Outputs]]:
        """Run a model on the windows of every document."""
        return Predictor(self.task, KerasRunner(model)).outputs(self.windows)

    def evaluate(self, run: Runner) -> Evaluated | None:
        """Predict the documents with a model and score it; None without documents."""
        if not self.documents:
            return None
        predictor = Predictor(self.task, run)
        predicted = list(predictor.decode(self.documents, self.windows))
        result = score(self.documents, predicted, counts=self.counts)
        return Evaluated(self.documents, predicted, result)

    def scores(self, run: Runner, *, show: int = 0) -> dict[str, float]:
        """F1 and loss of a model, `dev_f1` and `dev_loss`.

        Args:
            run: the model.
            show: how many documents with a mistake are logged, as columns.
        """
        outputs = Predictor(self.task, run).outputs(self.windows)
        held_out = (self.documents, self.windows, outputs)
        predicted = list(map(self.task.decode, *held_out))
        by_word = np.concatenate(list(map(self.task.word_losses, *held_out)))
        for line in first_mistakes(self.documents, predicted, show):
            logger.info(line)
        loss = float(by_word.mean()) if by_word.size else 0.0
        result = score(self.documents, predicted, resamples=0)
        return {"dev_loss": loss, "dev_f1": result.f1}


def selftest_texts(corpora: Corpora) -> Iterable[str]:
    """A few texts that the model did not learn, and one longer than they are."""
    source = corpora.dev or corpora.test or corpora.train
    texts = [document.text for document in source[:SELFTEST_TEXTS] if document.text]
    return [*texts, " ".join(texts)]
