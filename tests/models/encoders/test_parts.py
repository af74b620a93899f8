"""An encoder with all weights of another one, or with some of its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras import ops

from tfner.checkpoints.families import FAMILIES
from tfner.errors import ConfigError
from tfner.models.encoders.parts import renewed, with_layers
from tfner.training.precision import precision

pytestmark = pytest.mark.slow
Make = Callable[..., Any]


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_new_encoder_has_the_old_weights_in_the_precision_of_its_run(
    name: str, make: Make, rows: Any
) -> None:
    encoder, batch = make(name), rows([5, 4], [7], [], width=10)
    same = renewed(encoder)
    assert np.array_equal(numpy(same(batch)), numpy(encoder(batch)))
    with precision("mixed_bfloat16"):
        half = [renewed(encoder)]
        if name != "albert":
            half.append(with_layers(encoder, 1))
    for new in half:
        assert {block.compute_dtype for block in new.blocks} == {"bfloat16"}
        assert {weight.dtype for weight in new.weights} == {"float32"}


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "albert"])
def test_all_layers_are_the_encoder_and_fewer_are_one_of_its_kind(
    name: str, make: Make, rows: Any
) -> None:
    encoder, batch = make(name), rows([5, 4], [7], [], width=10)
    count = len(encoder.blocks)
    same, fewer = with_layers(encoder, count), with_layers(encoder, count - 1)
    assert np.abs(numpy(same(batch)) - numpy(encoder(batch))).max() < 1e-6
    assert len(fewer.blocks) == fewer.num_layers == count - 1
    for mine, whole in zip(
        fewer.embeddings.weights, encoder.embeddings.weights, strict=True
    ):
        assert np.array_equal(numpy(mine), numpy(whole))
    assert np.isfinite(numpy(fewer(batch))).all()
    with pytest.raises(ConfigError, match=f"has {count} layers"):
        with_layers(encoder, count + 1)


def test_the_first_and_the_last_layer_are_among_them(make: Make) -> None:
    encoder = make("bert", num_layers=6)
    fewer = with_layers(encoder, 3, hidden_dropout=0.25)
    for mine, number in zip(fewer.blocks, (0, 2, 5), strict=True):
        for weight, whole in zip(
            mine.weights, encoder.blocks[number].weights, strict=True
        ):
            assert np.array_equal(numpy(weight), numpy(whole))
    assert (fewer.hidden_dropout, encoder.hidden_dropout) != (0.25, 0.25)


def test_layers_that_share_weights_cannot_be_left_out(make: Make) -> None:
    with pytest.raises(ConfigError, match=r"\(albert\) share weights"):
        with_layers(make("albert"), 1)
