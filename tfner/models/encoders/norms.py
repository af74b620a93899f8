"""Normalisations, by the names that the settings of encoders have."""

from __future__ import annotations

from typing import Any

import keras

NORMS = ("layer", "scale", "rms", "none")
"""With scale and shift; with a scale alone; by the root mean square; none."""


def new_norm(kind: str, *, epsilon: float, **settings: Any) -> Any:
    """A normalisation of the last axis, or None for "none".

    Args:
        kind: one of `NORMS`.
        epsilon: small number that it adds to the variance.
        **settings: of the layer, such as its name.

    Raises:
        ValueError: there is none of that kind.
    """
    match kind:
        case "layer":
            return keras.layers.LayerNormalization(epsilon=epsilon, **settings)
        case "scale":
            return keras.layers.LayerNormalization(
                epsilon=epsilon, center=False, **settings
            )
        case "rms":
            return keras.layers.RMSNormalization(epsilon=epsilon, **settings)
        case "none":
            return None
    raise ValueError(f"`kind` must be one of {', '.join(NORMS)}. Received: {kind!r}")
