"""The numbers that a model computes in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Let Keras make layers of a dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def scaled_loss(
    optimizer: keras.optimizers.Optimizer, policy: str, *, first_scale: float
) -> keras.optimizers.Optimizer:
    """Keep small gradients from vanishing in float16, where the policy needs it.

    Args:
        optimizer: applies the gradients.
        policy: dtype policy of the model.
        first_scale: of the loss; it adapts to the run.
    """
    if policy != "mixed_float16":
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=first_scale)
