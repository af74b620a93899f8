"""Runs of the tiny encoder on the toy corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tfner.config import TrainConfig
from tfner.inference.bundle import WEIGHTS

Weights = dict[str, np.ndarray]


@pytest.fixture
def config(toy_settings: dict[str, Any], tmp_path: Path) -> Callable[..., TrainConfig]:
    """Makes settings of a short run into `tmp_path / "model"`."""

    def make(**changes: Any) -> TrainConfig:
        settings = toy_settings | {"output": str(tmp_path / "model")} | changes
        return TrainConfig(**settings)

    return make


@pytest.fixture
def weights() -> Callable[[Path], Weights]:
    """Reads every weight of a bundle by its name."""

    def read(bundle: Path) -> Weights:
        found: Weights = {}

        def keep(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = item[()]

        with h5py.File(bundle / WEIGHTS) as file:
            file.visititems(keep)
        assert found
        return found

    return read


@pytest.fixture
def same() -> Callable[[Weights, Weights], bool]:
    """Whether two models are equal bit for bit."""

    def compare(one: Weights, other: Weights) -> bool:
        return one.keys() == other.keys() and all(
            np.array_equal(one[name], other[name]) for name in one
        )

    return compare
