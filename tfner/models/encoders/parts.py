"""Encoders made of some pieces or layers of another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfner.errors import ConfigError
from tfner.models.encoders.interface import output_shape
from tfner.models.encoders.stack import UNEVEN


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


def renewed(encoder: keras.Model, **rates: float) -> keras.Model:
    """An encoder with the weights of another one that computes as Keras' policy says.

    Args:
        encoder: built, of a class in `ENCODERS`; it is not changed.
        **rates: of dropout, in place of its own.

    Raises:
        ConfigError: it is of another class.
    """
    new = resized(encoder, dtype=keras.config.dtype_policy(), **rates)
    new.set_weights(encoder.get_weights())
    return new


def with_layers(encoder: keras.Model, count: int, **rates: float) -> keras.Model:
    """An encoder with the embeddings and some layers of another one, evenly taken.

    The first and the last are among them, as in DistilBERT, which begins with layers
    0, 2, 4, 7, 9 and 11 of BERT's 12. It computes as Keras' policy says.

    Args:
        encoder: built, of a class in `ENCODERS`; it is not changed.
        count: layers of the new one.
        **rates: of dropout, in place of its own.

    Raises:
        ConfigError: it is of another class, has fewer layers, or its layers share
            weights or are not of one shape.

    Source: Sanh et al. 2019, section 2, and its code.
    """
    check_own(encoder)
    layers = encoder.blocks
    chosen = np.linspace(0, len(layers) - 1, count).round().astype(int).tolist()
    sizes = encoder.settings_of_layers(chosen)
    if count > len(layers):
        raise ConfigError(
            f"the teacher's encoder has {len(layers)} layers. Received: --layers "
            f"{count}. Give --layers {len(layers)} or less."
        )
    new = resized(encoder, dtype=keras.config.dtype_policy(), **sizes, **rates)
    _copy(_around(encoder), _around(new), encoder.family)
    for number, layer in zip(chosen, new.blocks, strict=True):
        _copy(layers[number].weights, layer.weights, encoder.family)
    return new


def _around(encoder: keras.Model) -> list[keras.Variable]:
    """The weights of an encoder that are in none of its layers."""
    inside = {id(weight) for layer in encoder.blocks for weight in layer.weights}
    return [weight for weight in encoder.weights if id(weight) not in inside]


def _copy(
    sources: Sequence[keras.Variable], targets: Sequence[keras.Variable], family: str
) -> None:
    """Give weights the values of others.

    Raises:
        ConfigError: they are not of the same shapes.
    """
    if [weight.shape for weight in sources] != [weight.shape for weight in targets]:
        raise ConfigError(UNEVEN.format(family))
    for source, target in zip(sources, targets, strict=True):
        target.assign(source)


def resized(encoder: keras.Model, **sizes: Any) -> keras.Model:
    """A new encoder like another one but for some sizes, built, with random weights.

    Args:
        encoder: of a class in `ENCODERS`.
        **sizes: arguments of its constructor; rates of dropout and the policy may be
            among them.

    Raises:
        ConfigError: it is of another class.
    """
    check_own(encoder)
    kind: Any = type(encoder)
    new: keras.Model = kind.from_config({**encoder.get_config(), **sizes})
    output_shape(new)
    return new


def check_own(encoder: keras.Model) -> None:
    """Refuse encoders of others, of which nobody knows what they are made of.

    Raises:
        ConfigError: it is of no class in `ENCODERS`.
    """
    from tfner.models.encoders import ENCODERS

    if type(encoder) not in ENCODERS.values():
        raise ConfigError(
            "encoders of tfner's own can be made smaller. Received: "
            f"encoder={type(encoder).__name__}"
        )
