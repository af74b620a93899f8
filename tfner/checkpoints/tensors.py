"""Files of named tensors, read one tensor at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import safetensors
from numpy.typing import NDArray

from tfner.errors import CheckpointError
from tfner.storage.atomic import read_json

Array = NDArray[Any]

CONFIG = "config.json"
SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
TORCH = "pytorch_model.bin"


class Tensors(Protocol):
    """Named tensors of a checkpoint."""

    names: list[str]

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one, without reading it."""

    def read(self, name: str) -> Array:
        """One of them, as it is stored."""


class SafeTensors:
    """Tensors of one or more `.safetensors` files.

    Args:
        files: they are mapped, not read.

    Raises:
        CheckpointError: a file is missing or damaged.
    """

    def __init__(self, files: list[Path]) -> None:
        self._holder: dict[str, Any] = {}
        for path in files:
            handle = _open(path)
            self._holder.update(dict.fromkeys(handle.keys(), handle))
        self.names = list(self._holder)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one, without reading it."""
        return tuple(self._holder[name].get_slice(name).get_shape())

    def read(self, name: str) -> Array:
        """One of them, as it is stored."""
        return np.asarray(self._holder[name].get_tensor(name))


class TorchTensors:
    """Tensors of a `pytorch_model.bin`, which may hold nothing else.

    Args:
        path: the file.

    Raises:
        CheckpointError: torch is not installed, or the file is damaged or would run
            code.
    """

    def __init__(self, path: Path) -> None:
        try:
            import torch
        except ImportError:
            raise CheckpointError(
                f"{path} can only be read with PyTorch. Install torch, or give the "
                f"model as {SINGLE}."
            ) from None
        try:
            self._tensors = torch.load(
                path, map_location="cpu", weights_only=True, mmap=True
            )
        except Exception as error:  # pickle, zip, and torch's own
            first = str(error).partition("\n")[0]
            raise CheckpointError(
                f"{path} is not a file of tensors alone: {first}"
            ) from error
        self.names = list(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one, without reading it."""
        return tuple(self._tensors[name].shape)

    def read(self, name: str) -> Array:
        """One of them, in float32: numpy has no bfloat16."""
        return np.asarray(self._tensors[name].float().numpy())


def open_tensors(directory: Path) -> Tensors:
    """The weights of a Hugging Face directory, whichever file holds them.

    Raises:
        CheckpointError: there are none, or they cannot be read.
    """
    if (directory / SINGLE).is_file():
        return SafeTensors([directory / SINGLE])
    if (directory / INDEX).is_file():
        return SafeTensors(_shards(directory))
    if (directory / TORCH).is_file():
        return TorchTensors(directory / TORCH)
    raise CheckpointError(
        f"{directory}: no weights. Looked for {SINGLE}, {INDEX}, {TORCH}."
    )


def read_config(path: Path) -> dict[str, Any]:
    """The JSON object of a Hugging Face directory.

    Raises:
        CheckpointError: there is none.
        StorageError: it is no JSON object.
    """
    if not path.exists():
        raise CheckpointError(
            f"{path.parent} is no Hugging Face directory: it has no {path.name}."
        )
    return read_json(path)


def _shards(directory: Path) -> list[Path]:
    files = read_json(directory / INDEX).get("weight_map")
    if not isinstance(files, Mapping) or not files:
        raise CheckpointError(f"{directory / INDEX} names no files in `weight_map`.")
    shards = sorted(set(files.values()))
    missing = [name for name in shards if not (directory / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{directory}: {INDEX} names files that are missing: {', '.join(missing)}."
        )
    return [directory / name for name in shards]


def _open(path: Path) -> Any:
    try:
        return safetensors.safe_open(path, framework="numpy")
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"{path} is damaged or no safetensors file: {error}. Fetch it again."
        ) from error
