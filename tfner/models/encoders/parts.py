"""Encoders made of some pieces of another one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfner.errors import ConfigError


def with_pieces(encoder: keras.Model, ids: Any) -> keras.Model:
    """An encoder with some rows of another one's table of pieces, in a new order.

    Args:
        encoder: built, of a class in `ENCODERS`; it is not changed.
        ids: (V',) the rows.

    Raises:
        ConfigError: it is of another class.
    """
    new = resized(encoder, vocab_size=len(ids))
    for old, mine in zip(encoder.weights, new.weights, strict=True):
        array = keras.ops.convert_to_numpy(old)
        mine.assign(array if old.shape == mine.shape else array[np.asarray(ids)])
    return new


def resized(encoder: keras.Model, **sizes: int) -> keras.Model:
    """A new encoder like another one but for some sizes, built, with random weights.

    Args:
        encoder: of a class in `ENCODERS`.
        **sizes: arguments of its constructor.

    Raises:
        ConfigError: it is of another class.
    """
    from tfner.models.encoders import ENCODERS
    from tfner.models.encoders.interface import output_shape

    if type(encoder) not in ENCODERS.values():
        raise ConfigError(
            "encoders of tfner's own can be made smaller. Received: "
            f"encoder={type(encoder).__name__}"
        )
    kind: Any = type(encoder)
    new: keras.Model = kind.from_config({**encoder.get_config(), **sizes})
    output_shape(new)
    return new
