"""Outputs of a window, which has the query of one label, to spans of words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfner.data.windows import Window
from tfner.schemes import Span

SMALLEST_PROBABILITY = 1e-12
"""Keeps the loss of a certain mistake finite."""

Boundaries = NDArray[np.bool_]


def context_start(window: Window) -> int:
    """Find the piece of a window with which its context begins."""
    return int(np.argmax(window.features["token_type_ids"] == 1))


def word_boundaries(window: Window) -> tuple[Boundaries, Boundaries]:
    """Mark the pieces of the context that begin a word, and those that end one.

    A word longer than windows overlap is cut; its parts then count as whole.
    """
    changes = np.diff(window.word_index) > 0
    return np.append(True, changes), np.append(changes, True)


def spans_of_window(
    window: Window,
    output: Mapping[str, Any],
    thresholds: Mapping[str, float],
) -> Iterator[tuple[int, int, float]]:
    """Yield the first and last word of every span, and its score.

    Args:
        window: of one label.
        output: see `SpanExtraction.decode`.
        thresholds: of start, end and pair, in this order.
    """
    spans = np.asarray(output["spans"], np.int64).reshape(-1, 2)
    spans, scores = spans - context_start(window), output["scores"]
    size = len(window.word_index)
    good = (spans[:, 0] >= 0) & (spans[:, 0] <= spans[:, 1]) & (spans[:, 1] < size)
    good &= _above(window, output, thresholds)
    firsts, lasts = word_boundaries(window)
    first, last = np.clip(spans, 0, size - 1).T
    good &= firsts[first] & lasts[last]
    middle = first + last + 2 * window.pieces[0]
    good &= (2 * window.core[0] <= middle) & (middle < 2 * window.core[1])
    for number in np.flatnonzero(good):
        words = window.word_index[[first[number], last[number]]]
        yield int(words[0]), int(words[1]), float(scores[number])


def _above(
    window: Window, output: Mapping[str, Any], thresholds: Mapping[str, float]
) -> Boundaries:
    spans = np.asarray(output["spans"], np.int64).reshape(-1, 2)
    if "match_probs" not in output:  # whoever ran the model held them against it
        return np.ones(len(spans), bool)
    found = (
        output["start_probs"][spans[:, 0]],
        output["end_probs"][spans[:, 1]],
        output["match_probs"],
    )
    above = np.ones(len(spans), bool)
    for probs, least in zip(found, thresholds.values(), strict=True):
        above &= probs >= least
    return above


def boundary_losses(
    window: Window, output: Mapping[str, Any], spans: Sequence[Span]
) -> NDArray[np.float32]:
    """Take the cross-entropy of the starts and ends in a window's core.

    Args:
        window: of one label.
        output: `start_probs` and `end_probs` (S,).
        spans: all gold spans of the document, of words.
    """
    own = [span for span in spans if span.label == window.label]
    gold = ([span.start for span in own], [span.end - 1 for span in own])
    inside = slice(*(boundary - window.pieces[0] for boundary in window.core))
    start, losses = context_start(window), []
    names = ("start_probs", "end_probs")
    for name, ends, words in zip(names, word_boundaries(window), gold, strict=True):
        probs = output[name][start : start + len(window.word_index)][inside]
        right = np.isin(window.word_index[inside], words)
        likely = np.where(right, probs, 1 - probs)[ends[inside]]
        losses.append(-np.log(np.maximum(likely, SMALLEST_PROBABILITY)))
    return np.concatenate(losses).astype(np.float32)
