"""Tag ids of many documents to entities, without a step in Python for each word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tfner.document import Document, Entity, Word
from tfner.marks import trimmed
from tfner.schemes import LabelSet, split_tag
from tfner.tasks.decoding import Bools, Floats, Ids, Steps, best_tags
from tfner.tasks.unread_words import tagged

LABEL_SETS = 64
"""Label sets whose tags are kept apart into prefix and label."""


class Words(NamedTuple):
    """Tag probabilities of documents that follow one another.

    Args:
        probs: (W, T) of tags; all 0 for a word without a piece.
        limits: (D + 1,) first word of each document, and the number of words.
        read: (W,) whether a word has a piece.
    """

    probs: Floats
    limits: Ids
    read: Bools


class TagParts(NamedTuple):
    """Meanings of the tags of a label set, (T,) each.

    Args:
        labels: number of the label of each; -1 for O.
        opens: whether a span begins at it, whatever stands before.
        closes: whether a span ends at it.
    """

    labels: Ids
    opens: Bools
    closes: Bools


@lru_cache(LABEL_SETS)
def tag_parts(label_set: LabelSet) -> TagParts:
    """Take the tags of a label set apart, as `decode_tags` reads them."""
    prefixes, names = zip(*map(split_tag, label_set.tags), strict=True)
    numbers = {name: number for number, name in enumerate(label_set.labels)}
    return TagParts(
        np.array([numbers.get(name, -1) for name in names]),
        np.isin(prefixes, ("B", "S", "U")),
        np.isin(prefixes, ("E", "L", "S", "U")),
    )


def spans_of(ids: Ids, limits: Ids, label_set: LabelSet) -> tuple[Ids, Ids]:
    """First words of all spans, and the words after their last ones.

    They are those that `decode_tags` finds in each document.

    Args:
        ids: (W,) tags of the words of documents that follow one another.
        limits: (D + 1,) first word of each document, and the number of words.
        label_set: has the tags.
    """
    parts = tag_parts(label_set)
    labels = parts.labels[ids]
    parted = np.zeros(len(ids) + 1, np.bool_)  # whether spans part before a word
    parted[limits] = True
    parted[1:-1] |= labels[1:] != labels[:-1]
    parted[:-1] |= parts.opens[ids]
    parted[1:] |= parts.closes[ids]
    inside = labels >= 0
    firsts = np.flatnonzero(parted[:-1] & inside)
    return firsts, np.flatnonzero(parted[1:] & inside) + 1


def read_documents(
    documents: Sequence[Document],
    words: Sequence[tuple[Word, ...]],
    predicted: Words,
    *,
    label_set: LabelSet,
    steps: Steps | None,
) -> Iterator[Document]:
    """Make documents with predicted entities and tags in place of their own.

    Args:
        documents: D documents.
        words: of each.
        predicted: of all their words.
        label_set: has the tags.
        steps: (T, T) which tag may follow which, or None: see `best_tags`.
    """
    probs, limits, read = predicted
    outside = label_set.outside_id
    ids = best_tags(probs, steps=steps, outside=outside, limits=limits, read=read)
    tags = _tags(ids, read, limits, label_set)
    entities = _entities(documents, words, predicted, ids, label_set)
    scheme = {"scheme": label_set.scheme.name}
    for number, document in enumerate(documents):
        yield Document(
            document.id,
            document.text,
            tuple(entities.get(number, ())),
            words[number],
            tuple(tags[limits[number] : limits[number + 1]]),
            {**document.metadata, **scheme},
        )


def _tags(ids: Ids, read: Bools, limits: Ids, label_set: LabelSet) -> list[str]:
    """The tags of all words; those without a piece get what their neighbours leave."""
    tags: list[str] = np.array(label_set.tags, object)[ids].tolist()
    gaps = np.searchsorted(limits, np.flatnonzero(~read), side="right") - 1
    for number in np.unique(gaps).tolist():
        own = slice(*limits[number : number + 2].tolist())
        tags[own] = tagged(ids[own], read[own], label_set).tags
    return tags


def _entities(
    documents: Sequence[Document],
    words: Sequence[tuple[Word, ...]],
    predicted: Words,
    ids: Ids,
    label_set: LabelSet,
) -> dict[int, list[Entity]]:
    """The entities of every document that has some, by its number.

    A score is the mean of the probabilities of the entity's tags.
    """
    probs, limits, is_read = predicted
    at = np.flatnonzero(is_read)
    chosen = probs[at, ids[at]]
    # Sums of so few digits are exact, whatever stands around.
    sums = np.append(0.0, chosen.cumsum(dtype=np.float64))
    firsts, ends = spans_of(ids[at], np.searchsorted(at, limits), label_set)
    scores = ((sums[ends] - sums[firsts]) / (ends - firsts)).astype(np.float32)
    first_words, last_words = at[firsts], at[ends - 1]
    labels = tag_parts(label_set).labels[ids[first_words]]
    owners = np.searchsorted(limits, first_words, side="right") - 1
    starts = limits[owners]
    columns = (owners, first_words - starts, last_words - starts, labels, scores)
    found: dict[int, list[Entity]] = {}
    for owner, first, last, label, score in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        own, text = words[owner], documents[owner].text
        start, end = trimmed(text, own[first].start, own[last].end)
        if start < end:
            entity = Entity(start, end, label_set.labels[label], score=score)
            found.setdefault(owner, []).append(entity)
    return found
