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
from tfner.pretrain_config import PRETRAIN_PRESETS, PretrainConfig

Weights = dict[str, np.ndarray]


@pytest.fixture
def config(toy_settings: dict[str, Any], tmp_path: Path) -> Callable[..., TrainConfig]:
    """Makes settings of a short run into `tmp_path / "model"`."""

    def make(**changes: Any) -> TrainConfig:
        settings = toy_settings | {"output": str(tmp_path / "model")} | changes
        return TrainConfig(**settings)

    return make


@pytest.fixture(scope="session")
def make_pretraining(pretraining_rows: Path) -> Callable[..., PretrainConfig]:
    """Settings of a run of one layer, 8 rows a step."""

    def config(output: Path, **changes: Any) -> PretrainConfig:
        settings = PRETRAIN_PRESETS["tiny"] | {
            "data": str(pretraining_rows),
            "output": str(output),
            "num_layers": 1,
            "hidden_size": 32,
            "intermediate_size": 64,
            "embedding_size": 16,
            "batch_size": 8,
            "steps": 6,
            "save_every": 2,
            "log_every": 3,
            "jit_compile": False,
        }
        return PretrainConfig(**settings | changes)

    return config


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
