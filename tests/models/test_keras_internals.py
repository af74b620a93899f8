"""What Keras does not promise is as models use it; a failure says what has changed."""

from __future__ import annotations

import keras
import pytest

from tfner.models.keras_internals import all_layers, open_to_weights


def test_layers_within_layers_are_found_in_the_order_that_seeds_dropout() -> None:
    inner = keras.Sequential([keras.layers.Dense(1, name="a"), keras.layers.ReLU()])
    model = keras.Sequential([inner, keras.layers.Dropout(0.1, name="b")])
    layers = all_layers(model)
    assert set(layers) >= {model, inner, *inner.layers, *model.layers}
    assert len(layers) == len(set(layers))
    assert layers[:2] == [model, inner]
    assert layers[-1] is model.layers[-1]


def test_a_layer_that_is_built_gets_weights_within_alone() -> None:
    layer = keras.layers.Dense(1)
    layer.build((None, 2))
    with open_to_weights(layer):
        layer.more = layer.add_weight((2,), name="more")
    assert [v.name for v in layer.trainable_variables] == ["kernel", "bias", "more"]
    with pytest.raises(ValueError, match="already built"):
        layer.add_weight((2,))
