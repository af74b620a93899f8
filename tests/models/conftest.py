"""A check that every layer and model has to pass, and an encoder to put heads on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.models.encoders.bert import Encoder

Batch = Mapping[str, np.ndarray]
Check = Callable[[keras.Model, Batch], None]


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def own_encoder() -> keras.Model:
    """One layer, 8 wide, of 11 pieces and rows of up to 6."""
    return Encoder(
        vocab_size=11,
        hidden_size=8,
        num_layers=1,
        num_heads=2,
        intermediate_size=12,
        max_positions=6,
        initializer_range=0.3,
    )


@pytest.fixture
def check_model(tmp_path: Path) -> Check:
    """Configuration, symbolic shape, saving, dynamic shapes and low precision."""

    def check(model: keras.Model, batch: Batch) -> None:
        kind = type(model)
        assert kind.from_config(model.get_config()).get_config() == model.get_config()
        model.build()
        weights = len(model.weights)
        output = numpy(model(batch))
        assert len(model.weights) == weights, "a call has made new weights"
        assert model.compute_output_shape(
            {name: array.shape for name, array in batch.items()}
        ) == (output.shape)
        symbolic = model(
            {k: keras.KerasTensor(v.shape, "int32") for k, v in batch.items()}
        )
        assert symbolic.shape == output.shape
        _check_saving(model, batch, output, tmp_path)
        _check_precision(model, batch, output)

    return check


def _check_saving(
    model: keras.Model, batch: Batch, output: np.ndarray, folder: Path
) -> None:
    model.save(folder / "model.keras")
    loaded = keras.saving.load_model(folder / "model.keras")
    np.testing.assert_array_equal(numpy(loaded(batch)), output)
    model.save_weights(folder / "model.weights.h5")
    fresh = type(model).from_config(model.get_config())
    fresh.build()
    fresh.load_weights(folder / "model.weights.h5")
    np.testing.assert_array_equal(numpy(fresh(batch)), output)


def _check_precision(model: keras.Model, batch: Batch, output: np.ndarray) -> None:
    for policy in ("mixed_bfloat16", "mixed_float16"):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            low = type(model).from_config(_without_policy(model.get_config()))
        finally:
            keras.config.set_dtype_policy(before)
        low.build()
        low.set_weights(model.get_weights())
        found = numpy(low(batch)).astype("float32")
        assert np.isfinite(found).all()
        assert np.abs(found - output).max() < 0.1


def _without_policy(config: Any) -> Any:
    """A model's config without its dtypes, so that the global policy holds."""
    if not isinstance(config, dict):
        return config
    return {k: _without_policy(v) for k, v in config.items() if k != "dtype"}
