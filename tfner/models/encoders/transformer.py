"""One transformer layer, normalised after each half, over flattened rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from tfner.models.encoders.activations import activation_named
from tfner.models.encoders.layer import EncoderLayer, Seeds

Part = Callable[[tuple[Any, ...], tuple[Any, ...]], Any]
"""A function of tensors whose gradients are wanted, and of others, between products."""


@keras.saving.register_keras_serializable(package="tfner")
class TransformerLayer(EncoderLayer):
    """Self-attention and feed-forward, each added to its input and normalised.

    Args:
        **kwargs: those of `EncoderLayer`.

    Source: Vaswani et al. 2017, section 3.1, as in BERT (Devlin et al. 2019).
    """

    compiled_parts: Mapping[str, Part] | None = None
    """What `parts` gives, compiled, by which training computes the layer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        width = self.settings["hidden_size"]
        activation = activation_named(self.settings["activation"])
        self.query_key_value = self._dense(3 * width, "query_key_value")
        self.attention_output = self._dense(width, "attention_output")
        self.attention_norm = self._norm("attention_norm")
        self.intermediate = self._dense(
            self.settings["intermediate_size"], "intermediate", activation=activation
        )
        self.output_dense = self._dense(width, "output_dense")
        self.output_norm = self._norm("output_norm")
        self._make_dropouts()

    def build(self, input_shape: Any = None) -> None:
        """Create the weights; no shape is needed."""
        rows = (None, self.settings["hidden_size"])
        self.query_key_value.build(rows)
        self.attention_output.build(rows)
        self.attention_norm.build(rows)
        self.intermediate.build(rows)
        self.output_dense.build((None, self.settings["intermediate_size"]))
        self.output_norm.build(rows)

    def call(
        self,
        rows: Any,
        bias: Any,
        learnt: Any = None,
        fixed: Any = None,
        training: Any = None,
        seeds: Seeds = (None, None, None),
    ) -> Any:
        """Attend and feed forward.

        Args:
            rows: (B * S, H).
            bias: (B, 1, S, S) float32, added to the attention scores.
            learnt: (1, A, S, S), added, too; None if there is no such thing. A
                subclass may take something else.
            fixed: None; a subclass may take something that depends on positions.
            training: whether dropout is on.
            seeds: from `draw`; drawn here where they are None.

        Returns:
            (B * S, H).
        """
        if training and self.compiled_parts is not None:
            return self._call_in_parts(self.compiled_parts, rows, bias, learnt)
        attended = self._attend(
            rows, bias, learnt, fixed, training=training, seed=seeds[0]
        )
        attended = self.attention_output(attended)
        attended = self.attention_dropout(attended, training=training, seed=seeds[1])
        rows = self.attention_norm(rows + attended)
        changed = self.output_dense(self.intermediate(rows))  # (B * S, H)
        changed = self.output_dropout(changed, training=training, seed=seeds[2])
        return self.output_norm(rows + changed)

    def _attend(
        self, rows: Any, bias: Any, learnt: Any, fixed: Any, *, training: Any, seed: Any
    ) -> Any:
        """Let pieces attend to each other: (B * S, H) to (B * S, H).

        Args:
            rows: as in `call`.
            bias: as in `call`.
            learnt: as in `call`.
            fixed: as in `call`.
            training: as in `call`.
            seed: of the dropout of attention probabilities; drawn if None.
        """
        projected = self.query_key_value(rows)
        return self._mix(projected, bias, learnt, fixed, training=training, seed=seed)

    def _mix(
        self,
        projected: Any,
        bias: Any,
        learnt: Any,
        fixed: Any,
        *,
        training: Any,
        seed: Any,
    ) -> Any:
        """Values weighted by attention, of queries, keys and values (B * S, 3 H)."""
        batch, _, length, _ = ops.shape(bias)
        # A heads, each of H / A numbers.
        heads = (batch, length, 3, self.num_heads, self.head_size)
        split = ops.transpose(  # (3, B, A, S, H / A)
            ops.reshape(projected, heads), (2, 0, 3, 1, 4)
        )
        return attended_values(
            self._scores(split[0], split[1], learnt, fixed) + bias,
            split[2],
            lambda weights: self.weights_dropout(weights, training=training, seed=seed),
        )

    def parts(self) -> dict[str, Part]:
        """Give the functions between the layer's products, but for the activation."""

        def attend(learnt: Any, fixed: Any) -> Any:
            projected, offset, *added = learnt
            bias, seed = fixed
            # XLA on a CPU does not vectorise the gradient of the split in bfloat16.
            total = ops.cast(projected, "float32") + ops.cast(offset, "float32")
            more = added[0] if added else None
            mixed = self._mix(total, bias, more, None, training=True, seed=seed)
            return ops.cast(mixed, projected.dtype)

        def add(learnt: Any, fixed: Any) -> Any:
            rows, changed, offset, *norm = learnt
            changed = changed + ops.cast(offset, changed.dtype)
            changed = self.output_dropout(changed, training=True, seed=fixed[0])
            return self.output_norm.stateless_call(norm, [], rows + changed)[0]

        return {"attend": attend, "add": add}

    def _call_in_parts(
        self, parts: Mapping[str, Part], rows: Any, bias: Any, learnt: Any
    ) -> Any:
        """Compute what `call` does in training, with what lies between its products."""

        def product(dense: keras.layers.Dense, rows: Any) -> tuple[Any, Any]:
            kernel = ops.cast(dense.kernel, rows.dtype)
            return ops.matmul(rows, kernel), dense.bias

        weights_seed, *seeds = self.draw()
        added = () if learnt is None else (learnt,)
        projected = product(self.query_key_value, rows)
        attended = parts["attend"]((*projected, *added), (bias, weights_seed))
        attended = product(self.attention_output, attended)
        norm = self.attention_norm.trainable_variables
        rows = parts["add"]((rows, *attended, *norm), (seeds[0],))
        inner = parts["activate"](product(self.intermediate, rows), ())
        changed = product(self.output_dense, inner)
        norm = self.output_norm.trainable_variables
        return parts["add"]((rows, *changed, *norm), (seeds[1],))

    def _scores(self, query: Any, key: Any, learnt: Any, fixed: Any) -> Any:
        """Attention scores (B, A, S, S) float32 of queries and keys.

        Args:
            query: (B, A, S, H / A).
            key: (B, A, S, H / A).
            learnt: as in `call`.
            fixed: as in `call`.
        """
        # The query is scaled, not the scores: those could overflow in float16.
        scores = ops.matmul(query * self.head_size**-0.5, ops.swapaxes(key, -1, -2))
        scores = ops.cast(scores, "float32")
        return scores if learnt is None else scores + ops.cast(learnt, "float32")


def attended_values(scores: Any, value: Any, drop: Callable[[Any], Any]) -> Any:
    """Values weighted by attention, all heads side by side: (B * S, H).

    Args:
        scores: (B, A, S, S) float32, of pieces not to be attended to very low.
        value: (B, A, S, H / A).
        drop: dropout of attention probabilities.
    """
    weights = ops.cast(ops.softmax(scores, axis=-1), value.dtype)
    context = ops.matmul(drop(weights), value)
    _, heads, _, size = context.shape
    return ops.reshape(ops.transpose(context, (0, 2, 1, 3)), (-1, heads * size))
