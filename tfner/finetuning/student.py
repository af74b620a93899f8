"""A task whose words have a teacher's probabilities beside their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import keras
import numpy as np

from tfner.config.distill import DistillationConfig
from tfner.data.features import LABELS, TEACHER
from tfner.data.windows import Window
from tfner.models.heads.distillation import StudentClassifier, distilled_crossentropy
from tfner.models.heads.losses import MaskedAccuracy
from tfner.tasks.token_classification import TokenClassification

Arrays = Sequence[Any]


@dataclass(frozen=True)
class Lesson:
    """All that a student learns of its teacher.

    Args:
        settings: how much.
        width: numbers of the teacher's vector of a word; 0 if they are not compared.
        head: kernel and bias of the teacher's last layer, to begin with; None for new
            ones.
    """

    settings: DistillationConfig
    width: int = 0
    head: Arrays | None = None


class StudentTask(TokenClassification):
    """Token classification from tags and probabilities.

    Its windows have beside `labels` the target `teacher` (W, T + 1 + H): probabilities
    of the tags, whether the tag is gold, and the vector of the word, if those are
    compared. It is stored as the task that it is.
    """

    lesson: Lesson

    @classmethod
    def of(cls, task: TokenClassification, lesson: Lesson) -> Self:
        """The task of a student that is to do what another task does."""
        settings = {n: v for n, v in task.settings().items() if n != "name"}
        loss = task.loss_settings
        made = cls(task.tokenizer, task.label_set, **settings, loss=loss)
        made.lesson = lesson
        return made

    def build(self, encoder: keras.Model, *, dropout: float = 0.1) -> keras.Model:
        """Make a model from features to logits, and in training to vectors of words."""
        model = StudentClassifier(
            encoder, len(self.label_set.tags), dropout=dropout, pool=self.pool
        )
        if self.lesson.head is not None:
            model.build()
            model.classifier.set_weights(self.lesson.head)
        return model

    def loss(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        """Sum the loss; returns it and the number of words."""
        settings = self.lesson.settings
        return distilled_crossentropy(
            labels[LABELS.name],
            labels[TEACHER.name],
            logits,
            temperature=settings.temperature,
            gold_weight=settings.gold_weight,
            hidden_weight=settings.hidden_weight if self.lesson.width else 0.0,
            **self.loss_settings,
        )

    def metric(self) -> keras.metrics.Metric:
        """Make the accuracy that training shows beside the loss."""
        return _Accuracy()


class _Accuracy(MaskedAccuracy):
    """Share of words whose tag is predicted: the gold one, or the teacher's."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true[LABELS.name], y_pred["logits"], sample_weight)


def taught(
    window: Window, answers: Any, *, num_tags: int, gold: bool
) -> Mapping[str, Any]:
    """The targets of a window.

    Args:
        window: of words for which the teacher was asked; with labels if they are gold.
        answers: (W, T + H) float16, the teacher's for all words of the document.
        num_tags: T.
        gold: whether tags are known.
    """
    found = answers[window.word_index]
    labels = (window.targets or {}).get(LABELS.name)
    if labels is None:
        labels = found[:, :num_tags].argmax(axis=1).astype(np.int32)
    is_gold = np.full((len(found), 1), gold, found.dtype)
    columns = [found[:, :num_tags], is_gold, found[:, num_tags:]]
    return {LABELS.name: labels, TEACHER.name: np.concatenate(columns, axis=1)}
