"""What an exported model of span extraction computes.

    input_ids, input_mask, segment_ids    int32    (-1, max_length)

    serving_default
    start_probs, end_probs                float32  (-1, -1)

    spans
    rows, starts, ends                    int32    (-1)
    scores                                float32  (-1)

A row is `[CLS] query [SEP] context [SEP]`, its `segment_ids` 0 up to the first `[SEP]`
and 1 from there. Columns are pieces, up to the batch's longest row; probabilities of
the query and of padding are 0. `spans` gives the answers alone, each with its row, its
first and its last piece: in place of scores of all pairs, which would be a megabyte a
row of 512 pieces. Its answers are of pieces: `SpanExtraction.decode` passes over those
that begin or end within a word, or hold the last `[SEP]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfner.data.features import (
    ATTENTION_MASK,
    ENCODER_INPUTS,
    TOKEN_TYPE_IDS,
    from_wire,
)
from tfner_export.saved_model.signatures import SERVING, trim_pieces

if TYPE_CHECKING:
    import keras

SPANS = "spans"


class Answerer(tf.Module):
    """A Keras model of span extraction as the SavedModel format can hold it.

    Args:
        model: a `SpanExtractor`.
        max_length: pieces of a row in the signatures.
        trimmed: compute no further than the batch's longest row.

    Attributes:
        serve: takes one dict of the inputs, for `keras.layers.TFSMLayer` and Python.
    """

    def __init__(
        self, model: keras.Model, *, max_length: int, trimmed: bool = True
    ) -> None:
        super().__init__(name="answerer")
        # The variables alone, as in `Tagger`.
        self.weights = [variable.value for variable in model.variables]
        specs = {
            feature.wire: tf.TensorSpec([None, max_length], tf.int32, feature.wire)
            for feature in ENCODER_INPUTS
        }

        def run(features: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
            inputs = from_wire(features)
            if trimmed:
                inputs = trim_pieces(inputs)
            outputs = model.predictions(model(inputs, training=False))
            real = inputs[ATTENTION_MASK.name] > 0
            return outputs, real & (inputs[TOKEN_TYPE_IDS.name] == 1)

        def serve(features: Mapping[str, Any]) -> dict[str, Any]:
            outputs, context = run(features)
            return {
                name: tf.where(context, outputs[name], 0.0)
                for name in ("start_probs", "end_probs")
            }

        def serving_default(**features: Any) -> Any:
            return self.serve(features)

        def answers(**features: Any) -> Any:
            outputs, _ = run(features)
            rows, starts, ends = tf.unstack(outputs["spans"], axis=1)
            return {
                "rows": rows,
                "starts": starts,
                "ends": ends,
                "scores": outputs["scores"],
            }

        self.serve = tf.function(serve, input_signature=[specs])
        self._signatures = {
            name: tf.function(function).get_concrete_function(**specs)
            for name, function in ((SERVING, serving_default), (SPANS, answers))
        }

    def write(self, directory: str) -> list[str]:
        """Write the SavedModel; returns the names of its signatures."""
        tf.saved_model.save(self, directory, signatures=self._signatures)
        return list(self._signatures)
