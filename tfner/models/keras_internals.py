"""The parts of Keras that models use though they are not public, all of them.

`setup.cfg` bounds the version of Keras for their sake. What a new version has changed,
`tests/models/test_keras_internals.py` tells.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras


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
