"""The file of a bundle's weights, written by Keras."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

WEIGHTS = "model.weights.h5"
SIZES = {"float64": 8, "int64": 8, "uint64": 8, "float16": 2, "bfloat16": 2}
"""Bytes of a number by its type; 4 of those that are not listed."""
HDF5_OVERHEAD = 8192
"""Bytes beside the values of one weight, at most."""
CHUNK = 1 << 20


def load_weights(model: keras.Model, path: Path, *, own: bool) -> None:
    """Read the weights of a model.

    Args:
        model: built.
        path: of the file.
        own: the encoder is of tfner's own classes, where every stored weight must find
            a place; Keras passes over others.

    Raises:
        CheckpointError: the file is damaged.
        ValueError: weights are missing, left over or of other shapes.
    """
    import h5py

    from tfner.checkpoints.h5_tensors import open_h5

    stored: list[str] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            stored.append(name)

    with open_h5(path) as file:
        file.visititems(note)
    model.load_weights(str(path))
    if own and len(stored) != len(model.weights):
        raise ValueError(
            f"it holds {len(stored)} arrays, the model {len(model.weights)}"
        )


def check_size(path: Path) -> None:
    """Check that a file may hold the weights that wait for room in `shapes_first`.

    They are those of the model, and of layers that its settings name and it lacks.

    Raises:
        ValueError: it has fewer bytes than they would.
    """
    from tfner.models.keras_internals import without_room

    wanted = sum(math.prod(w.shape) * SIZES.get(w.dtype, 4) for w in without_room())
    held = path.stat().st_size
    if wanted > held:
        raise ValueError(
            f"the model's settings ask for {wanted:,} bytes of weights, the file has "
            f"{held:,}"
        )


def check_numbers(model: keras.Model) -> None:
    """Check that weights are numbers: a model of others finds nothing, in silence."""
    for weight in model.weights:
        if not np.isfinite(weight.numpy()).all():
            raise ValueError(f"{weight.path} holds NaN or infinite numbers")


def save_weights(model: keras.Model, path: Path) -> None:
    """Write all weights, changes by LoRA merged."""
    _make_room(path, model)
    model.save_weights(str(path))


def _make_room(path: Path, model: keras.Model) -> None:
    """Fill the file once: where the disk is full, HDF5 would end the process."""
    size = sum(4 * math.prod(v.shape) + HDF5_OVERHEAD for v in model.weights)
    with path.open("wb") as file:
        for start in range(0, size, CHUNK):
            file.write(bytes(min(CHUNK, size - start)))
