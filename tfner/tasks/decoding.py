"""Tag probabilities to one tag per word: each by itself, or the best valid path.

`viterbi` over probabilities serves every head. Those of a CRF are marginals that know
of the neighbours already; what is looked for is the valid tag sequence whose
probabilities have the greatest product, so that windows can be merged word by word
before, and nothing but probabilities ever leaves a model.

Source: Fariselli, Martelli and Casadio 2005 (posterior-Viterbi).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tfner.config.choices import Decode
from tfner.errors import ConfigError
from tfner.schemes import LabelSet

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Bools = NDArray[np.bool_]
Steps = NDArray[np.bool_]

CELLS = 1 << 18
"""Steps between tags, of all documents, that are looked at in one go: 1 MB."""
DECODERS = get_args(Decode)
SHOWN_TAGS = 10
SMALLEST_PROBABILITY = 1e-12
"""Keeps the logarithm of what a model rules out finite."""


def best_tags(
    probs: Floats,
    *,
    steps: Steps | None,
    outside: int,
    limits: Ids | None = None,
    read: Bools | None = None,
) -> Ids:
    """Tag ids (W,) of the words of documents that follow one another.

    Args:
        probs: (W, T); all 0 for a word without a piece, which is O and between whose
            neighbours nothing stands: see `unread_words`.
        steps: (T, T) which tag may follow which, for Viterbi; None takes the likeliest
            tag of each word.
        outside: id of O, which stands for both ends of a document as well.
        limits: (D + 1,) first word of each document, and the number of words; None is
            one document.
        read: (W,) whether a word has a piece; None looks at `probs`.
    """
    if read is None:
        read = words_read(probs)
    ids = np.full(len(probs), outside, np.int64)
    found = probs[read]
    ids[read] = chosen = found.argmax(axis=1)
    if steps is None or not len(chosen):
        return ids
    if limits is None:
        limits = np.array([0, len(probs)])
    limits = np.append(0, read.cumsum())[limits]
    broken = _broken(chosen, limits, steps, outside)
    starts, sizes = limits[:-1][broken], np.diff(limits)[broken]
    for group in _groups(sizes, len(steps)):
        first, length = starts[group], sizes[group]
        columns = np.arange(length.max())
        at = first[:, None] + np.minimum(columns, length[:, None] - 1)
        scores = np.log(np.maximum(found[at], np.float32(SMALLEST_PROBABILITY)))
        inside = columns < length[:, None]
        paths = viterbi(scores, steps, lengths=length, outside=outside)
        chosen[at[inside]] = paths[inside]
    ids[read] = chosen
    return ids


def words_read(probs: Floats) -> Bools:
    """Tell which words (W,) have a piece, by their probabilities (W, T)."""
    return np.asarray(probs.any(axis=1))


def _broken(ids: Ids, limits: Ids, steps: Steps, outside: int) -> Ids:
    """Numbers of the documents whose likeliest tags are no path of allowed steps.

    Those of all others are the path with the greatest product.
    """
    filled = limits[:-1] < limits[1:]
    starts, ends = limits[:-1][filled], limits[1:][filled]
    before = np.roll(ids, 1)
    before[starts] = outside
    allowed = np.append(steps[before, ids], True)
    allowed[:-1][ends - 1] &= steps[ids[ends - 1], outside]
    whole = np.logical_and.reduceat(allowed, starts)
    return np.flatnonzero(filled)[~whole]


def _groups(sizes: Ids, tags: int) -> Iterator[Ids]:
    """Documents to be decoded together: of similar sizes, and not too many."""
    at_once = max(1, CELLS // tags**2)
    order = np.argsort(sizes, kind="stable")
    scale = np.frexp(sizes[order])[1]
    for group in np.split(order, np.flatnonzero(np.diff(scale)) + 1):
        for start in range(0, len(group), at_once):
            yield group[start : start + at_once]


def viterbi(scores: Floats, steps: Steps, *, lengths: Ids, outside: int) -> Ids:
    """Paths of allowed steps with the greatest sum; of equal ones the lower ids.

    Args:
        scores: (D, W, T), finite for O; what follows a document's words is not read.
        steps: (T, T) whether the tag of the column may follow that of the row; O may
            follow itself.
        lengths: (D,) words of each document.
        outside: id of O, which stands before and after the words.

    Returns:
        (D, W) tag ids.
    """
    documents, words, tags = scores.shape
    allowed = np.where(steps, np.float32(0), np.float32(-np.inf))
    came_from = np.zeros((words, documents, tags), np.int32)
    best = np.full((documents, tags), -np.inf, np.float32)
    best[:, outside] = 0
    for word in range(words):
        paths = best[:, :, None] + allowed
        came_from[word] = paths.argmax(axis=1)
        found = paths.max(axis=1) + scores[:, word]
        found -= found.max(axis=1, keepdims=True)  # sums would lose digits
        goes_on = (word < lengths)[:, None]
        came_from[word] = np.where(goes_on, came_from[word], np.arange(tags))
        best = np.where(goes_on, found, best)
    path = np.zeros((documents, words), np.int64)
    tag = (best + allowed[:, outside]).argmax(axis=1)
    for word in range(words - 1, -1, -1):
        path[:, word] = tag
        tag = came_from[word, np.arange(documents), tag]
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


def _steps(label_set: LabelSet) -> tuple[Steps, Bools]:
    """Which tag may follow which (T, T), and which stand in valid sequences (T,)."""
    steps, outside = np.array(label_set.transitions, np.bool_), label_set.outside_id
    return steps, _reached(steps, outside) & _reached(steps.T, outside)


def _reached(steps: Steps, outside: int) -> Bools:
    """Tags (T,) to which steps lead from O."""
    found: Bools = steps[outside]
    while True:
        more = np.logical_or(found, steps[found].any(axis=0))
        if (more == found).all():
            return found
        found = more
