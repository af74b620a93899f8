"""The dense layer between an encoder and a tagger's last layer."""

from __future__ import annotations

from typing import Any

import keras

from tfner.models.encoders.activations import activation_named
from tfner.models.encoders.norms import new_norm


@keras.saving.register_keras_serializable(package="tfner")
class PredictionHead(keras.layers.Layer):
    """A dense layer with an activation, normalised: what ModernBERT's heads begin with.

    Args:
        width: H.
        activation: see `activation_named`.
        bias: whether the dense layer adds one.
        norm: kind of the normalisation; see `new_norm`.
        epsilon: small number that the normalisation adds to the variance.
        initializer_range: standard deviation of new weights.

    Source: transformers models/modernbert, `ModernBertPredictionHead`.
    """

    def __init__(
        self,
        *,
        width: int,
        activation: str,
        bias: bool,
        norm: str,
        epsilon: float,
        initializer_range: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {
            "width": width,
            "activation": activation,
            "bias": bias,
            "norm": norm,
            "epsilon": epsilon,
            "initializer_range": initializer_range,
        }
        self.dense = keras.layers.Dense(
            width,
            activation=activation_named(activation),
            use_bias=bias,
            kernel_initializer=keras.initializers.TruncatedNormal(
                stddev=initializer_range
            ),
            dtype=self.dtype_policy,
            name="dense",
        )
        self.norm = new_norm(
            norm, epsilon=epsilon, dtype=self.dtype_policy, name="norm"
        )

    def build(self, input_shape: Any = None) -> None:
        """Create the weights; no shape is needed."""
        self.dense.build((None, self.settings["width"]))
        self.norm.build((None, self.settings["width"]))

    def call(self, vectors: Any) -> Any:
        """Transform vectors (..., H)."""
        return self.norm(self.dense(vectors))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the output: that of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self.settings}
