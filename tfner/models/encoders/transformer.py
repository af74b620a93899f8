"""One transformer layer, normalised after each half, over flattened rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tfner.models.dropout import Dropout
from tfner.models.encoders.activations import activation_named


@keras.saving.register_keras_serializable(package="tfner")
class TransformerLayer(keras.layers.Layer):
    """Self-attention and feed-forward, each added to its input and normalised.

    Rows stay flattened to (N, H), N = B * S, outside the attention products: two
    plain matrix products are what CPU, GPU and TPU all do fastest.

    Args:
        hidden_size: H, a multiple of `num_heads`.
        num_heads: attention heads.
        intermediate_size: width of the feed-forward half.
        activation: between its two products; see `activation_named`.
        epsilon: small number that the normalisations add to the variance.
        hidden_dropout: rate on the output of each half.
        attention_dropout: rate on attention probabilities.
        initializer_range: standard deviation of new weights.

    Source: Vaswani et al. 2017, section 3.1, as in BERT (Devlin et al. 2019).
    """

    def __init__(
        self,
        *,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        activation: str,
        epsilon: float,
        hidden_dropout: float,
        attention_dropout: float,
        initializer_range: float,
        **kwargs: Any,
    ) -> None:
        # Without autocast the bias stays float32: in float16 it would be infinite.
        super().__init__(autocast=False, **kwargs)
        self.settings: dict[str, Any] = {
            "hidden_size": hidden_size,
            "num_heads": num_heads,
            "intermediate_size": intermediate_size,
            "activation": activation,
            "epsilon": epsilon,
            "hidden_dropout": hidden_dropout,
            "attention_dropout": attention_dropout,
            "initializer_range": initializer_range,
        }
        self.num_heads = num_heads
        self.head_size = hidden_size // num_heads
        policy = self.dtype_policy

        def dense(units: int, name: str, **settings: Any) -> keras.layers.Dense:
            init = keras.initializers.TruncatedNormal(stddev=initializer_range)
            return keras.layers.Dense(
                units, kernel_initializer=init, dtype=policy, name=name, **settings
            )

        def norm(name: str) -> keras.layers.LayerNormalization:
            return keras.layers.LayerNormalization(
                epsilon=epsilon, dtype=policy, name=name
            )

        self.query_key_value = dense(3 * hidden_size, "query_key_value")
        self.attention_output = dense(hidden_size, "attention_output")
        self.attention_norm = norm("attention_norm")
        self.intermediate = dense(
            intermediate_size, "intermediate", activation=activation_named(activation)
        )
        self.output_dense = dense(hidden_size, "output_dense")
        self.output_norm = norm("output_norm")
        self.weights_dropout = Dropout(attention_dropout, dtype=policy)
        self.attention_dropout = Dropout(hidden_dropout, dtype=policy)
        self.output_dropout = Dropout(hidden_dropout, dtype=policy)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights; no shape is needed."""
        rows = (None, self.settings["hidden_size"])
        self.query_key_value.build(rows)
        self.attention_output.build(rows)
        self.attention_norm.build(rows)
        self.intermediate.build(rows)
        self.output_dense.build((None, self.settings["intermediate_size"]))
        self.output_norm.build(rows)

    def draw(self) -> tuple[Any, Any, Any]:
        """Draw the seeds of one call's dropouts, with which it can be made again."""
        return (
            self.weights_dropout.draw(),
            self.attention_dropout.draw(),
            self.output_dropout.draw(),
        )

    def call(
        self,
        rows: Any,
        bias: Any,
        learnt: Any = None,
        fixed: Any = None,
        training: Any = None,
        seeds: tuple[Any, Any, Any] = (None, None, None),
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
        batch, _, length, _ = ops.shape(bias)
        # A heads, each of H / A numbers.
        heads = (batch, length, 3, self.num_heads, self.head_size)
        split = ops.transpose(  # (3, B, A, S, H / A)
            ops.reshape(self.query_key_value(rows), heads), (2, 0, 3, 1, 4)
        )
        return attended_values(
            self._scores(split[0], split[1], learnt, fixed) + bias,
            split[2],
            lambda weights: self.weights_dropout(weights, training=training, seed=seed),
        )

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

    def compute_output_shape(self, input_shape: Any, *_: Any) -> Any:
        """Shape of the output: that of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self.settings}


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
