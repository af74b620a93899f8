"""What is said of an encoder that is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest

from tfner.errors import ConfigError
from tfner.inference.native_bundle import build
from tfner.models import TokenClassifier
from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.interface import (
    INPUTS,
    freeze_layers,
    layer_groups,
    output_shape,
)


def functional(
    output: Callable[[Any], Any] = lambda rows: rows, names: tuple[str, ...] = INPUTS
) -> keras.Model:
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    rows = keras.layers.Embedding(9, 4)(inputs[names[0]])
    return keras.Model(inputs, output(rows), name="mine")


class Fails(keras.Model):
    def call(self, inputs: Any, training: Any = None) -> Any:
        return inputs["input_ids"].no_such_thing


class Unwieldy(keras.Model):
    """Gives something without a shape."""

    def call(self, inputs: Any, training: Any = None) -> Any:
        return [inputs["input_ids"], {"last": inputs["attention_mask"]}]


def in_order() -> keras.Model:
    model = functional()
    return keras.Model(list(model.input.values()), model.output)


HUB_NAMES = ("token_ids", "padding_mask", "segment_ids")
PARTS: dict[str, tuple[Callable[[], keras.Model], tuple[str, ...]]] = {
    "pooled": (
        lambda: functional(lambda rows: rows[:, 0]),
        ("'mine', which gives (any, 4)", "neither pooled nor in a dict"),
    ),
    "one row": (
        lambda: functional(keras.layers.GlobalMaxPooling1D(keepdims=True)),
        ("(any, 1, 4)",),
    ),
    "dict": (
        lambda: functional(lambda rows: {"rows": rows, "pooled": rows[:, 0]}),
        ("a dict of rows (any, any, 4), pooled (any, 4)",),
    ),
    "nested": (Unwieldy, ("a list of (any, any), a dict of last (any, any)",)),
    "KerasHub's names": (
        lambda: functional(names=HUB_NAMES),
        ("takes a dict of padding_mask, ", "tfner.models.KerasHubEncoder(backbone)"),
    ),
    "an input too few": (
        lambda: functional(names=INPUTS[:2]),
        ("takes a dict of attention_mask, input_ids. Declare all three by name",),
    ),
    "an input too many": (
        lambda: functional(names=(*INPUTS, "position_ids")),
        ("input_ids, position_ids, token_type_ids. Declare",),
    ),
    "inputs in order": (in_order, ("takes no dict but input_ids, attention_mask",)),
    "an error": (Fails, ("fails on them with AttributeError", "no_such_thing")),
}


@pytest.mark.parametrize(("make", "parts"), PARTS.values(), ids=PARTS)
def test_a_model_that_is_no_encoder_is_refused_in_one_sentence(
    make: Callable[[], keras.Model], parts: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        output_shape(make())
    message = str(caught.value)
    assert message.startswith(
        "an encoder takes a dict of input_ids, attention_mask, tok"
    )
    assert [part for part in parts if part not in message] == []
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize("call", [lambda model: model.build(), build])
def test_a_head_refuses_it_when_it_is_built(call: Callable[[Any], None]) -> None:
    model = TokenClassifier(functional(lambda rows: rows[:, 0]), 3)
    with pytest.raises(ConfigError, match="an encoder takes"):
        call(model)


def own(**changes: Any) -> Encoder:
    sizes = {"hidden_size": 4, "num_layers": 2, "num_heads": 2, "intermediate_size": 4}
    encoder = Encoder(vocab_size=9, **{**sizes, **changes})
    encoder.build()
    return encoder


@pytest.mark.parametrize("embedding_size", [None, 2])
def test_groups_of_layers_hold_every_weight_once(embedding_size: int | None) -> None:
    encoder = own(embedding_size=embedding_size)
    groups = layer_groups(encoder, setting="--freeze")
    weights = [w.path for group in groups for layer in group for w in layer.weights]
    assert weights == [weight.path for weight in encoder.weights]
    assert len(groups) == 1 + len(encoder.blocks)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_lowest_layers_are_frozen_with_the_embeddings(count: int) -> None:
    encoder = own(embedding_size=2)
    freeze_layers(encoder, count)
    learns = {id(weight) for weight in encoder.trainable_variables}
    for number, group in enumerate(layer_groups(encoder, setting="--freeze")):
        for layer in group:
            assert {id(w) in learns for w in layer.weights} == {number > count}


def test_groups_that_leave_a_weight_out_are_refused() -> None:
    class Incomplete(Encoder):
        def layer_groups(self) -> list[list[keras.layers.Layer]]:
            return super().layer_groups()[:-1]

    encoder = Incomplete(**{k: v for k, v in own().get_config().items() if k != "name"})
    encoder.build()
    with pytest.raises(ConfigError, match=r"Received: encoder=Incomplete, whose .*blo"):
        layer_groups(encoder, setting="--freeze")
