"""LoRA: an encoder that stays as it is, with a small change on top that is learned.

Keras has the mathematics (`Dense.enable_lora`), and merges the change into the kernel
whenever it saves; what is decided here is which layers have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfner.errors import ConfigError
from tfner.models.encoders.interface import layer_groups
from tfner.models.keras_internals import all_layers

PRODUCTS = (keras.layers.Dense, keras.layers.EinsumDense)
HEAD = "head"
FACTORS = ("lora_kernel_a", "lora_kernel_b")
"""Names that Keras gives to the two factors of a change, beside `kernel`."""


def add_adapters(encoder: keras.Model, rank: int, *, alpha: int | None = None) -> None:
    """Freeze an encoder, and let the products of its layers learn a change.

    The kernel W of every product, of attention as of the feed-forward half, becomes
    W + alpha / rank * A B, with A (in, rank) random and B (rank, out) 0 at first.
    Layers that are frozen already get no such change.

    Args:
        encoder: built.
        rank: of the change, at least 1.
        alpha: scale of the change; as large as the rank if None, as in Keras.

    Raises:
        ConfigError: the encoder names no layers, or those that are not frozen have no
            products that Keras can adapt.

    Source: Hu et al. 2021, "LoRA", section 4.1.
    """
    products = [product for product in _products(encoder) if product.trainable]
    if not products:
        raise ConfigError(
            "--lora changes products of layers that --freeze leaves free. Received: "
            f"{type(encoder).__name__} with none. Give a lower --freeze, or leave out "
            "--lora."
        )
    for weight in encoder.weights:
        weight.trainable = False
    for product in products:
        product.enable_lora(rank, lora_alpha=alpha)


def changes_of(model: keras.Model) -> dict[str, keras.Variable]:
    """The weights of a model with adapters but for the frozen ones of its encoder.

    Args:
        model: of a task; `add_adapters` has taken its encoder.

    Returns:
        The factors of the changes, named `encoder/…` as their layers are, and all
        weights of the head, `head/…`.
    """
    encoder = model.encoder
    inside = {id(weight) for weight in encoder.weights}
    factors = [weight for weight in encoder.weights if weight.name in FACTORS]
    head = [weight for weight in model.weights if id(weight) not in inside]
    return {_name(w, encoder, "encoder"): w for w in factors} | {
        _name(w, model, HEAD): w for w in head
    }


def frozen_weights(encoder: keras.Model) -> list[keras.Variable]:
    """The weights of an encoder but for adapters."""
    return [weight for weight in encoder.weights if weight.name not in FACTORS]


def merge(encoder: keras.Model, changes: Mapping[str, Any], *, scale: float) -> None:
    """Add changes to the kernels of an encoder without adapters.

    Args:
        encoder: built, with the weights that the changes were learned on.
        changes: as `changes_of` names them; those of the head are passed over.
        scale: alpha / rank.
    """
    for product in _products(encoder):
        place = _name(product.kernel, encoder, "encoder").removesuffix("kernel")
        factors = [changes[place + f] for f in FACTORS if place + f in changes]
        if factors:
            product.kernel.assign(product.kernel + scale * ops.matmul(*factors))


def _name(weight: keras.Variable, owner: keras.Model, part: str) -> str:
    """The path of a weight in a model, whose own name Keras numbers."""
    return f"{part}/{weight.path.partition(f'{owner.name}/')[2]}"


def _products(encoder: keras.Model) -> list[keras.layers.Layer]:
    _, *groups = layer_groups(encoder, setting="--lora")
    return [
        part
        for group in groups
        for layer in group
        for part in all_layers(layer)
        if isinstance(part, PRODUCTS) and part.built
    ]
