"""Graphs in LiteRT's format, made of those in ONNX by TensorFlow's converter.

TensorFlow's own graph of a Keras model has operators that LiteRT lacks, such as `Erfc`
in place of GELU. So every operator of the graph in ONNX becomes the operators of
TensorFlow that the converter knows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from operator import add, gt, mul, sub
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfner.engines.onnx_graph.graph import BOOL, FLOAT, INT32, INT64
from tfner.errors import ConfigError
from tfner.storage.remote import quiet_tensorflow

if TYPE_CHECKING:
    import onnx

KINDS = {FLOAT: tf.float32, INT32: tf.int32, INT64: tf.int32, BOOL: tf.bool}
"""Number formats by those of ONNX; there are no shapes of 64 bits here."""


def convert(model: onnx.ModelProto, *, int8: bool = False) -> bytes:
    """Make a graph of LiteRT's own operators, with a signature of the same names.

    Args:
        model: from `tfner.engines.onnx_graph.build`.
        int8: whether kernels and embeddings become int8, activations as they come.

    Raises:
        ConfigError: LiteRT has no operator for a part of the graph.
    """
    check(model)
    names = [value.name for value in model.graph.input]
    specs = {name: tf.TensorSpec([None, None], tf.int32, name) for name in names}
    function = tf.function(
        lambda **inputs: run(model, inputs), autograph=False, reduce_retracing=True
    ).get_concrete_function(**specs)
    with tempfile.TemporaryDirectory() as folder, quiet_tensorflow():
        tf.saved_model.save(tf.Module(), folder, signatures=function)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        found: bytes = converter.convert()
    return found


def check(model: onnx.ModelProto) -> None:
    """Refuse a graph that LiteRT has no operators for.

    Raises:
        ConfigError: it has none.
    """
    lacking = sorted({node.op_type for node in model.graph.node} - set(OPERATORS))
    if lacking:
        raise ConfigError(
            "LiteRT has no operator for a part of the model: a CRF, or the largest "
            f"values of a word's pieces ({', '.join(lacking)} in ONNX). ONNX Runtime "
            "and OpenVINO have them."
        )


def run(model: onnx.ModelProto, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Compute a graph in ONNX by TensorFlow's operators.

    Args:
        model: from `tfner.engines.onnx_graph.build`.
        inputs: tensors by name.

    Returns:
        Its outputs, by name.
    """
    from onnx import helper, numpy_helper

    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    known: dict[str, Any] = {**constants, **inputs}
    for node in model.graph.node:
        settings = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        operands = [known[name] for name in node.input]
        known[node.output[0]] = OPERATORS[node.op_type](*operands, **settings)
    return {output.name: known[output.name] for output in model.graph.output}


def _numbers(places: Any) -> Any:
    """A shape or places of 32 bits, as numbers where they are known."""
    if isinstance(places, np.ndarray):
        return [int(np.clip(place, -(2**31), 2**31 - 1)) for place in places]
    return tf.cast(places, tf.int32)


def _reshape(values: Any, shape: Any) -> Any:
    shape, kept = _numbers(shape), tf.shape(values)
    if isinstance(shape, list):
        shape = [kept[axis] if size == 0 else size for axis, size in enumerate(shape)]
    else:
        axes = shape.shape[0]
        kept = tf.concat([kept, tf.ones(axes, tf.int32)], 0)[:axes]
        shape = tf.where(tf.equal(shape, 0), kept, shape)
    return tf.reshape(values, shape)


def _concat(*parts: Any, axis: int) -> Any:
    is_shape = any(getattr(part, "dtype", None) == np.int64 for part in parts)
    return tf.concat([_numbers(p) for p in parts] if is_shape else parts, axis)


def _expand(values: Any, axes: Any) -> Any:
    for axis in sorted(_numbers(axes)):
        values = tf.expand_dims(values, axis)
    return values


def _matmul(rows: Any, kernel: Any) -> Any:
    """A product; with a kernel, of rows put end to end, which LiteRT can quantize."""
    if not isinstance(kernel, np.ndarray):
        return tf.matmul(rows, kernel)
    flat = tf.matmul(tf.reshape(rows, [-1, kernel.shape[0]]), kernel)
    sizes = [tf.shape(rows)[axis] for axis in range(rows.shape.rank - 1)]
    return tf.reshape(flat, [*sizes, kernel.shape[1]])


def _divide(values: Any, by: Any) -> Any:
    # The converter knows GELU by a product.
    return values * np.float32(1 / by) if isinstance(by, np.ndarray) else values / by


def _layer_norm(
    values: Any, scale: Any, shift: Any = 0.0, *, axis: int, epsilon: float
) -> Any:
    centred = values - tf.reduce_mean(values, axis, keepdims=True)
    variance = tf.reduce_mean(centred * centred, axis, keepdims=True)
    return centred * tf.math.rsqrt(variance + epsilon) * scale + shift


def _slice(values: Any, start: Any, end: Any, axis: Any) -> Any:
    (number,), (begin,), (stop,) = (
        _numbers(places) if isinstance(places, np.ndarray) else tf.unstack(places)
        for places in (axis, start, end)
    )
    places = [slice(None)] * number + [slice(begin, stop)]
    return values[tuple(places)]


def _pad(values: Any, counts: Any) -> Any:
    return tf.pad(values, np.reshape(counts, (2, -1)).T.tolist())


def _where_true(booleans: Any) -> Any:
    return tf.transpose(tf.cast(tf.where(booleans), tf.int32))


def _reduce(kind: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(values: Any, axes: Any, keepdims: int = 1) -> Any:
        return kind(values, _numbers(axes), keepdims=bool(keepdims))

    return reduce


def _shape(values: Any, start: int = 0, end: int | None = None) -> Any:
    return tf.shape(values)[start:end]


OPERATORS: dict[str, Callable[..., Any]] = {
    "Abs": tf.abs,
    "Add": add,
    "And": tf.logical_and,
    "Cast": lambda values, to: tf.cast(values, KINDS[to]),
    "Clip": tf.clip_by_value,
    "Concat": _concat,
    "Cos": tf.cos,
    "Div": _divide,
    "Equal": tf.equal,
    "Erf": tf.math.erf,
    "Exp": tf.exp,
    "Gather": tf.gather,
    "GatherND": tf.gather_nd,
    "Greater": gt,
    "LayerNormalization": _layer_norm,
    "MatMul": _matmul,
    "Max": tf.maximum,
    "Min": tf.minimum,
    "Mul": mul,
    "Neg": tf.negative,
    "NonZero": _where_true,
    "Not": tf.logical_not,
    "Or": tf.logical_or,
    "Pad": _pad,
    "Range": tf.range,
    "ReduceMax": _reduce(tf.reduce_max),
    "ReduceMean": _reduce(tf.reduce_mean),
    "ReduceMin": _reduce(tf.reduce_min),
    "ReduceSum": _reduce(tf.reduce_sum),
    "Relu": tf.nn.relu,
    "Reshape": _reshape,
    "Shape": _shape,
    "Sigmoid": tf.sigmoid,
    "Sin": tf.sin,
    "Slice": _slice,
    "Softmax": lambda values, axis: tf.nn.softmax(values, axis),
    "Softplus": lambda values: -tf.math.log(tf.sigmoid(-values)),
    "Sqrt": tf.sqrt,
    "Squeeze": lambda values, axes: tf.squeeze(values, _numbers(axes)),
    "Sub": sub,
    "Tanh": tf.tanh,
    "Transpose": lambda values, perm: tf.transpose(values, perm),
    "Unsqueeze": _expand,
    "Where": tf.where,
}
"""Operators of TensorFlow that do what those of ONNX do, as the graphs use them."""
