"""Activations of encoders, by the names that their settings have."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfner")
def gelu_tanh(inputs: Any) -> Any:
    """The approximation of GELU by tanh, which transformers calls `gelu_new`."""
    return ops.gelu(inputs, approximate=True)


def activation_named(name: str | None) -> Any:
    """The function of a name; "gelu" is the exact one (erf), None changes nothing.

    Raises:
        ValueError: there is none of that name.
    """
    if name == "gelu_tanh":
        return gelu_tanh
    return keras.activations.get(name)
