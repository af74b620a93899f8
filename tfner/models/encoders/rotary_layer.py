"""A transformer layer that turns queries and keys by their positions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfner.models.encoders.activations import activation_named
from tfner.models.encoders.layer import EncoderLayer, Seeds
from tfner.models.encoders.transformer import attended_values


@keras.saving.register_keras_serializable(package="tfner")
class RotaryLayer(EncoderLayer):
    """Self-attention with rotary positions, and a gated feed-forward half.

    Args:
        num_key_value_heads: of which several queries share one; divides `num_heads`.
        norm: kind of the normalisations; see `new_norm`.
        norm_first: whether halves are normalised before, not after, they are added.
        first_norm: whether the input of attention is normalised, if `norm_first`.
        attention_bias: whether products of attention add a bias.
        feed_forward_bias: whether those of the feed-forward half do.
        **kwargs: those of `EncoderLayer`; `activation` is that of the gate.

    Source: Su et al. 2021, "RoFormer"; Shazeer 2020, "GLU Variants Improve
    Transformer"; Ainslie et al. 2023, "GQA".
    """

    def __init__(
        self,
        *,
        num_key_value_heads: int,
        norm: str,
        norm_first: bool,
        first_norm: bool,
        attention_bias: bool,
        feed_forward_bias: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings |= {
            "num_key_value_heads": num_key_value_heads,
            "norm": norm,
            "norm_first": norm_first,
            "first_norm": first_norm,
            "attention_bias": attention_bias,
            "feed_forward_bias": feed_forward_bias,
        }
        self.num_key_value_heads, self.norm_first = num_key_value_heads, norm_first
        self.activation = activation_named(self.settings["activation"])
        self._make_attention()
        width, inner = (
            self.settings[name] for name in ("hidden_size", "intermediate_size")
        )
        bias = {"use_bias": feed_forward_bias}
        self.intermediate = self._dense(2 * inner, "intermediate", **bias)
        self.output_dense = self._dense(width, "output_dense", **bias)
        self.output_norm = self._norm("output_norm", norm)
        self._make_dropouts()

    def _make_attention(self) -> None:
        """Make the products of attention: one for all, or keys and values apart."""
        width = self.settings["hidden_size"]
        bias = {"use_bias": self.settings["attention_bias"]}
        self.query_key_value = self.query = self.key_value = None
        if self.num_key_value_heads == self.num_heads:
            self.query_key_value = self._dense(3 * width, "query_key_value", **bias)
        else:
            self.query = self._dense(width, "query", **bias)
            pairs = 2 * self.num_key_value_heads * self.head_size
            self.key_value = self._dense(pairs, "key_value", **bias)
        self.attention_output = self._dense(width, "attention_output", **bias)
        norm = self.settings["norm"] if self.settings["first_norm"] else "none"
        self.attention_norm = self._norm("attention_norm", norm)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights; no shape is needed."""
        rows = (None, self.settings["hidden_size"])
        parts = (
            *(self.query_key_value, self.query, self.key_value, self.attention_output),
            *(self.attention_norm, self.intermediate, self.output_norm),
        )
        for part in parts:
            if part is not None:
                part.build(rows)
        self.output_dense.build((None, self.settings["intermediate_size"]))

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
            learnt: None.
            fixed: cosines and sines of positions, (B, 1, S, H / A / 2) float32 each.
            training: whether dropout is on.
            seeds: from `draw`; drawn here where they are None.

        Returns:
            (B * S, H).
        """

        def attend(rows: Any) -> Any:
            found = self._attend(rows, bias, fixed, training=training, seed=seeds[0])
            return self.attention_dropout(found, training=training, seed=seeds[1])

        def feed(rows: Any) -> Any:
            gate, value = ops.split(self.intermediate(rows), 2, axis=-1)
            found = self.output_dense(self.activation(gate) * value)
            return self.output_dropout(found, training=training, seed=seeds[2])

        if self.norm_first:
            first = self.attention_norm
            rows = rows + attend(rows if first is None else first(rows))
            return rows + feed(self.output_norm(rows))
        rows = self.attention_norm(rows + attend(rows))
        return self.output_norm(rows + feed(rows))

    def _attend(
        self, rows: Any, bias: Any, turns: Any, *, training: Any, seed: Any
    ) -> Any:
        batch, _, length, _ = ops.shape(bias)
        query, key, value = self._heads(rows, batch, length)
        # The query is scaled, not the scores: those could overflow in float16.
        query = turned(query, *turns) * self.head_size**-0.5
        scores = ops.matmul(query, ops.swapaxes(turned(key, *turns), -1, -2))
        values = attended_values(
            ops.cast(scores, "float32") + bias,
            value,
            lambda weights: self.weights_dropout(weights, training=training, seed=seed),
        )
        return self.attention_output(values)

    def _heads(self, rows: Any, batch: Any, length: Any) -> list[Any]:
        """Queries, keys and values of all heads, (B, A, S, H / A) each."""

        def by_head(product: keras.layers.Dense, parts: int, heads: int) -> list[Any]:
            shape = (batch, length, parts, heads, self.head_size)
            split = ops.transpose(
                ops.reshape(product(rows), shape), (2, 0, 3, 1, 4)
            )  # (parts, B, heads, S, H / A)
            return [split[number] for number in range(parts)]

        if self.query_key_value is not None:
            return by_head(self.query_key_value, 3, self.num_heads)
        pairs = by_head(self.key_value, 2, self.num_key_value_heads)
        times = self.num_heads // self.num_key_value_heads
        pairs = [ops.repeat(part, times, axis=1) for part in pairs]
        return [*by_head(self.query, 1, self.num_heads), *pairs]


def turns_of(positions: Any, *, size: int, theta: float) -> tuple[Any, Any]:
    """Cosines and sines by which the halves of a head are turned.

    Args:
        positions: (B, S) integers.
        size: of a head, H / A.
        theta: base of the wave lengths.

    Returns:
        (B, 1, S, H / A / 2) float32 each.
    """
    powers = ops.arange(0, size, 2, dtype="float32") / size
    rates = 1.0 / ops.power(ops.cast(theta, "float32"), powers)
    at = ops.expand_dims(ops.cast(positions, "float32"), -1)
    angles = ops.expand_dims(at * rates, 1)
    return ops.cos(angles), ops.sin(angles)


def turned(heads: Any, cosines: Any, sines: Any) -> Any:
    """Queries or keys turned by their positions, in float32 on the way.

    Args:
        heads: (B, A, S, H / A).
        cosines: from `turns_of`.
        sines: from `turns_of`.
    """
    first, second = ops.split(ops.cast(heads, "float32"), 2, axis=-1)
    turned_first = first * cosines - second * sines
    turned_second = second * cosines + first * sines
    return ops.cast(
        ops.concatenate([turned_first, turned_second], axis=-1), heads.dtype
    )
