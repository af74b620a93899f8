"""The graph of a served tagger, with the interface of google-research/electra's.

    input_ids, input_mask, segment_ids, labeled_positions    int32    (-1, max_length)
    word_lengths, of a tagger that pools pieces              int32    (-1, max_length)
    <task>_predictions                                       int64    (-1, -1)
    <task>_probs                                             float32  (-1, -1, T)

Output columns are the words of the batch's longest row. Past a row's last word stand
the id of `O` and a probability of 1 for it; at the words of a row that cannot be read
(see `rows`) the id of `O` and probabilities of 0. Predictions are decoded as the
model's own decoder does it, argmax or Viterbi, window by window.

`serving_fixed` gives outputs of `max_length` columns; `serving_dynamic` takes rows of
any width without `input_mask`; `tags` gives the tags as strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfner.data.features import (
    ATTENTION_MASK,
    ENCODER_INPUTS,
    INPUT_IDS,
    LABELED_POSITIONS,
    WORD_INPUTS,
    from_wire,
    known_in_serving,
    to_wire,
)
from tfner.models.heads.crf import chains_of
from tfner_export.saved_model.releases import make_portable
from tfner_export.saved_model.rows import (
    Limits,
    fitted,
    readable,
    tables,
    with_mask,
)
from tfner_export.saved_model.text_signature import text_signatures
from tfner_export.saved_model.viterbi import graph_viterbi

if TYPE_CHECKING:
    from tfner.data.features import Feature
    from tfner_export.exporter import Source

SERVING = "serving_default"
FIXED = "serving_fixed"
DYNAMIC = "serving_dynamic"
TAGS = "tags"
STEP = 16
"""Rows are cut to a multiple of this many pieces: few shapes, little padding."""


class TaggerModule(tf.Module):
    """A Keras tagger as the SavedModel format can hold it, every weight once.

    Args:
        source: its model goes from features to logits (B, W, T), its task has the T
            tags and, for Viterbi, the transitions that are allowed.

    Attributes:
        serve: takes one dict of the inputs, for `keras.layers.TFSMLayer` and Python.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(name="tagger")
        length, name = source.serving.max_length, source.serving.task_name
        tags, outside = _tags_of(source)
        limits = Limits.of(source)
        # The variables alone: a tracked Keras model cannot be found again by the
        # loader that servers use, or would be stored twice.
        self.weights = [variable.value for variable in source.model.variables]
        inputs = known_in_serving(source.bundle.task.features)
        specs = row_specs(inputs, length)
        # Traced once for all signatures.
        tag = tf.function(_tagging(source, limits), input_signature=[specs])

        def answer(features: Mapping[str, Any]) -> tuple[Any, Any]:
            rows = tf.shape(features[INPUT_IDS.wire])[0]
            ids, probs = tag(fitted(features, length))
            return ids[:rows], probs[:rows]

        def named(ids: Any, probs: Any) -> dict[str, Any]:
            return {f"{name}_predictions": ids, f"{name}_probs": probs}

        def serve(features: Mapping[str, Any]) -> dict[str, Any]:
            return named(*answer(tables(features)))

        def default(**features: Any) -> Any:
            return self.serve(features)

        def fixed(**features: Any) -> Any:
            ids, probs = answer(tables(features))
            only_outside = tf.one_hot(outside, len(tags), dtype=probs.dtype)
            ids = widened(ids, length, fill=outside)
            return named(ids, widened(probs, length, fill=only_outside))

        def dynamic(**features: Any) -> Any:
            masked = with_mask(from_wire(tables(features)), limits)
            return named(*answer(to_wire(masked)))

        def as_tags(**features: Any) -> Any:
            ids, _ = answer(tables(features))
            return {f"{name}_tags": tf.gather(tf.constant(list(tags)), ids)}

        self.serve = tf.function(serve, input_signature=[specs])
        self._signatures = signatures(
            {SERVING: default, FIXED: fixed, TAGS: as_tags},
            specs,
            dynamic=None if limits.end_id is None else dynamic,
        ) | text_signatures(source)

    def write(self, directory: str) -> list[str]:
        """Write the SavedModel; returns the names of its signatures."""
        return write(self, directory, self._signatures)


def _tags_of(source: Source) -> tuple[tuple[str, ...], int]:
    labels = source.bundle.task.label_set
    return tuple(labels.tags), labels.outside_id


def _tagging(source: Source, limits: Limits) -> Callable[..., tuple[Any, Any]]:
    """Make the function from rows on the wire to tags (B, W) and probs (B, W, T)."""
    model, steps = source.model, source.bundle.task.steps
    tags, outside_id = _tags_of(source)

    def tag(features: Mapping[str, Any]) -> tuple[Any, Any]:
        features = from_wire(features)
        inputs, unread = readable(features, limits)
        sent = features[LABELED_POSITIONS.name] != 0
        words = columns(sent)
        # Heads and decoders take one column or more, as encoders take rows.
        sent = sent[:, : tf.maximum(words, 1)]
        inputs = trim_words(inputs, tf.shape(sent)[1])
        if source.serving.trimmed:
            inputs |= trim_pieces(inputs)
        is_word = inputs[LABELED_POSITIONS.name] > 0
        probs = tf.nn.softmax(model(inputs, training=False))  # (B, W, T)
        outside = tf.one_hot(outside_id, len(tags), dtype=probs.dtype)
        probs = tf.where(is_word[..., tf.newaxis], probs, outside)
        if steps is None:
            ids = tf.argmax(probs, -1, tf.int64)
        else:
            chains = tf.where(is_word, chains_of(inputs), 0)
            ids = graph_viterbi(probs, steps, chains=chains, outside=outside_id)
        probs = tf.where((sent & unread)[..., tf.newaxis], 0.0, probs)
        return ids[:, :words], probs[:, :words]

    return tag


def row_specs(inputs: Iterable[Feature], length: int | None) -> dict[str, Any]:
    """One int32 tensor (-1, length) for each feature, by its name on the wire."""
    return {f.wire: tf.TensorSpec([None, length], tf.int32, f.wire) for f in inputs}


def signatures(
    functions: Mapping[str, Callable[..., Any]],
    specs: Mapping[str, Any],
    *,
    dynamic: Callable[..., Any] | None,
) -> dict[str, Any]:
    """Make the signatures of functions that take tensors by name.

    Args:
        functions: take what `specs` name.
        specs: by their names on the wire.
        dynamic: takes the same but the mask, of any width; None to leave it out.
    """
    taken = [(name, function, specs) for name, function in functions.items()]
    if dynamic is not None:
        free = {
            name: tf.TensorSpec([None, None], spec.dtype, name)
            for name, spec in specs.items()
            if name != ATTENTION_MASK.wire
        }
        taken.insert(1, (DYNAMIC, dynamic, free))
    return {
        name: tf.function(function).get_concrete_function(**inputs)
        for name, function, inputs in taken
    }


def write(module: tf.Module, directory: str, functions: Mapping[str, Any]) -> list[str]:
    """Write a SavedModel that servers old and new run.

    Args:
        module: holds the variables.
        directory: a new one.
        functions: concrete functions by the names of their signatures.

    Returns:
        The names of the signatures.
    """
    tf.saved_model.save(module, directory, signatures=functions)
    make_portable(Path(directory))
    return list(functions)


def trim_words(features: Mapping[str, Any], words: Any) -> dict[str, Any]:
    """Cut what has a column for each word (B, W) behind the first `words`."""
    return {
        name: values[:, :words] if name in WORD_INPUTS else values
        for name, values in features.items()
    }


def trim_pieces(features: Mapping[str, Any]) -> dict[str, Any]:
    """Cut the inputs of an encoder behind the batch's longest row.

    Args:
        features: `input_ids`, `attention_mask`, `token_type_ids` (B, S).

    Returns:
        The three, S rounded up to a multiple of 16.
    """
    mask = features[ATTENTION_MASK.name]
    longest = tf.maximum(columns(mask > 0), 1)
    length = tf.minimum(-(-longest // STEP) * STEP, tf.shape(mask)[1])
    return {f.name: features[f.name][:, :length] for f in ENCODER_INPUTS}


def columns(filled: Any) -> Any:
    """Columns of booleans (B, N) up to the last that is true in a row; 0 for none."""
    numbers = tf.range(1, tf.shape(filled)[1] + 1)
    return tf.maximum(tf.reduce_max(tf.where(filled, numbers, 0)), 0)


def widened(values: Any, length: int, *, fill: Any) -> Any:
    """Fill outputs up to a width that does not depend on the rows.

    Args:
        values: (B, W, ...).
        length: columns of the result, W or more.
        fill: (...), the value of a column.

    Returns:
        (B, length, ...).
    """
    rows, width = tf.unstack(tf.shape(values)[:2])
    inner = values.shape[2:]
    shape = [rows, length - width, *inner]
    more = tf.broadcast_to(tf.cast(fill, values.dtype), shape)
    return tf.ensure_shape(tf.concat([values, more], 1), [None, length, *inner])
