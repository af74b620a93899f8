"""Steps on a CPU of which XLA compiles some parts alone, once for all layers.

TensorFlow's own kernels multiply matrices faster than XLA on a CPU, and update a weight
in one pass; XLA computes what lies between two products faster than TensorFlow. A part
is compiled once for all layers of an encoder, where a step that is compiled as a whole
holds it once a layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfner.models.encoders.transformer import Part
from tfner.training.keras_internals import moments_of
from tfner.training.optimizers import AdamW


def compiled(function: Part) -> Part:
    """Compile a function of tensors, and its gradient.

    The gradient computes the function again, of which so nothing but its arguments is
    kept: much less to write and to read than what lies between.

    Args:
        function: of a tuple of tensors whose gradients are wanted, and of a tuple of
            others, or of None; returns a tensor.
    """
    forward = tf.function(function, jit_compile=True, autograph=False)

    @tf.function(jit_compile=True, autograph=False)
    def backward(learnt: tuple[Any, ...], fixed: tuple[Any, ...], upstream: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(learnt)
            found = function(learnt, fixed)
        return tape.gradient(
            found, learnt, output_gradients=upstream, unconnected_gradients="zero"
        )

    def call(learnt: tuple[Any, ...], fixed: tuple[Any, ...]) -> Any:
        @tf.custom_gradient
        def run(*learnt: Any) -> Any:
            return forward(learnt, fixed), lambda g: backward(learnt, fixed, g)

        return run(*map(tf.convert_to_tensor, learnt))

    return call


def elementwise(function: Callable[[Any], Any]) -> Part:
    """Compile a function of every number of a sum, and its gradient.

    The slope is computed with the function, which is much of the same work, and kept.
    Both are computed in float32: in shorter numbers XLA would go over all of them, and
    round, once for every operation.

    Args:
        function: of a tensor, number by number.

    Returns:
        The function of rows (N, H) and an offset (H,), of which it takes the sum.
    """

    @tf.function(jit_compile=True, autograph=False)
    def forward(rows: Any, offset: Any) -> Any:
        total = tf.cast(rows, tf.float32) + tf.cast(offset, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(total)
            found = function(total)
        slope = tape.gradient(found, total)
        return tf.cast(found, rows.dtype), tf.cast(slope, rows.dtype)

    @tf.function(jit_compile=True, autograph=False)
    def backward(slope: Any, offset: Any, upstream: Any) -> Any:
        found = tf.cast(slope, tf.float32) * tf.cast(upstream, tf.float32)
        total = tf.reduce_sum(found, axis=0)
        return tf.cast(found, upstream.dtype), tf.cast(total, offset.dtype)

    @tf.custom_gradient
    def run(rows: Any, offset: Any) -> Any:
        found, slope = forward(rows, offset)
        return found, lambda upstream: backward(slope, offset, upstream)

    return lambda learnt, _: run(*map(tf.convert_to_tensor, learnt))


def adam_in_one_pass(optimizer: AdamW, gradient: Any, variable: Any, rate: Any) -> None:
    """Update a weight and its moments by one kernel of TensorFlow's.

    It computes what Keras' operations do one after the other, and is not compiled.

    Args:
        optimizer: built.
        gradient: of the weight.
        variable: the weight, one of TensorFlow's variables.
        rate: of the step.
    """
    first, second = moments_of(optimizer, variable)
    step = tf.cast(optimizer.iterations + 1, tf.float32)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=first.handle,
        v=second.handle,
        beta1_power=optimizer.beta_1**step,
        beta2_power=optimizer.beta_2**step,
        lr=rate,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        grad=gradient,
    )
