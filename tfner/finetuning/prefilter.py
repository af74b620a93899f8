"""Fits the cheap look that says which questions are worth asking."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import keras
import numpy as np
from numpy.typing import NDArray

from tfner.data.features import SPAN_LABELS
from tfner.data.windows import Window
from tfner.document import Document
from tfner.tasks.answers import context_ids
from tfner.tasks.prefilter import Prefilter
from tfner.tasks.span_extraction import SpanExtraction

EPOCHS, BATCH_SIZE, LEARNING_RATE = 5, 128, 1e-2


def fit_prefilter(
    task: SpanExtraction,
    windows: Sequence[Window],
    held_out: Sequence[Document],
    *,
    share: float,
    seed: int = 0,
) -> Prefilter:
    """A linear model per label, with thresholds that keep what they are asked to.

    Args:
        task: says which windows documents become.
        windows: of the training corpus, with targets.
        held_out: documents on which the thresholds are set.
        share: see `set_thresholds`.
        seed: order of the training windows.
    """
    labels = tuple(task.queries)
    columns = [_linear_model(_of(label, windows), task, seed) for label in labels]
    weights = np.stack(columns, axis=1).astype(np.float32)
    fitted = Prefilter(labels, weights, np.zeros(len(labels), np.float32))
    return set_thresholds(fitted, task, held_out, share=share)


def set_thresholds(
    prefilter: Prefilter,
    task: SpanExtraction,
    held_out: Sequence[Document],
    *,
    share: float,
) -> Prefilter:
    """The same weights, with thresholds that held-out documents decide.

    Args:
        prefilter: its weights are kept.
        task: encodes the documents as prediction does, without their entities.
        held_out: documents with gold entities.
        share: of the entities of each label, whose question must be asked; a label
            without one is always asked for.
    """
    scores: dict[str, list[np.float32]] = {label: [] for label in prefilter.labels}
    with unfiltered(task):
        for document in held_out:
            for window in task.encode(document):
                label = window.label or ""
                score = prefilter.score(label, context_ids(window))
                scores[label] += [score] * _entities_within(window, document)
    least = [
        np.quantile(found, 1 - share, method="lower") if found else -np.inf
        for found in scores.values()
    ]
    return replace(prefilter, bias=-np.array(least, np.float32))


@contextlib.contextmanager
def unfiltered(task: SpanExtraction) -> Iterator[None]:
    """Within, every question is asked."""
    prefilter, task.prefilter = task.prefilter, None
    try:
        yield
    finally:
        task.prefilter = prefilter


def _entities_within(window: Window, document: Document) -> int:
    """Gold entities of a window's label that lie in its words."""
    first, last = (window.words[number] for number in window.word_index[[0, -1]])
    return sum(
        entity.label == window.label
        and first.start <= entity.start
        and entity.end <= last.end
        for entity in document.entities
    )


def _of(label: str, windows: Sequence[Window]) -> list[Window]:
    return [window for window in windows if window.label == label]


def _entities(window: Window) -> int:
    """Entities that lie in a window as a whole; it carries targets."""
    return int(((window.targets or {})[SPAN_LABELS.name] >= 0).sum())


def _linear_model(
    windows: Sequence[Window], task: SpanExtraction, seed: int
) -> NDArray[np.float32]:
    """(V,) weights of pieces: logistic regression on the set that a window holds."""
    weights = np.zeros(task.tokenizer.vocab_size, np.float32)
    if not windows:
        return weights
    order = np.random.default_rng(seed).permutation(len(windows))
    windows = [windows[number] for number in order]
    ids = [context_ids(window) for window in windows]
    rows = np.stack([np.resize(row, max(map(len, ids))) for row in ids])
    seen, places = np.unique(rows, return_inverse=True)
    present = np.array([[_entities(window) > 0] for window in windows], np.float32)
    dense = keras.layers.Dense(1, activation="sigmoid", kernel_initializer="zeros")
    model = keras.Sequential(
        [keras.layers.CategoryEncoding(len(seen), output_mode="multi_hot"), dense]
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE), "binary_crossentropy")
    model.fit(places, present, BATCH_SIZE, EPOCHS, verbose=0, shuffle=False)
    weights[seen] = np.asarray(dense.kernel)[:, 0]
    return weights
