"""The operators of the layers that encoders and heads are made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tfner.engines.onnx_graph.graph import Graph, Tensor
from tfner.errors import ConfigError, unknown


def values_of(weight: Any) -> np.ndarray:
    """The float32 values of a Keras variable or tensor."""
    from keras import ops

    return np.asarray(ops.convert_to_numpy(weight), np.float32)


def weight(graph: Graph, variable: Any) -> Tensor:
    """A Keras variable as a constant that has its name."""
    return graph.constant(values_of(variable), getattr(variable, "path", "weight"))


def gelu(inputs: Tensor) -> Tensor:
    """The exact GELU, in the form that engines know as one operator."""
    graph = inputs.graph
    return (inputs * 0.5) * (graph.op("Erf", inputs / math.sqrt(2)) + 1.0)


def gelu_tanh(inputs: Tensor) -> Tensor:
    """The approximation of GELU by tanh."""
    cubed = inputs * inputs * inputs
    inner = (inputs + cubed * 0.044715) * math.sqrt(2 / math.pi)
    return inputs * (inputs.graph.op("Tanh", inner) + 1.0) * 0.5


def silu(inputs: Tensor) -> Tensor:
    """The product of each number and its sigmoid."""
    return inputs * inputs.graph.op("Sigmoid", inputs)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "linear": lambda inputs: inputs,
    "relu": lambda inputs: inputs.graph.op("Relu", inputs),
    "silu": silu,
    "swish": silu,
    "tanh": lambda inputs: inputs.graph.op("Tanh", inputs),
}
"""By the names that the settings of encoders have."""


def activation(name: str | None) -> Callable[[Tensor], Tensor]:
    """The operators of an activation; None changes nothing.

    Raises:
        ConfigError: none are known for it.
    """
    name = name or "linear"
    if name not in ACTIVATIONS:
        raise ConfigError(
            f"an ONNX graph cannot be made: {unknown('activation', name, ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]


def dense(layer: Any, inputs: Tensor) -> Tensor:
    """A `keras.layers.Dense` without its activation: (…, I) to (…, O)."""
    product = inputs @ weight(inputs.graph, layer.kernel)
    if layer.bias is None:
        return product
    return product + weight(inputs.graph, layer.bias)


def norm(layer: Any, inputs: Tensor) -> Tensor:
    """A normalisation of `tfner.models.encoders.norms`; None changes nothing."""
    if layer is None:
        return inputs
    if type(layer).__name__ == "RMSNormalization":
        return _rms_norm(layer, inputs)
    operands = [inputs, weight(inputs.graph, layer.gamma)]
    if layer.beta is not None:
        operands.append(weight(inputs.graph, layer.beta))
    return inputs.graph.op(
        "LayerNormalization", *operands, axis=-1, epsilon=layer.epsilon
    )


def _rms_norm(layer: Any, inputs: Tensor) -> Tensor:
    """A `keras.layers.RMSNormalization`, which has an operator since version 23."""
    graph = inputs.graph
    square = graph.op("ReduceMean", inputs * inputs, np.array([-1]))
    size = graph.op("Sqrt", square + float(layer.epsilon))
    return inputs / size * weight(graph, layer.scale)
