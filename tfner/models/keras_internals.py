"""The parts of Keras that models use though they are not public, all of them.

`setup.cfg` bounds the version of Keras for their sake. What a new version has changed,
`tests/models/test_keras_internals.py` tells.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
from keras.src.backend.common import global_state
from keras.src.backend.common.variables import initialize_all_variables

WAITING = "uninitialized_variables"
"""Where Keras keeps the weights that it has not given room to."""


def all_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """A layer or model and all layers within, which `Model.layers` leaves out.

    Their order decides which dropout gets which random numbers.
    """
    layers: list[keras.layers.Layer] = layer._flatten_layers()
    return layers


@contextlib.contextmanager
def open_to_weights(layer: keras.layers.Layer) -> Iterator[None]:
    """Let a layer that is built get more weights, within."""
    layer._tracker.unlock()
    try:
        yield
    finally:
        layer._tracker.lock()


@contextlib.contextmanager
def shapes_first() -> Iterator[None]:
    """Give weights that are made within their shapes alone, and room at the end.

    What is raised within leaves them without: a model that is checked there, before its
    weights have room, may ask for any size.
    """
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
        initialize_all_variables()
    finally:
        global_state.set_global_attribute(WAITING, [])


def without_room() -> list[keras.Variable]:
    """The weights that `shapes_first` will give room to, of whatever layer."""
    return list(global_state.get_global_attribute(WAITING, []))
