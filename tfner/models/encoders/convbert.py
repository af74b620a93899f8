"""The encoder of ConvBERT: half of every attention is a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
from keras import ops

from tfner.models.encoders.activations import activation_named
from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.stack import Around
from tfner.models.encoders.transformer import TransformerLayer, attended_values
from tfner.models.encoders.windows import neighbours


@keras.saving.register_keras_serializable(package="tfner")
class GroupedDense(keras.layers.Layer):
    """A dense layer whose input and output are cut into groups that do not mix.

    Args:
        units: width of the output, a multiple of `groups`.
        groups: parts of input and output.
        activation: see `activation_named`; None for none.
        initializer_range: standard deviation of new weights.
    """

    def __init__(
        self,
        units: int,
        *,
        groups: int,
        activation: str | None,
        initializer_range: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {
            "units": units,
            "groups": groups,
            "activation": activation,
            "initializer_range": initializer_range,
        }
        self.units, self.groups = units, groups
        self.activation = activation_named(activation)

    def build(self, input_shape: Any) -> None:
        """Create the weights of an input (…, W)."""
        width = input_shape[-1]
        deviation = self.settings["initializer_range"]
        # Axes in the reverse of PyTorch's order, as those of every kernel.
        self.kernel = self.add_weight(
            shape=(self.units // self.groups, width // self.groups, self.groups),
            initializer=keras.initializers.TruncatedNormal(stddev=deviation),
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(self.units,), initializer="zeros", name="bias"
        )

    def call(self, rows: Any) -> Any:
        """Multiply rows (N, W) group by group."""
        parts = ops.reshape(rows, (-1, self.groups, rows.shape[-1] // self.groups))
        found = ops.einsum("ngi,oig->ngo", parts, self.kernel)
        return self.activation(ops.reshape(found, (-1, self.units)) + self.bias)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Shape of the output, (N, units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self.settings}


@keras.saving.register_keras_serializable(package="tfner")
class ConvolutionalLayer(TransformerLayer):
    """A transformer layer with half of its heads' width from a dynamic convolution.

    Args:
        head_ratio: by which the heads are fewer than `num_heads`.
        kernel_size: odd number of pieces that the convolution sees.
        groups: of the products of the feed-forward half.
        **kwargs: those of `TransformerLayer`.

    Source: Jiang et al. 2020, "ConvBERT", section 3.2.
    """

    def __init__(
        self, *, head_ratio: int, kernel_size: int, groups: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.settings |= {"head_ratio": head_ratio, "kernel_size": kernel_size}
        self.settings["groups"] = groups
        width = self.settings["hidden_size"]
        self.kernel_size = kernel_size
        self.num_heads = max(1, self.num_heads // head_ratio)
        self.head_size = width // self.num_heads // 2
        self.half = self.num_heads * self.head_size
        self.query_key_value = self._dense(3 * self.half, "query_key_value")
        self.convolution_kernel = self._dense(
            self.num_heads * kernel_size, "convolution_kernel"
        )
        self.convolution_value = self._dense(self.half, "convolution_value")
        if groups > 1:
            inner, activation = (
                self.settings[name] for name in ("intermediate_size", "activation")
            )
            self.intermediate = self._grouped(inner, "intermediate", activation)
            self.output_dense = self._grouped(width, "output_dense", None)

    def _grouped(self, units: int, name: str, activation: str | None) -> GroupedDense:
        return GroupedDense(
            units,
            groups=self.settings["groups"],
            activation=activation,
            initializer_range=self.settings["initializer_range"],
            dtype=self.dtype_policy,
            name=name,
        )

    def build(self, input_shape: Any = None) -> None:
        """Create the weights; no shape is needed."""
        width, half, size = self.settings["hidden_size"], self.half, self.kernel_size
        super().build()
        self.convolution_kernel.build((None, half))
        self.convolution_value.build((None, width))
        init = self._new_weights()

        def weight(shape: tuple[int, ...], name: str, initializer: Any) -> Any:
            return self.add_weight(shape=shape, initializer=initializer, name=name)

        # As they are in files: a convolution of each number, then one of all numbers.
        self.depthwise = weight((width, 1, size), "depthwise", init)
        self.pointwise = weight((half, width, 1), "pointwise", init)
        self.shift = weight((half, 1), "shift", "zeros")

    def _attend(
        self, rows: Any, bias: Any, learnt: Any, fixed: Any, *, training: Any, seed: Any
    ) -> Any:
        """Let pieces attend to each other: (B * S, H) to (B * S, H).

        Args:
            rows: as in `call`.
            bias: as in `call`.
            learnt: None.
            fixed: (B, S), numbers of windows, as for `read_windows`.
            training: as in `call`.
            seed: of the dropout of attention probabilities; drawn if None.
        """
        batch, _, length, _ = ops.shape(bias)
        parts = ops.split(self.query_key_value(rows), 3, axis=-1)
        by_head = (batch, length, self.num_heads, self.head_size)
        query, key, value = (
            ops.transpose(ops.reshape(part, by_head), (0, 2, 1, 3)) for part in parts
        )
        attended = attended_values(
            self._scores(query, key, None, None) + bias,
            value,
            lambda weights: self.weights_dropout(weights, training=training, seed=seed),
        )
        convolved = self._convolve(rows, parts[0], fixed)
        return ops.concatenate([attended, convolved], axis=-1)

    def _convolve(self, rows: Any, query: Any, mask: Any) -> Any:
        """Sums over the pieces around each, by weights that depend on it: (N, H / 2).

        Args:
            rows: (B * S, H).
            query: (B * S, H / 2).
            mask: (B, S).
        """

        def around(vectors: Any) -> list[Any]:  # (B * S, …) each
            width = vectors.shape[-1]
            by_row = ops.reshape(vectors, (*ops.shape(mask), width))
            found = neighbours(by_row, mask, self.kernel_size)
            return [ops.reshape(part, (-1, width)) for part in found]

        depthwise, pointwise, shift = (
            ops.cast(weight, self.compute_dtype)
            for weight in (self.depthwise, self.pointwise, self.shift)
        )
        mixed = sum(
            part * depthwise[:, 0, number] for number, part in enumerate(around(rows))
        )
        key = ops.matmul(mixed, ops.transpose(pointwise[:, :, 0])) + shift[:, 0]
        kernels = self.convolution_kernel(key * query)  # (N, A * K)
        kernels = ops.reshape(kernels, (-1, self.num_heads, self.kernel_size))
        kernels = ops.softmax(ops.cast(kernels, "float32"), axis=-1)
        kernels = ops.cast(kernels, self.compute_dtype)
        shape = (-1, self.num_heads, self.head_size)
        values = around(self.convolution_value(rows))
        found = sum(
            ops.reshape(part, shape) * kernels[:, :, number : number + 1]
            for number, part in enumerate(values)
        )
        return ops.reshape(found, (-1, self.half))


@keras.saving.register_keras_serializable(package="tfner")
class ConvBertEncoder(Encoder):
    """A BERT whose layers also convolve, each piece by weights of its own.

    A convolution ends with the window. That of transformers goes on into padding, so
    that there the last pieces of a padded row are not those of the row by itself.

    Args:
        head_ratio: by which the heads are fewer than `num_heads`.
        kernel_size: odd number of pieces that a convolution sees.
        groups: of the products of the feed-forward halves; they divide both widths.
        **kwargs: those of `Encoder`.

    Raises:
        ValueError: the heads do not divide the width.
    """

    arguments: ClassVar[tuple[str, ...]] = (
        *Encoder.arguments,
        *("head_ratio", "kernel_size", "groups"),
    )

    def __init__(
        self,
        *,
        head_ratio: int = 2,
        kernel_size: int = 9,
        groups: int = 1,
        **kwargs: Any,
    ) -> None:
        self._convolution = {
            "head_ratio": head_ratio,
            "kernel_size": kernel_size,
            "groups": groups,
        }
        heads = max(1, kwargs["num_heads"] // head_ratio)
        if kwargs["hidden_size"] % (2 * heads):
            raise ValueError(
                "`hidden_size` must be a multiple of twice the heads that attend. "
                f"Received: hidden_size={kwargs['hidden_size']}, num_heads="
                f"{kwargs['num_heads']}, head_ratio={head_ratio}"
            )
        super().__init__(**kwargs)
        self.head_ratio, self.kernel_size = head_ratio, kernel_size
        self.groups = groups

    def _new_block(self, number: int) -> ConvolutionalLayer:
        return ConvolutionalLayer(**self._layer_settings(number), **self._convolution)

    def _around(self, inputs: Mapping[str, Any], positions: Any, bias: Any) -> Around:
        return Around(bias, fixed=ops.cast(inputs["attention_mask"], "int32"))
