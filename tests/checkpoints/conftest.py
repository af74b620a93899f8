"""Tiny Hugging Face directories, made from the stored golden models."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

GOLDEN = Path(__file__).parents[1] / "golden"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class Golden:
    """A stored model: config, tensors, batch, and the output of transformers."""

    def __init__(self, family: str) -> None:
        with np.load(GOLDEN / f"encoder_{family}.npz") as stored:
            held = dict(stored)
        self.config: dict[str, Any] = json.loads(str(held.pop("config")))
        self.batch = {name: held.pop(name) for name in INPUTS}
        self.output = held.pop("output")
        self.tensors: dict[str, np.ndarray] = {
            name.removeprefix("tensor/"): array for name, array in held.items()
        }

    @property
    def real(self) -> np.ndarray:
        """(B, S) where a piece stands; what the encoder says of padding is free."""
        return self.batch["attention_mask"] > 0


@pytest.fixture
def golden() -> Callable[[str], Golden]:
    return Golden


Maker = Callable[..., Path]


@pytest.fixture
def directory(tmp_path: Path) -> Maker:
    """Makes a directory of config.json and model.safetensors."""

    def make(
        config: Mapping[str, Any],
        tensors: Mapping[str, np.ndarray] | None,
        name: str = "model",
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        if tensors is not None:
            save_file(dict(tensors), folder / "model.safetensors")
        return folder

    return make


@pytest.fixture(scope="session")
def reference() -> Any:
    """The script that makes the golden files, for fresh models of transformers."""
    pytest.importorskip("torch", reason="needs PyTorch")
    path = GOLDEN / "regenerate_encoders.py"
    spec = importlib.util.spec_from_file_location("regenerate_encoders", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
