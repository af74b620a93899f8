"""The base of transformer layers: their settings, products, norms and dropouts."""

from __future__ import annotations

from typing import Any

import keras

from tfner.models.dropout import Dropout
from tfner.models.encoders.norms import new_norm

Seeds = tuple[Any, ...]


class EncoderLayer(keras.layers.Layer):
    """The base of transformer layers of all kinds, over flattened rows.

    Rows stay flattened to (N, H), N = B * S, outside the attention products: two
    plain matrix products are what CPU, GPU and TPU all do fastest.

    A subclass makes its parts in its constructor, with `_make_dropouts` last, builds
    them in `build` and computes rows (N, H) of rows in `call`.

    Args:
        hidden_size: H, a multiple of `num_heads`.
        num_heads: attention heads.
        intermediate_size: width of the feed-forward half.
        activation: of the feed-forward half; see `activation_named`.
        epsilon: small number that the normalisations add to the variance.
        hidden_dropout: rate on the output of each half.
        attention_dropout: rate on attention probabilities.
        initializer_range: standard deviation of new weights.
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

    def _make_dropouts(self) -> None:
        policy, rate = self.dtype_policy, self.settings["hidden_dropout"]
        self.weights_dropout = Dropout(self.settings["attention_dropout"], dtype=policy)
        self.attention_dropout = Dropout(rate, dtype=policy)
        self.output_dropout = Dropout(rate, dtype=policy)

    def _new_weights(self) -> keras.initializers.Initializer:
        deviation = self.settings["initializer_range"]
        return keras.initializers.TruncatedNormal(stddev=deviation)

    def _dense(self, units: int, name: str, **settings: Any) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            kernel_initializer=self._new_weights(),
            dtype=self.dtype_policy,
            name=name,
            **settings,
        )

    def _norm(self, name: str, kind: str = "layer") -> Any:
        epsilon, policy = self.settings["epsilon"], self.dtype_policy
        return new_norm(kind, epsilon=epsilon, dtype=policy, name=name)

    def draw(self) -> Seeds:
        """Draw the seeds of one call's dropouts, with which it can be made again."""
        return (
            self.weights_dropout.draw(),
            self.attention_dropout.draw(),
            self.output_dropout.draw(),
        )

    def compute_output_shape(self, input_shape: Any, *_: Any) -> Any:
        """Shape of the output: that of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self.settings}
