"""Tag probabilities to one tag per word: each by itself, or the best valid path.

`viterbi` over probabilities serves every head. Those of a CRF are marginals that know
of the neighbours already; what is looked for is the valid tag sequence whose
probabilities have the greatest product, so that windows can be merged word by word
before, and nothing but probabilities ever leaves a model.

Source: Fariselli, Martelli and Casadio 2005 (posterior-Viterbi).
"""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tfner.config.choices import Decode
from tfner.errors import ConfigError
from tfner.schemes import LabelSet

Floats = NDArray[np.float32]
Steps = NDArray[np.bool_]

DECODERS = get_args(Decode)
SHOWN_TAGS = 10
SMALLEST_PROBABILITY = 1e-12
"""Keeps the logarithm of what a model rules out finite."""


def best_tags(probs: Floats, *, steps: Steps | None, outside: int) -> NDArray[np.int64]:
    """Tag ids (W,) of the words of one document.

    Args:
        probs: (W, T); all 0 for a word without a piece, which is O and between whose
            neighbours nothing stands: see `unread_words`.
        steps: (T, T) which tag may follow which, for Viterbi; None takes the likeliest
            tag of each word.
        outside: id of O, which stands for both ends of the document as well.
    """
    read = probs.any(axis=1)
    ids = np.full(len(probs), outside, np.int64)
    if steps is None:
        ids[read] = probs[read].argmax(axis=1)
    else:
        scores = np.log(np.maximum(probs[read], np.float32(SMALLEST_PROBABILITY)))
        ids[read] = viterbi(scores, steps, outside=outside)
    return ids


def viterbi(scores: Floats, steps: Steps, *, outside: int) -> NDArray[np.int64]:
    """The path of allowed steps with the greatest sum; of equal ones the lower ids.

    Args:
        scores: (W, T), finite for O.
        steps: (T, T) whether the tag of the column may follow that of the row; O may
            follow itself.
        outside: id of O, which stands before and after the words.

    Returns:
        (W,) tag ids.
    """
    words, tags = scores.shape
    allowed = np.where(steps, np.float32(0), np.float32(-np.inf))
    came_from = np.zeros((words, tags), np.int64)
    best = np.full(tags, -np.inf, np.float32)
    best[outside] = 0
    for word in range(words):
        paths = best[:, None] + allowed
        came_from[word] = paths.argmax(axis=0)
        best = paths.max(axis=0) + scores[word]
        best = best - best.max()  # sums along a document would lose digits
    path = np.zeros(words, np.int64)
    tag = int((best + allowed[:, outside]).argmax())
    for word in range(words - 1, -1, -1):
        path[word] = tag
        tag = int(came_from[word, tag])
    return path


def allowed_steps(label_set: LabelSet) -> Steps:
    """Make the table (T, T) of which tag may follow which.

    Raises:
        ConfigError: a tag can stand in no valid sequence, so that a model that predicts
            it would find no path.
    """
    steps, whole = _steps(label_set)
    lost = [tag for tag, found in zip(label_set.tags, whole, strict=True) if not found]
    if lost:
        raise ConfigError(
            "a CRF and --decode viterbi need tags that stand in valid sequences of "
            f"{label_set.scheme.name}. Received: {', '.join(lost[:SHOWN_TAGS])}, which "
            "can stand in none. Use --decode argmax (and --head softmax), or name the "
            "scheme that the tags belong to."
        )
    return steps


def is_constrained(label_set: LabelSet) -> bool:
    """Tell whether viterbi can decode these tags, and may differ from argmax."""
    steps, whole = _steps(label_set)
    return bool(whole.all() and not steps.all())


def _steps(label_set: LabelSet) -> tuple[Steps, NDArray[np.bool_]]:
    """Which tag may follow which (T, T), and which stand in valid sequences (T,)."""
    steps, outside = np.array(label_set.transitions, np.bool_), label_set.outside_id
    return steps, _reached(steps, outside) & _reached(steps.T, outside)


def _reached(steps: Steps, outside: int) -> NDArray[np.bool_]:
    """Tags (T,) to which steps lead from O."""
    found: NDArray[np.bool_] = steps[outside]
    for _ in steps:
        found = np.logical_or(found, steps[found].any(axis=0))
    return found
