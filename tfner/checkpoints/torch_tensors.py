"""Tensors of files that PyTorch saved; nothing in them is run."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfner.errors import CheckpointError

NESTED = ("state_dict", "model_state_dict", "model")
"""Keys under which training programs keep the tensors beside what else they save."""


class TorchTensors:
    """Tensors of one or more `pytorch_model*.bin`, which may hold no code.

    Args:
        files: the file, or the shards of a model.

    Raises:
        CheckpointError: torch is not installed, or a file is damaged or would run
            code.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._tensors: dict[str, Any] = {}
        for path in files:
            self._tensors |= _tensors_of(path)
        self.names = list(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one, without reading it."""
        return tuple(self._tensors[name].shape)

    def read(self, name: str) -> NDArray[Any]:
        """One of them, in float32: numpy has no bfloat16."""
        return np.asarray(self._tensors[name].float().numpy())


def _tensors_of(path: Path) -> dict[str, Any]:
    try:
        import torch
    except ImportError:
        raise CheckpointError(
            f"{path} can only be read with PyTorch. Install torch, or give the "
            "model as model.safetensors."
        ) from None
    try:
        # Files of torch before 1.6 cannot be mapped.
        mapped = zipfile.is_zipfile(path)
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # pickle, zip, and torch's own
        first = str(error).partition("\n")[0]
        raise CheckpointError(
            f"{path} is not a file of tensors alone: {first}"
        ) from error
    for key in NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    others = [
        f"{name} ({type(value).__name__})"
        for name, value in (found.items() if isinstance(found, Mapping) else ())
        if not isinstance(value, torch.Tensor)
    ]
    if not isinstance(found, Mapping) or others:
        received = ", ".join(others[:3]) or type(found).__name__
        raise CheckpointError(
            f"{path} must hold tensors by their names, alone or under "
            f"{', '.join(NESTED)}. Received: {received}"
        )
    return dict(found)
