"""Thresholds of span extraction, chosen on held-out documents."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tfner.document import Document
from tfner.errors import ConfigError
from tfner.evaluation import score
from tfner.tasks.interface import HeldOut, Outputs

if TYPE_CHECKING:
    import keras

    from tfner.tasks.span_extraction import SpanExtraction

    SpanTask = TypeVar("SpanTask", bound=SpanExtraction)

logger = logging.getLogger(__name__)

THRESHOLDS = ("start_threshold", "end_threshold", "span_threshold")
BOUNDARIES, PAIR = THRESHOLDS[:2], THRESHOLDS[2:]
GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def check_dev(documents: Sequence[Document]) -> None:
    """Refuse documents that cannot choose thresholds.

    Raises:
        ConfigError: there is none, or none with an entity.
    """
    if not documents:
        raise ConfigError(
            "`tune_thresholds` needs a dev corpus. Received: none. Give --dev, or a "
            "--dev-fraction above 0."
        )
    if not any(document.entities for document in documents):
        raise ConfigError(
            f"`tune_thresholds` needs entities in the dev corpus. Received: "
            f"{len(documents)} documents without one. Give another --dev."
        )


def tune_thresholds(
    task: SpanTask, model: keras.Model, dev: HeldOut
) -> tuple[SpanTask, keras.Model, dict[str, Any]]:
    """Give a task and its model the thresholds with the best F1.

    Documents that chose the thresholds are none to report a score on.

    Args:
        task: is not changed.
        model: a `SpanExtractor`, run once; it is not changed.
        dev: with gold entities.

    Returns:
        The task and the model with the chosen thresholds, and under `thresholds` these
        and the F1 that they gave.
    """
    lowest = min(*GRID, *task.thresholds.values())
    low = with_thresholds(task, dict.fromkeys(THRESHOLDS, lowest))
    chosen, f1 = best_thresholds(task, dev, dev.outputs(rebuilt(low, model)))
    told = ", ".join(f"{name} {value:.3g}" for name, value in chosen.items())
    logger.info("chosen on dev: %s, F1 %.4f", told, f1)
    tuned = with_thresholds(task, chosen)
    return tuned, rebuilt(tuned, model), {"thresholds": {**chosen, "f1": f1}}


def best_thresholds(
    task: SpanExtraction, dev: HeldOut, outputs: Sequence[Sequence[Outputs]]
) -> tuple[dict[str, float], float]:
    """Find the thresholds with the best F1, and that F1.

    First that of starts and ends together is chosen, then that of pairs; one is left
    only for a better one.

    Args:
        task: whose thresholds come first.
        dev: documents with gold entities.
        outputs: of a model with thresholds no higher than any that is tried.
    """

    def f1(thresholds: Mapping[str, float]) -> float:
        decode = with_thresholds(task, thresholds).decode
        predicted = map(decode, dev.documents, dev.windows, outputs)
        return score(dev.documents, predicted, resamples=0).f1

    best = dict(task.thresholds)
    reached = f1(best)
    for names in (BOUNDARIES, PAIR):
        for threshold in GRID:
            tried = {**best, **dict.fromkeys(names, threshold)}
            found = f1(tried)
            if found > reached:
                best, reached = tried, found
    return best, reached


def with_thresholds(task: SpanTask, thresholds: Mapping[str, float]) -> SpanTask:
    """Copy a task, but for its thresholds."""
    other = copy.copy(task)
    other.thresholds = dict(thresholds)
    return other


def rebuilt(task: SpanExtraction, model: keras.Model) -> keras.Model:
    """Make a model with the weights of another and the thresholds of a task."""
    other = task.build(model.encoder, dropout=model.dropout_rate)
    other.build()
    other.set_weights(model.get_weights())
    return other
