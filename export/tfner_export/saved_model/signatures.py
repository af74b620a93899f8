"""The graph of a served tagger, with the interface of google-research/electra's.

    input_ids, input_mask, segment_ids, labeled_positions    int32    (-1, max_length)
    word_lengths, of a tagger that pools pieces              int32    (-1, max_length)
    <task>_predictions                                       int64    (-1, -1)
    <task>_probs                                             float32  (-1, -1, T)

Output columns are the words of the batch's longest row. Past a row's last word stand
the id of `O` and a probability of 1 for it. Predictions are decoded as the model's own
decoder does it, argmax or Viterbi, window by window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfner.data.features import (
    ATTENTION_MASK,
    ENCODER_INPUTS,
    LABELED_POSITIONS,
    WORD_INPUTS,
    WORD_LENGTHS,
    from_wire,
    known_in_serving,
)
from tfner.models.heads.crf import chains_of
from tfner_export.saved_model.text_signature import text_signatures
from tfner_export.saved_model.viterbi import graph_viterbi

if TYPE_CHECKING:
    from tfner.data.features import Feature
    from tfner_export.exporter import Serving, Source

SERVING = "serving_default"
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
        model, serving, task = source.model, source.serving, source.bundle.task
        tags, outside_id = task.label_set.tags, task.label_set.outside_id
        steps = task.steps
        # The variables alone: a tracked Keras model cannot be found again by the
        # loader that servers use, or would be stored twice.
        self.weights = [variable.value for variable in model.variables]
        specs = row_specs(known_in_serving(task.features), serving)

        def serve(features: Mapping[str, Any]) -> dict[str, Any]:
            inputs, is_word = trim(from_wire(features), pieces=serving.trimmed)
            probs = tf.nn.softmax(model(inputs, training=False))  # (B, W, T)
            outside = tf.one_hot(outside_id, len(tags), dtype=probs.dtype)
            probs = tf.where(is_word[..., tf.newaxis], probs, outside)
            if steps is None:
                ids = tf.argmax(probs, -1, tf.int64)
            else:
                chains = tf.where(is_word, chains_of(inputs), 0)
                ids = graph_viterbi(probs, steps, chains=chains, outside=outside_id)
            return {
                f"{serving.task_name}_predictions": ids,
                f"{serving.task_name}_probs": probs,
            }

        def serving_default(**features: Any) -> Any:
            return self.serve(features)

        def as_tags(**features: Any) -> Any:
            ids = self.serve(features)[f"{serving.task_name}_predictions"]
            names = tf.gather(tf.constant(list(tags)), ids)
            return {f"{serving.task_name}_tags": names}

        self.serve = tf.function(serve, input_signature=[specs])
        functions = {SERVING: serving_default, TAGS: as_tags}
        self._signatures = concrete(functions, specs) | text_signatures(source)

    def write(self, directory: str) -> list[str]:
        """Write the SavedModel; returns the names of its signatures."""
        tf.saved_model.save(self, directory, signatures=self._signatures)
        return list(self._signatures)


def row_specs(inputs: Iterable[Feature], serving: Serving) -> dict[str, Any]:
    """One int32 tensor (-1, max_length) for each feature, by its name on the wire."""
    shape = [None, serving.max_length]
    return {f.wire: tf.TensorSpec(shape, tf.int32, f.wire) for f in inputs}


def concrete(
    functions: Mapping[str, Callable[..., Any]], specs: Mapping[str, Any]
) -> dict[str, Any]:
    """The functions as signatures that take the tensors of `specs` by name."""
    return {
        name: tf.function(function).get_concrete_function(**specs)
        for name, function in functions.items()
    }


def trim(
    features: Mapping[str, Any], *, pieces: bool = True
) -> tuple[dict[str, Any], Any]:
    """Cut away what is padding in every row of a batch.

    Args:
        features: `input_ids`, `attention_mask`, `token_type_ids` (B, S), and
            `labeled_positions` (B, W), which is 0 past a row's last word; and perhaps
            `word_lengths` (B, W).
        pieces: cut S, too, and not W alone.

    Returns:
        The features, S rounded up to a multiple of 16; and a mask (B, W) of the
        columns that hold a word.
    """
    words = _columns(features[LABELED_POSITIONS.name])
    trimmed = {
        name: values[:, :words] if name in WORD_INPUTS else values
        for name, values in features.items()
    }
    positions = trimmed[LABELED_POSITIONS.name]
    if pieces:
        # A word outside the mask is a client's mistake, and no reason to fail.
        lengths = trimmed.get(WORD_LENGTHS.name, 1)
        last = tf.maximum(tf.reduce_max(positions + lengths), 1)
        trimmed |= trim_pieces(features, least=last)
    return trimmed, positions > 0


def trim_pieces(features: Mapping[str, Any], *, least: Any = 0) -> dict[str, Any]:
    """Cut the inputs of an encoder behind the batch's longest row.

    Args:
        features: `input_ids`, `attention_mask`, `token_type_ids` (B, S).
        least: columns that stay in any case.

    Returns:
        The three, S rounded up to a multiple of 16.
    """
    mask = features[ATTENTION_MASK.name]
    longest = tf.maximum(_columns(mask), least)
    length = tf.minimum(-(-longest // STEP) * STEP, tf.shape(mask)[1])
    return {f.name: features[f.name][:, :length] for f in ENCODER_INPUTS}


def _columns(values: Any) -> Any:
    """Columns up to the last that is not 0 in every row; 0 for an empty batch."""
    numbers = tf.range(1, tf.shape(values)[1] + 1)
    return tf.maximum(tf.reduce_max(tf.where(values != 0, numbers, 0)), 0)
