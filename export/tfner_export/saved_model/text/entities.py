"""Probabilities of words to entities as a graph, as `TokenClassification` decodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfner.schemes import OUTSIDE, split_tag
from tfner_export.saved_model.text.jumps import ahead, behind, changes, places
from tfner_export.saved_model.text.rows import Predictions, pack
from tfner_export.saved_model.viterbi import graph_viterbi

if TYPE_CHECKING:
    from tfner.schemes import LabelSet
    from tfner.tasks.decoding import Steps

BEGINS, CLOSES = ("B", "S", "U"), ("E", "L", "S", "U")
"""Prefixes at which an entity begins, and after which it ends, in whatever scheme."""


class Entities(NamedTuple):
    """The entities of a batch, in order: four (E,).

    Args:
        starts: the first word of each.
        ends: the last word of each.
        labels: numbers in the label set.
        scores: mean probability of the tags.
    """

    starts: Any
    ends: Any
    labels: Any
    scores: Any


def decode(
    found: Predictions, texts: Any, label_set: LabelSet, steps: Steps | None
) -> Entities:
    """Read entities off the probabilities of words.

    Args:
        found: the words that have a prediction.
        texts: (L,) the text of each.
        label_set: has the T tags.
        steps: which may follow which, for Viterbi.
    """
    first = changes(texts)
    tags = tf.argmax(found.probs, 1, tf.int32)
    if steps is not None:
        tags = _allowed(tags, found.probs, first, steps, label_set.outside_id)
    scores = tf.gather(found.probs, tags, batch_dims=1)
    labels, begins, closes = _tables(label_set)
    label = tf.gather(labels, tags)
    inside = label > 0
    goes_on = (label == behind(label)) & ~behind(tf.gather(closes, tags), False)
    opens = inside & ~(goes_on & ~first & ~tf.gather(begins, tags))
    ends = inside & ~ahead(inside & ~opens, False)
    number = tf.cumsum(tf.cast(opens, tf.int32)) - 1
    of_entities = tf.boolean_mask(number, inside)
    return Entities(
        tf.boolean_mask(found.words, opens),
        tf.boolean_mask(found.words, ends),
        tf.boolean_mask(label, opens) - 1,
        tf.math.segment_mean(tf.boolean_mask(scores, inside), of_entities),
    )


def _tables(label_set: LabelSet) -> tuple[Any, Any, Any]:
    """Of every tag its label's number plus one, or 0; whether it begins, and closes."""
    pairs = [split_tag(tag) for tag in label_set.tags]
    labels = [
        0 if prefix == OUTSIDE else 1 + label_set.labels.index(label)
        for prefix, label in pairs
    ]
    return (
        np.array(labels, np.int32),
        np.array([prefix in BEGINS for prefix, _ in pairs]),
        np.array([prefix in CLOSES for prefix, _ in pairs]),
    )


def _allowed(tags: Any, probs: Any, first: Any, steps: Steps, outside: int) -> Any:
    """The likeliest allowed tags (L,) of every text.

    They are each word's likeliest ones wherever these are allowed. Other texts alone go
    through Viterbi, which takes one word after the other.

    Args:
        tags: (L,) the likeliest.
        probs: (L, T).
        first: (L,) where texts begin.
        steps: (T, T).
        outside: id of O.
    """
    last = ahead(first, True)
    before = tf.where(first, outside, behind(tags))
    table = tf.constant(steps)
    fine = tf.gather_nd(table, tf.stack([before, tags], 1))
    fine &= ~last | tf.gather(table[:, outside], tags)
    text = tf.cumsum(tf.cast(first, tf.int32)) - 1
    num_texts = tf.reduce_sum(tf.cast(first, tf.int32))
    wrong = tf.math.unsorted_segment_max(tf.cast(~fine, tf.int32), text, num_texts)
    decoded = places(tf.gather(wrong, text) > 0)

    def repaired() -> Any:
        here, starts = tf.gather(probs, decoded), tf.gather(first, decoded)
        paths = _paths(here, starts, steps, outside)
        return tf.tensor_scatter_nd_update(tags, decoded[:, tf.newaxis], paths)

    return tf.cond(tf.size(decoded) > 0, repaired, lambda: tags)


def _paths(probs: Any, first: Any, steps: Steps, outside: int) -> Any:
    """Viterbi's tags (K,) for texts behind each other, laid out in equal rows."""
    heads = places(first)
    lengths = ahead(heads, tf.shape(first)[0]) - heads
    begins, head = pack(lengths, tf.fill(tf.shape(lengths), tf.reduce_max(lengths)))
    rows = tf.cumsum(tf.cast(begins, tf.int32)) - 1
    text = tf.cumsum(tf.cast(first, tf.int32)) - 1
    number = tf.range(tf.shape(heads)[0]) - head + 1  # of a text in its row

    def dense(values: Any) -> Any:
        row = tf.gather(rows, text)
        ragged = tf.RaggedTensor.from_value_rowids(values, row, validate=False)
        return ragged.to_tensor()

    chains = dense(tf.gather(number, text))
    paths = graph_viterbi(dense(probs), steps, chains=chains, outside=outside)
    return tf.cast(tf.boolean_mask(paths, chains > 0), tf.int32)
