"""Adapters of every family: nothing changes at first, and changes can be merged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from tfner.checkpoints.families import FAMILIES
from tfner.errors import ConfigError
from tfner.inference.adapters import fingerprint
from tfner.inference.native_bundle import build
from tfner.models.encoders.interface import freeze_layers
from tfner.models.encoders.lora import (
    add_adapters,
    changes_of,
    frozen_weights,
    merge,
)
from tfner.models.heads.token_classifier import TokenClassifier

Make = Callable[..., Any]
RANK, ALPHA = 2, 6


def tagger(encoder: Any) -> TokenClassifier:
    model = TokenClassifier(encoder, 3)
    build(model)
    return model


def stir(variables: Any) -> None:
    keras.utils.set_random_seed(2)
    for variable in variables:
        variable.assign(keras.random.normal(variable.shape, stddev=0.3))


@pytest.mark.parametrize("family", FAMILIES)
def test_changes_act_and_can_be_merged(family: str, make: Make, rows: Any) -> None:
    batch = rows([5, 4], [7], width=9)
    model, plain = tagger(make(family)), make(family)
    weights = {w.path: w.numpy() for w in model.encoder.weights}
    before, print_before = plain(batch).numpy(), fingerprint(plain)
    add_adapters(model.encoder, RANK, alpha=ALPHA)
    assert model.encoder.trainable_variables
    np.testing.assert_allclose(model.encoder(batch), before, atol=1e-5)

    changes = changes_of(model)
    assert len(changes) == len(model.trainable_variables)
    stir(changes.values())
    for weight in frozen_weights(model.encoder):
        np.testing.assert_array_equal(weight, weights.pop(weight.path))
    assert weights == {}
    assert fingerprint(model.encoder) == print_before

    after = model.encoder(batch).numpy()
    assert np.abs(after - before).max() > 0.01
    arrays = {name: weight.numpy() for name, weight in changes.items()}
    merge(plain, arrays, scale=ALPHA / RANK)
    np.testing.assert_allclose(plain(batch), after, atol=2e-5)
    assert fingerprint(plain) != print_before


def test_layers_that_are_frozen_get_no_changes(make: Make) -> None:
    encoder = make("bert")
    freeze_layers(encoder, 1)
    add_adapters(encoder, RANK)
    assert {w.path.split("/")[1] for w in encoder.trainable_variables} == {"block_1"}


def test_an_encoder_whose_layers_are_all_frozen_is_refused(make: Make) -> None:
    encoder = make("bert")
    freeze_layers(encoder, 2)
    with pytest.raises(ConfigError, match=r"Encoder with none\. Give a lower --freeze"):
        add_adapters(encoder, RANK)


def test_an_encoder_without_named_layers_is_refused() -> None:
    inputs = keras.Input((4,))
    encoder = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(ConfigError, match="--lora needs an encoder that names its lay"):
        add_adapters(encoder, RANK)
