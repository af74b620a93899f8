"""Dropout whose random numbers cost next to nothing."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="tfner")
class Dropout(keras.layers.Layer):
    """Zero a share of the input in training and scale up the rest.

    It acts as `keras.layers.Dropout`, but a hash of the position and of Keras' seed
    state decides which units are dropped. A generator of the quality that backends
    offer takes a good part of a training step on a CPU, which
    `benchmarks/speed/dropout.py` measures; a mask needs no such quality.

    Args:
        rate: share of units that are dropped, 0 <= rate < 1. 0 costs nothing.
        seed: of the `SeedGenerator`; a random one if None.

    Raises:
        ValueError: `rate` is out of range.

    Source: the mixing steps are those of `lowbias32`, C. Wellons, "Prospecting for
    hash functions", 2018.
    """

    def __init__(self, rate: float, *, seed: int | None = None, **kwargs: Any) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be 0 <= rate < 1. Received: rate={rate}")
        super().__init__(**kwargs)
        self.rate, self.seed = rate, seed
        if rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any = None) -> None:
        """Do nothing: there are no weights."""

    def draw(self) -> Any:
        """Draw the seed of a call, with which it can be made again; None at rate 0."""
        return self.seed_generator.next() if self.rate else None

    def call(self, inputs: Any, training: Any = None, seed: Any = None) -> Any:
        """Return the input, in training with units dropped.

        Args:
            inputs: tensor of any shape.
            training: whether units are dropped.
            seed: from `draw`; drawn here if None.
        """
        if not training or self.rate == 0:
            return inputs
        bits = random_bits(ops.shape(inputs), self.draw() if seed is None else seed)
        kept = bits >= uint32(round(self.rate * 2**32))
        return ops.where(kept, inputs * (1 / (1 - self.rate)), 0.0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the output: that of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def random_bits(shape: Any, seed: Any) -> Any:
    """Random numbers of 32 bits, one for every position.

    Args:
        shape: of the result; its parts may be tensors.
        seed: two integers. The first shifts the sequence, the second changes it midway,
            so that two seeds never give the same sequence shifted.

    Returns:
        uint32 tensor.
    """
    seed = ops.cast(seed, "uint32")
    start, change = _mix(seed[0]), _mix(seed[0] + _mix(seed[1]))
    bits = ops.cast(ops.arange(math.prod(shape), dtype="int32"), "uint32")  # flat
    bits = bits * uint32(0x9E3779B9) + (start ^ seed[1])
    return ops.reshape(_mix(bits, change), shape)


def _mix(bits: Any, change: Any = None) -> Any:
    bits = (bits ^ ops.right_shift(bits, uint32(16))) * uint32(0x7FEB352D)
    if change is not None:
        bits = bits ^ change
    bits = (bits ^ ops.right_shift(bits, uint32(15))) * uint32(0x846CA68B)
    return bits ^ ops.right_shift(bits, uint32(16))


def uint32(number: int) -> Any:
    """A number as a tensor, modulo 2^32."""
    return ops.convert_to_tensor(np.uint32(number % 2**32))
