"""Small encoders of every family, and rows that hold several windows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.checkpoints.families import FAMILIES

Batch = dict[str, np.ndarray]

# Embeddings come first: where they are as wide as the layers, one key holds both.
SIZES = {
    "vocab_size": 50,
    "embedding_size": 8,
    "hidden_size": 12,
    "num_layers": 2,
    "num_heads": 3,
    "intermediate_size": 20,
    "max_positions": 32,
    "type_vocab_size": 2,
    "initializer_range": 0.3,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "deberta-v2": {
        "relative_attention": True,
        "pos_att_type": "c2p|p2c",
        "position_buckets": 4,
        "max_relative_positions": 8,
        "norm_rel_ebd": "layer_norm",
        "conv_kernel_size": 3,
    },
    "modernbert": {"local_attention": 6},
    "eurobert": {"num_key_value_heads": 1},
    "convbert": {
        "num_attention_heads": 2,
        "head_ratio": 1,
        "conv_kernel_size": 5,
        "num_groups": 2,
    },
    "albert": {"num_hidden_layers": 4, "num_hidden_groups": 2, "inner_group_num": 2},
}
"""What is set in the config.json of a family beside its sizes."""


@pytest.fixture
def make() -> Callable[..., Any]:
    """Makes a small encoder of a family whose weights let mistakes show."""

    def make(name: str, *, dtype: str = "float32", **changes: Any) -> Any:
        family = FAMILIES[name]
        keys = family.settings
        sizes = {keys[name]: size for name, size in SIZES.items() if name in keys}
        config = sizes | CONFIGS.get(name, {})
        settings = family.read_settings(config, place=Path("config.json"))
        settings |= {"initializer_range": SIZES["initializer_range"]}
        keras.utils.set_random_seed(0)
        encoder = family.new_encoder(
            settings | changes | {"dtype": dtype}, place=Path("config.json")
        )
        keras.utils.set_random_seed(1)
        for weight in encoder.weights:  # biases and scales, too
            noise = keras.random.normal(weight.shape, stddev=0.1)
            weight.assign_add(keras.ops.cast(noise, weight.dtype))
        return encoder

    return make


def batch_of(*rows: list[int], width: int) -> Batch:
    """A batch with windows of the given lengths in each row, random otherwise."""
    random = np.random.default_rng(3)
    mask = np.zeros((len(rows), width), np.int32)
    for row, lengths in zip(mask, rows, strict=True):
        numbers = np.repeat(np.arange(1, len(lengths) + 1), lengths)
        row[: len(numbers)] = numbers
    return {
        "input_ids": random.integers(0, 50, mask.shape).astype(np.int32),
        "attention_mask": mask,
        "token_type_ids": random.integers(0, 2, mask.shape).astype(np.int32),
    }


@pytest.fixture
def rows() -> Callable[..., Batch]:
    return batch_of


@pytest.fixture
def pack() -> Callable[[list[int]], tuple[Batch, Batch]]:
    """Makes the same windows one a row, and all in one row."""

    def pack(lengths: list[int]) -> tuple[Batch, Batch]:
        padded = batch_of(*([n] for n in lengths), width=max(lengths))
        real = padded["attention_mask"] > 0
        packed = {name: array[real][None] for name, array in padded.items()}
        packed["attention_mask"] = np.repeat(
            np.arange(1, len(lengths) + 1, dtype=np.int32), lengths
        )[None]
        return padded, {k: np.pad(a, ((0, 1), (0, 2))) for k, a in packed.items()}

    return pack
