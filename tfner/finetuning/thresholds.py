"""Thresholds of span extraction, chosen on held-out documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfner.document import Document
from tfner.evaluation import score
from tfner.inference.batching import run_windows
from tfner.inference.runners import KerasRunner
from tfner.tasks.span_extraction import THRESHOLDS, SpanExtraction

if TYPE_CHECKING:
    import keras

GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
BORDERS, PAIR = THRESHOLDS[:2], THRESHOLDS[2:]


def tune_thresholds(
    task: SpanExtraction, model: keras.Model, documents: Sequence[Document]
) -> dict[str, float]:
    """Set a task's thresholds, and its model's, to those with the best F1.

    First that of starts and ends together is chosen, then that of pairs. The model runs
    once. Documents that chose the thresholds are none to report a score on.

    Args:
        task: its thresholds are changed.
        model: a `SpanExtractor`, likewise.
        documents: held out from training, with gold entities.

    Returns:
        The thresholds and the F1 (`f1`) that they gave.
    """
    before = {name: getattr(task, name) for name in THRESHOLDS}
    lowest = min(*GRID, *before.values())
    _set(model, dict.fromkeys(THRESHOLDS, lowest))
    encoded = [task.encode(document) for document in documents]
    flat = [window for windows in encoded for window in windows]
    run = KerasRunner(model)
    outputs = iter(run_windows(run, flat, pad_id=task.tokenizer.pad_id))
    found = [[next(outputs) for _ in windows] for windows in encoded]

    def f1() -> float:
        predicted = [
            task.decode(document, windows, outputs)
            for document, windows, outputs in zip(
                documents, encoded, found, strict=True
            )
        ]
        return score(documents, predicted, resamples=0).f1

    best = f1()
    for names in (BORDERS, PAIR):
        for threshold in GRID:
            kept = {name: getattr(task, name) for name in names}
            _set(task, dict.fromkeys(names, threshold))
            reached = f1()
            if reached > best:
                best = reached
            else:
                _set(task, kept)
    chosen = {name: getattr(task, name) for name in THRESHOLDS}
    _set(model, chosen)
    return {**chosen, "f1": best}


def _set(target: object, thresholds: dict[str, float]) -> None:
    for name, threshold in thresholds.items():
        setattr(target, name, threshold)
