"""The graph of a served model of span extraction.

    input_ids, input_mask, segment_ids    int32    (-1, max_length)

    serving_default
    start_probs, end_probs                float32  (-1, -1)

    spans
    rows, starts, ends                    int32    (-1)
    scores                                float32  (-1)

A row is `[CLS] query [SEP] context [SEP]`, its `segment_ids` 0 up to the first `[SEP]`
and 1 from there. Columns are pieces, up to the batch's longest row; probabilities of
the query and of padding are 0. `spans` gives the predicted spans alone, each with its
row, its first and its last piece: in place of scores of all pairs, which would be a
megabyte a row of 512 pieces. They are spans of pieces: `SpanExtraction.decode` passes
over those that begin or end within a word, or hold the last `[SEP]`.
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
from tfner_export.saved_model.signatures import (
    SERVING,
    concrete,
    row_specs,
    trim_pieces,
)

if TYPE_CHECKING:
    from tfner_export.exporter import Source

SPANS = "spans"


class SpanModule(tf.Module):
    """A Keras model of span extraction as the SavedModel format can hold it.

    Args:
        source: its model is a `SpanExtractor`.

    Attributes:
        serve: takes one dict of the inputs, for `keras.layers.TFSMLayer` and Python.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(name="spans")
        model, serving = source.model, source.serving
        # The variables alone, as in `TaggerModule`.
        self.weights = [variable.value for variable in model.variables]
        specs = row_specs(ENCODER_INPUTS, serving)

        def run(features: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
            inputs = from_wire(features)
            if serving.trimmed:
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

        def spans(**features: Any) -> Any:
            outputs, _ = run(features)
            rows, starts, ends = tf.unstack(outputs["spans"], axis=1)
            return {
                "rows": rows,
                "starts": starts,
                "ends": ends,
                "scores": outputs["scores"],
            }

        self.serve = tf.function(serve, input_signature=[specs])
        functions = {SERVING: serving_default, SPANS: spans}
        self._signatures = concrete(functions, specs)

    def write(self, directory: str) -> list[str]:
        """Write the SavedModel; returns the names of its signatures."""
        tf.saved_model.save(self, directory, signatures=self._signatures)
        return list(self._signatures)
