"""Parts of Keras and TensorFlow that are used though they are not public, all of them.

`setup.cfg` bounds the version of Keras for their sake. What a new version has changed,
`tests/training/test_keras_internals.py` tells.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

import keras

FIXED_IN_KERAS = (3, 16)
"""Keras before this version cannot average the scalars of several workers."""


def schedule_of(optimizer: keras.optimizers.Optimizer) -> Any:
    """The schedule of the learning rate, of which `learning_rate` is one value."""
    return getattr(optimizer, "inner_optimizer", optimizer)._learning_rate


def index_of(optimizer: keras.optimizers.Optimizer, variable: Any) -> int:
    """The place of a variable among those that an optimizer was built for.

    `update_step` gets TensorFlow's variables, under a strategy those of a replica.
    """
    return int(optimizer._get_variable_index(variable))


def moments_of(optimizer: keras.optimizers.Adam, variable: Any) -> tuple[Any, Any]:
    """First and second moment of a weight, as TensorFlow's variables."""
    number = index_of(optimizer, variable)
    return optimizer._momentums[number].value, optimizer._velocities[number].value


def moving_averages(optimizer: keras.optimizers.Optimizer) -> list[Any]:
    """Moving averages of the weights, in order; none without `use_ema`."""
    return getattr(optimizer, "_model_variables_moving_average", [])


@contextlib.contextmanager
def averages_of_workers() -> Iterator[None]:
    """Let Keras average, within, what several workers log.

    Keras 3.15 averages over axis 0, which scalars do not have.
    """
    import tensorflow as tf
    from keras.src.backend.tensorflow import trainer

    if tuple(int(n) for n in keras.__version__.split(".")[:2]) >= FIXED_IN_KERAS:
        yield
        return
    original = trainer.reduce_per_replica

    def mean(values: Any, strategy: Any, reduction: str) -> Any:
        del reduction  # fit asks for "auto", which is the mean
        return tf.nest.map_structure(
            lambda value: strategy.reduce("MEAN", value, axis=None), values
        )

    trainer.reduce_per_replica = mean
    try:
        yield
    finally:
        trainer.reduce_per_replica = original


@contextlib.contextmanager
def freed_afterwards() -> Iterator[None]:
    """Let the graphs and models that are made within be freed when nobody needs them.

    Keras remembers what it has made, and TensorFlow for ever the graph of every train
    step, by the gradient of the `all_reduce` that Keras' optimizers begin with.
    """
    from tensorflow.python.framework import ops

    gradients: dict[str, Any] = ops.gradient_registry._registry
    before = set(gradients)
    try:
        yield
    finally:
        for name in gradients.keys() - before:
            if name.startswith("CustomGradient-"):
                del gradients[name]
        keras.utils.clear_session()
        gc.collect()
