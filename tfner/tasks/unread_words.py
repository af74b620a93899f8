"""Words without a piece, of which a model reads nothing: blanks, control characters.

Nothing is learnt of them and nothing predicted. They follow their neighbours: those
within an entity belong to it, those at its edges do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfner.data.windows import Ints
from tfner.schemes import OUTSIDE, LabelSet, Scheme, Span, split_tag


class Tagged(NamedTuple):
    """The tags of all words of a document, and the spans that they mean."""

    tags: tuple[str, ...]
    spans: list[Span]


def tagged(
    ids: NDArray[np.int64], read: NDArray[np.bool_], label_set: LabelSet
) -> Tagged:
    """Give words without a piece the tags that those around them leave them.

    A model says nothing of such a word: it belongs to the entity that goes on at the
    next word with a piece, and at the edges of entities to none.

    Args:
        ids: (W,) from `best_tags`.
        read: (W,) whether a word has a piece.
        label_set: has the tags.

    Example:
        >>> labels = LabelSet(["PER"])
        >>> tagged(np.array([1, 0, 2]), np.array([True, False, True]), labels).tags
        ('B-PER', 'I-PER', 'I-PER')
    """
    tags, at = [label_set.tags[i] for i in ids], np.flatnonzero(read)
    spans = [
        Span(int(at[start]), int(at[end - 1]) + 1, label)
        for start, end, label in label_set.decode(ids[at].tolist())
    ]
    if len(at) == len(tags):
        return Tagged(tuple(tags), spans)
    for start, end, label in spans:
        for word in range(start, end):
            if not read[word]:
                tags[word] = f"{label_set.scheme.inner}-{label}"
    for before, after in pairwise(at.tolist()):
        if after > before + 1 and tags[before + 1] == OUTSIDE:
            _part(tags, before, after, label_set.scheme)
    return Tagged(tuple(tags), spans)


def _part(tags: list[str], before: int, after: int, scheme: Scheme) -> None:
    """Write in place that two spans no longer meet, for schemes that say where some do.

    Args:
        tags: of all words.
        before: word before those that now stand between the spans.
        after: word after them.
        scheme: of the tags.
    """
    (prefix, label), (next_prefix, next_label) = map(
        split_tag, (tags[before], tags[after])
    )
    if label and label == next_label:
        if scheme.border == next_prefix == "B":
            tags[after] = f"{scheme.inner}-{label}"
        elif scheme.border == prefix == "E":
            tags[before] = f"{scheme.inner}-{label}"


def gold_ids(
    spans: Sequence[Span], read: Ints, label_set: LabelSet
) -> tuple[Ints, int]:
    """Tag ids (R,) of the words that have a piece, and the number of spans lost.

    An entity begins and ends with such a word, for no other is learnt.

    Args:
        spans: of all words, without overlap.
        read: (R,) the words that have a piece, rising.
        label_set: has the tags.

    Raises:
        LabelError: a label is not in the set.
    """
    learnt = within_read(spans, read)
    ids = np.array(label_set.encode(learnt, len(read)), np.int32)
    return ids, len(spans) - len(learnt)


def within_read(spans: Iterable[Span], read: Ints) -> list[Span]:
    """Spans of words as spans of those words alone that have a piece.

    Args:
        spans: of all words.
        read: (R,) the words that have a piece, rising.

    Returns:
        The spans in their order, without those of which nothing is left.

    Example:
        >>> within_read([Span(0, 3, "PER")], np.array([1, 2, 4]))
        [Span(start=0, end=2, label='PER')]
    """
    ordered = list(spans)
    limits = np.array([span[:2] for span in ordered], np.int64).reshape(-1, 2)
    places = np.searchsorted(read, limits).tolist()
    return [
        Span(first, last, span.label)
        for (first, last), span in zip(places, ordered, strict=True)
        if first < last
    ]


def narrowed(spans: Iterable[Span], read: Ints) -> list[Span]:
    """Spans of words from the first to the last word in each that has a piece.

    Args:
        spans: of all words; they may nest.
        read: (R,) the words that have a piece, rising.
    """
    return [
        Span(int(read[start]), int(read[end - 1]) + 1, label)
        for start, end, label in within_read(spans, read)
    ]
