"""Models without their encoder: what LoRA learned beside it, in a small file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfner.errors import BundleError, TfnerError

if TYPE_CHECKING:
    import keras

ADAPTERS = "adapters.safetensors"
BASE = "base"
"""Key of the description of the encoder that is left out."""


def describe_base(model: keras.Model, name: str, *, scale: float) -> dict[str, Any]:
    """Describe the encoder that a model was trained from, by its name and its weights.

    Args:
        model: with adapters.
        name: as `--encoder` takes it.
        scale: of the changes.
    """
    return {
        "encoder": name,
        "fingerprint": fingerprint(model.encoder),
        "scale": scale,
    }


def fingerprint(encoder: keras.Model) -> str:
    """SHA-256 of an encoder's weights but for adapters, with their shapes."""
    from tfner.models.encoders.lora import frozen_weights

    digest = hashlib.sha256()
    for weight in frozen_weights(encoder):
        array = np.ascontiguousarray(weight.numpy())
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def save_adapters(model: keras.Model, path: Path) -> None:
    """Write what a model with adapters has beside its encoder.

    Raises:
        StorageError: the file cannot be written.
    """
    from tfner.checkpoints.tensors import save_tensors
    from tfner.models.encoders.lora import changes_of

    save_tensors({name: w.numpy() for name, w in changes_of(model).items()}, path)


def load_base(
    base: Mapping[str, Any],
    place: Path,
    encoder: str | Path | None = None,
    *,
    digests: bool = True,
) -> keras.Model:
    """Load the encoder that a model was trained from.

    Args:
        base: from `describe_base`.
        place: of the model, for messages.
        encoder: where it is now; where it was then if None.
        digests: compare its files with the digests that were saved with them, if there
            are any.

    Raises:
        BundleError: it cannot be loaded, or is another one.
    """
    from tfner.inference.encoders import encoder_source

    name = encoder or base["encoder"]
    try:
        found = encoder_source(name, digests=digests).make()
    except TfnerError as error:
        raise BundleError(
            f"{place} was saved without its encoder, which cannot be loaded from "
            f"{name} ({error}). Give its place by --encoder."
        ) from error
    if fingerprint(found) != base["fingerprint"]:
        raise BundleError(
            f"{place} was saved without its encoder, {base['encoder']}, and {name} has "
            "other weights than that had. Give the place of the right one by --encoder."
        )
    return found


def load_adapters(model: keras.Model, path: Path, *, scale: float) -> None:
    """Complete a model whose encoder is the one that it was trained from.

    Args:
        model: built, without adapters; their changes are merged into its kernels.
        path: of the file.
        scale: of the changes.

    Raises:
        CheckpointError: the file is damaged.
        ValueError: it is of another model.
    """
    from tfner.checkpoints.tensors import SafeTensors
    from tfner.models.encoders.lora import HEAD, changes_of, merge

    stored = SafeTensors([path])
    arrays = {name: stored.read(name) for name in stored.names}
    merge(model.encoder, arrays, scale=scale)
    head = changes_of(model)
    names = {name for name in arrays if name.startswith(f"{HEAD}/")}
    if names != head.keys():
        raise ValueError(f"other weights of the head: {sorted(names ^ head.keys())}")
    for name, weight in head.items():
        weight.assign(arrays[name])
