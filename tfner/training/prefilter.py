"""Fits the cheap look that says which questions are worth asking."""

from __future__ import annotations

from collections.abc import Sequence

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
        share: of the held-out entities of each label, whose question must be asked; a
            label without one is always asked for.
        seed: order of the training windows.
    """
    checks = [w for d in held_out for w in task.encode(d, with_targets=True)]
    columns, biases = [], []
    for label in task.queries:
        weights = _linear_model(_of(label, windows), task, seed)
        scores = [
            np.repeat(weights[np.unique(context_ids(w))].sum(), _entities(w))
            for w in _of(label, checks)
        ]
        found = np.concatenate([np.zeros(0, np.float32), *scores])
        least = np.quantile(found, 1 - share, method="lower") if found.size else -np.inf
        columns.append(weights)
        biases.append(-least)
    return Prefilter(
        tuple(task.queries),
        np.stack(columns, axis=1).astype(np.float32),
        np.array(biases, np.float32),
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
