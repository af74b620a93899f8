"""Files of named tensors, read one tensor at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file

from tfner.checkpoints.families import KEYS
from tfner.errors import CheckpointError, StorageError, joined
from tfner.storage.foreign_files import check_files, read_json
from tfner.storage.schema import check_values

Array = NDArray[Any]

CONFIG = "config.json"
SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
TORCH = "pytorch_model.bin"
TORCH_INDEX = "pytorch_model.bin.index.json"
TF_H5 = "tf_model.h5"
TF_INDEX = "tf_model.h5.index.json"
WEIGHT_FILES = (SINGLE, INDEX, TORCH, TORCH_INDEX, TF_H5, TF_INDEX)
"""Looked for in this order."""
KERAS_WEIGHTS = ("model.weights.h5", "model.weights.json", "model_*.weights.h5")
"""Of a KerasHub preset: whole, or an index and its shards."""
ADAPTER = "adapter_config.json"
PLAIN_NAME = re.compile(r"[\w.-]*\w")
"""Of a file in the same directory, and no path."""


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
        files: they are read tensor by tensor.

    Raises:
        CheckpointError: a file is missing or damaged.
    """

    def __init__(self, files: list[Path]) -> None:
        self._files: dict[str, Path] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        for path in files:
            with _open(path) as file:
                for name in file.keys():  # noqa: SIM118 (no mapping)
                    self._files[name] = path
                    self._shapes[name] = tuple(file.get_slice(name).get_shape())
        self.names = list(self._files)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one, without reading it."""
        return self._shapes[name]

    def read(self, name: str) -> Array:
        """One of them, as it is stored; the file is open no longer than that.

        Raises:
            CheckpointError: it holds numbers of a kind that numpy does not have.
        """
        with _open(self._files[name]) as file:
            try:
                return np.asarray(file.get_tensor(name))
            except (TypeError, ValueError, LookupError, SafetensorError) as error:
                kind = file.get_slice(name).get_dtype()
                raise CheckpointError(
                    f"{name} of {SINGLE} cannot be read: its numbers are of type "
                    f"{kind}. Save the model anew in float32."
                ) from error


def open_tensors(directory: Path) -> Tensors:
    """The weights of a Hugging Face directory, whichever file holds them.

    Raises:
        CheckpointError: there are none, or they cannot be read.
        StorageError: Git has not fetched them.
    """
    from tfner.checkpoints.h5_tensors import H5Tensors
    from tfner.checkpoints.torch_tensors import TorchTensors

    for name, kind in (
        *((SINGLE, SafeTensors), (INDEX, SafeTensors)),
        *((TORCH, TorchTensors), (TORCH_INDEX, TorchTensors)),
        *((TF_H5, H5Tensors), (TF_INDEX, H5Tensors)),
    ):
        if (directory / name).is_file():
            whole = name in (SINGLE, TORCH, TF_H5)
            files = [directory / name] if whole else shards(directory / name)
            check_files(*files)
            return kind(files)
    raise CheckpointError(
        f"{directory}: no weights. Looked for {', '.join(WEIGHT_FILES)}."
    )


def refuse_adapter(directory: Path) -> None:
    """Refuse a directory that holds what was learned on top of a model.

    A setting alone, beside a whole model, is what was left of it.

    Raises:
        CheckpointError: it does.
    """
    whole = any((directory / name).is_file() for name in WEIGHT_FILES)
    apart = any(directory.glob("adapter_model.*"))
    if (directory / ADAPTER).is_file() and (apart or not whole):
        raise CheckpointError(
            f"{directory} holds an adapter (LoRA or its like), which is not applied. "
            "Merge it into its model with peft's `merge_and_unload`, and give what "
            "that saves."
        )


def read_config(path: Path) -> dict[str, Any]:
    """The JSON object of a Hugging Face directory.

    Of its keys those that are known have the types and bounds that they need.

    Raises:
        CheckpointError: there is none.
        StorageError: it is no JSON object, or some of its values cannot be.
    """
    if not path.exists():
        below = sorted(str(found.parent) for found in path.parent.glob("*/config.json"))
        todo = "Give one with a model's configuration and weights."
        if below:
            todo = f"Did you mean {' or '.join(below[:3])}?"
        raise CheckpointError(
            f"{path.parent} is no Hugging Face directory: it has no {path.name}. {todo}"
        )
    config = read_json(path)
    problems = check_values({k: v for k, v in config.items() if v is not None}, KEYS)
    if problems:
        raise StorageError(joined(problems), path=path)
    return config


def shards(index: Path) -> list[Path]:
    """The files that the index of a sharded model names, one or more for each tensor.

    Raises:
        CheckpointError: it names none, or one is missing.
    """
    files = read_json(index).get("weight_map")
    if not isinstance(files, Mapping) or not files:
        raise CheckpointError(f"{index} names no files in `weight_map`.")
    named = ([part] if isinstance(part, str) else part for part in files.values())
    try:
        parts = sorted(set(chain.from_iterable(named)))
        inside = all(PLAIN_NAME.fullmatch(name) for name in parts)
    except TypeError:
        inside = False
    if not inside:
        raise CheckpointError(
            f"{index}: `weight_map` must name files beside it. Fetch it again."
        )
    missing = [name for name in parts if not (index.parent / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{index} names files that are missing: {', '.join(missing)}."
        )
    return [index.parent / name for name in parts]


def save_tensors(arrays: dict[str, Array], path: Path) -> None:
    """Write named tensors as PyTorch's programs read them.

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        save_file(arrays, path, metadata={"format": "pt"})
    except safetensors.SafetensorError as error:  # a full disk, too
        raise StorageError(f"cannot be written: {error}.", path=path) from error


def _open(path: Path) -> Any:
    try:
        return safetensors.safe_open(path, framework="numpy")
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"{path} is damaged or no safetensors file: {error}. Fetch it again."
        ) from error
