"""What an exported model computes: the interface of google-research/electra's tagger.

    input_ids, input_mask, segment_ids, labeled_positions    int32    (-1, max_length)
    <task>_predictions                                       int64    (-1, -1)
    <task>_probs                                             float32  (-1, -1, T)

Output columns are the words of the batch's longest row. Past a row's last word stand
the id of `O` and a probability of 1 for it. Predictions are decoded as the model's own
decoder does it, argmax or Viterbi, window by window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfner.data.features import (
    ATTENTION_MASK,
    ENCODER_INPUTS,
    LABELED_POSITIONS,
    TAGGER_INPUTS,
    from_wire,
)
from tfner.models.heads.crf import chains_of
from tfner_export.saved_model.viterbi import viterbi

if TYPE_CHECKING:
    import keras

    from tfner.tasks.decoding import Steps

SERVING = "serving_default"
TAGS = "tags"
STEP = 16
"""Rows are cut to a multiple of this many pieces: few shapes, little padding."""


class Tagger(tf.Module):
    """A Keras tagger as the SavedModel format can hold it, every weight once.

    Args:
        model: from features to logits (B, W, T).
        tags: T names in the order of their ids.
        outside_id: id of `O`.
        task_name: prefix of the outputs.
        max_length: pieces of a row in the signature.
        trimmed: compute no further than the batch's longest row. Outputs are the same.
        steps: (T, T) which tag may follow which, for Viterbi; None takes the argmax.

    Attributes:
        serve: takes one dict of the inputs, for `keras.layers.TFSMLayer` and Python.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        tags: Sequence[str],
        outside_id: int,
        task_name: str,
        max_length: int,
        trimmed: bool = True,
        steps: Steps | None = None,
    ) -> None:
        super().__init__(name="tagger")
        # The variables alone: a tracked Keras model cannot be found again by the
        # loader that servers use, or would be stored twice.
        self.weights = [variable.value for variable in model.variables]
        specs = {
            feature.wire: tf.TensorSpec([None, max_length], tf.int32, feature.wire)
            for feature in TAGGER_INPUTS
        }

        def serve(features: Mapping[str, Any]) -> dict[str, Any]:
            inputs, is_word = trim(from_wire(features), pieces=trimmed)
            probs = tf.nn.softmax(model(inputs, training=False))
            outside = tf.one_hot(outside_id, len(tags), dtype=probs.dtype)
            probs = tf.where(is_word[..., tf.newaxis], probs, outside)
            if steps is None:
                ids = tf.argmax(probs, -1, tf.int64)
            else:
                chains = tf.where(is_word, chains_of(inputs), 0)
                ids = viterbi(probs, steps, chains=chains, outside=outside_id)
            return {
                f"{task_name}_predictions": ids,
                f"{task_name}_probs": probs,
            }

        def serving_default(**features: Any) -> Any:
            return self.serve(features)

        def as_tags(**features: Any) -> Any:
            ids = self.serve(features)[f"{task_name}_predictions"]
            return {f"{task_name}_tags": tf.gather(tf.constant(list(tags)), ids)}

        self.serve = tf.function(serve, input_signature=[specs])
        self._signatures = {
            name: tf.function(function).get_concrete_function(**specs)
            for name, function in ((SERVING, serving_default), (TAGS, as_tags))
        }

    def write(self, directory: str) -> list[str]:
        """Write the SavedModel; returns the names of its signatures."""
        tf.saved_model.save(self, directory, signatures=self._signatures)
        return list(self._signatures)


def trim(
    features: Mapping[str, Any], *, pieces: bool = True
) -> tuple[dict[str, Any], Any]:
    """Cut away what is padding in every row of a batch.

    Args:
        features: `input_ids`, `attention_mask`, `token_type_ids` (B, S), and
            `labeled_positions` (B, W), which is 0 past a row's last word.
        pieces: whether S is cut, too, and not W alone.

    Returns:
        The features, S rounded up to a multiple of 16; and (B, W) whether a word
        stands there.
    """
    positions = features[LABELED_POSITIONS.name]
    words = _columns(positions)
    positions = positions[:, :words]
    trimmed = {**features, LABELED_POSITIONS.name: positions}
    if pieces:
        # A word outside the mask is a client's mistake, and no reason to fail.
        last_word = tf.maximum(tf.reduce_max(positions), 0) + 1
        trimmed |= trim_pieces(features, least=last_word)
    return trimmed, positions > 0


def trim_pieces(features: Mapping[str, Any], *, least: Any = 0) -> dict[str, Any]:
    """What an encoder takes, cut behind the batch's longest row.

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
