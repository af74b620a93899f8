"""Tiny models: stored ones as Hugging Face directories, and Google's checkpoints."""

from __future__ import annotations

import importlib
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
    """The module that makes models of transformers."""
    pytest.importorskip("torch", reason="needs PyTorch")
    return importlib.import_module("benchmarks.random_models")


class Google:
    """Variables with google-research's names and random values, and their checkpoints.

    The names are those that modeling.py, run_pretraining.py, optimization.py and
    tagging_tasks.py of google-research/electra, and modeling.py and run_pretraining.py
    of google-research/bert give their variables.
    """

    vocab_size, positions, layers = 40, 16, 2

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def _normal(self, *shape: int, mean: float = 0.0) -> np.ndarray:
        return self._random.normal(mean, 0.3, shape).astype(np.float32)

    def dense(self, name: str, inner: int, outer: int) -> dict[str, np.ndarray]:
        return {
            f"{name}/kernel": self._normal(inner, outer),
            f"{name}/bias": self._normal(outer),
        }

    def norm(self, name: str, width: int) -> dict[str, np.ndarray]:
        return {
            f"{name}/LayerNorm/gamma": self._normal(width, mean=1.0),
            f"{name}/LayerNorm/beta": self._normal(width),
        }

    def embeddings(self, root: str, width: int) -> dict[str, np.ndarray]:
        name = f"{root}/embeddings"
        return {
            f"{name}/word_embeddings": self._normal(self.vocab_size, width),
            f"{name}/token_type_embeddings": self._normal(2, width),
            f"{name}/position_embeddings": self._normal(self.positions, width),
            **self.norm(name, width),
        }

    def transformer(self, root: str, width: int) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for number in range(self.layers):
            name = f"{root}/encoder/layer_{number}"
            for part in ("query", "key", "value"):
                found |= self.dense(f"{name}/attention/self/{part}", width, width)
            found |= self.dense(f"{name}/attention/output/dense", width, width)
            found |= self.norm(f"{name}/attention/output", width)
            found |= self.dense(f"{name}/intermediate/dense", width, 20)
            found |= self.dense(f"{name}/output/dense", 20, width)
            found |= self.norm(f"{name}/output", width)
        return found

    def bert(self, width: int = 12) -> dict[str, np.ndarray]:
        """As run_pretraining.py of google-research/bert leaves it."""
        return {
            **self.embeddings("bert", width),
            **self.transformer("bert", width),
            **self.dense("bert/pooler/dense", width, width),
            **self.dense("cls/predictions/transform/dense", width, width),
            **self.norm("cls/predictions/transform", width),
            "cls/predictions/output_bias": self._normal(self.vocab_size),
            "cls/seq_relationship/output_weights": self._normal(2, width),
            "cls/seq_relationship/output_bias": self._normal(2),
        }

    def discriminator(self, width: int = 12, inner: int = 8) -> dict[str, np.ndarray]:
        """The encoder alone, with embeddings of the width `inner`."""
        project = {}
        if inner != width:
            project = self.dense("electra/embeddings_project", inner, width)
        return {
            **self.embeddings("electra", inner),
            **project,
            **self.transformer("electra", width),
        }

    def electra(self, inner: int = 8, *, untied: bool = False) -> dict[str, np.ndarray]:
        """As run_pretraining.py of google-research/electra leaves it."""
        width, narrow = 12, 6
        if untied:
            shared = self.embeddings("generator", narrow)
        else:
            shared = self.dense("generator/embeddings_project", inner, narrow)
        return {
            **self.discriminator(width, inner),
            **shared,
            **self.transformer("generator", narrow),
            **self.dense("generator_predictions/dense", narrow, inner),
            **self.norm("generator_predictions", inner),
            "generator_predictions/output_bias": self._normal(self.vocab_size),
            **self.dense("discriminator_predictions/dense", width, width),
            **self.dense("discriminator_predictions/dense_1", width, 1),
        }

    def tagger(self, *tasks: str, tags: int = 5) -> dict[str, np.ndarray]:
        """As run_finetuning.py leaves it."""
        found = self.discriminator()
        for task in tasks:
            found |= self.dense(f"task_specific/{task}/dense", 12, tags)
        return found

    def save(
        self,
        folder: Path,
        variables: Mapping[str, np.ndarray],
        *,
        step: int = 1000,
        optimizer: bool = False,
        **config: Any,
    ) -> Path:
        """By TensorFlow's own saver, on request with Adam's state; the prefix."""
        import tensorflow as tf

        v1 = tf.compat.v1
        slots = {
            f"{name}/{slot}": np.ones_like(array)
            for name, array in variables.items()
            for slot in (("adam_m", "adam_v") if optimizer else ())
        }
        with tf.Graph().as_default(), v1.Session() as session:
            for name, array in {**variables, **slots}.items():
                v1.get_variable(name, initializer=array)
            v1.train.get_or_create_global_step()
            session.run(v1.global_variables_initializer())
            saver = v1.train.Saver()
            folder.mkdir(parents=True, exist_ok=True)
            prefix = saver.save(
                session,
                str(folder / "model.ckpt"),
                global_step=step,
                write_meta_graph=False,
            )
        if config:
            (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return Path(prefix)


@pytest.fixture(scope="session")
def google() -> Google:
    return Google()
