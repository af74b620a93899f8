"""The graph of a served model of span extraction.

    input_ids, input_mask, segment_ids    int32    (-1, max_length)

    serving_default
    start_probs, end_probs                float32  (-1, -1)

    spans
    rows, starts, ends                    int32    (-1)
    scores                                float32  (-1)

A row is `[CLS] query [SEP] context [SEP]`, its `segment_ids` 0 up to the first `[SEP]`
and 1 from there. Columns are pieces, up to the batch's longest row; probabilities of
the query, of padding and of rows that cannot be read (see `rows`) are 0. `spans` gives
the predicted spans alone, each with its row, its first and its last piece: in place of
scores of all pairs, which would be a megabyte a row of 512 pieces. They are spans of
pieces: `SpanExtraction.decode` passes over those that begin or end within a word, or
hold the last `[SEP]`. A row that cannot be read has one span, from -1 to -1, of score
0, behind all others.

`serving_fixed` and `serving_dynamic` are to `serving_default` what those of a tagger
are to its.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfner.data.features import (
    ATTENTION_MASK,
    ENCODER_INPUTS,
    INPUT_IDS,
    TOKEN_TYPE_IDS,
    from_wire,
    to_wire,
)
from tfner_export.saved_model.rows import (
    Limits,
    fitted,
    readable,
    tables,
    with_mask,
)
from tfner_export.saved_model.signatures import (
    FIXED,
    SERVING,
    row_specs,
    signatures,
    trim_pieces,
    widened,
    write,
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
        limits, length = Limits.of(source), serving.max_length
        # The variables alone, as in `TaggerModule`.
        self.weights = [variable.value for variable in model.variables]
        specs = row_specs(ENCODER_INPUTS, length)

        def run(features: Mapping[str, Any]) -> tuple[dict[str, Any], Any, Any]:
            """Outputs of the model, pieces of contexts (B, S), rows unread (B, 1)."""
            inputs, unread = readable(from_wire(features), limits)
            if serving.trimmed:
                inputs = trim_pieces(inputs)
            outputs = model.predictions(model(inputs, training=False))
            real = inputs[ATTENTION_MASK.name] > 0
            return outputs, real & (inputs[TOKEN_TYPE_IDS.name] == 1), unread

        @tf.function(input_signature=[specs])
        def borders(features: Mapping[str, Any]) -> dict[str, Any]:
            outputs, context, _ = run(features)
            return {
                name: tf.where(context, outputs[name], 0.0)
                for name in ("start_probs", "end_probs")
            }

        def answer(features: Mapping[str, Any]) -> dict[str, Any]:
            rows = tf.shape(features[INPUT_IDS.wire])[0]
            found = borders(fitted(features, length))
            return {name: probs[:rows] for name, probs in found.items()}

        def serve(features: Mapping[str, Any]) -> dict[str, Any]:
            return answer(tables(features))

        def default(**features: Any) -> Any:
            return self.serve(features)

        def fixed(**features: Any) -> Any:
            found = answer(tables(features))
            return {n: widened(probs, length, fill=0.0) for n, probs in found.items()}

        def dynamic(**features: Any) -> Any:
            masked = with_mask(from_wire(tables(features)), limits)
            return answer(to_wire(masked))

        def spans(**features: Any) -> Any:
            # The row that stands for none can be read, and has no context.
            outputs, _, unread = run(fitted(tables(features), length))
            lost = tf.cast(tf.where(unread[:, 0]), tf.int32)  # (N, 1)
            nowhere = tf.pad(lost, [[0, 0], [0, 2]], constant_values=-1)
            places = tf.concat([outputs["spans"], nowhere], axis=0)
            rows, starts, ends = tf.unstack(places, axis=1)
            scores = tf.pad(outputs["scores"], [[0, tf.shape(lost)[0]]])
            return {"rows": rows, "starts": starts, "ends": ends, "scores": scores}

        self.serve = tf.function(serve, input_signature=[specs])
        self._signatures = signatures(
            {SERVING: default, FIXED: fixed, SPANS: spans},
            specs,
            dynamic=None if limits.end_id is None else dynamic,
        )

    def write(self, directory: str) -> list[str]:
        """Write the SavedModel; returns the names of its signatures."""
        return write(self, directory, self._signatures)
