"""Encoders of others in a bundle: what can be made again, and what is said if not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from tfner.errors import BundleError, ConfigError
from tfner.inference.encoder_config import (
    check_encoder,
    describe_encoder,
    restore_encoder,
)
from tfner.models import Encoder, KerasHubEncoder
from tfner.models.encoders.interface import output_shape

INPUTS = {
    name: np.array([[1, 1, 0]], np.int32)
    for name in ("input_ids", "attention_mask", "token_type_ids")
}


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def table(after: Callable[[Any], Any] = lambda rows: rows) -> keras.Model:
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}
    return keras.Model(inputs, after(keras.layers.Embedding(9, 4)(inputs["input_ids"])))


class Unregistered(keras.Model):
    """What most people write first."""

    def __init__(self, width: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.table = keras.layers.Embedding(9, width)

    def call(self, inputs: Any, training: Any = None) -> Any:
        return self.table(inputs["input_ids"])


@keras.saving.register_keras_serializable(package="tests")
class Registered(Unregistered):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable(package="tests")
class Forgetful(Unregistered):
    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


@keras.saving.register_keras_serializable(package="tests")
class Demanding(Unregistered):
    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


@keras.saving.register_keras_serializable(package="tests")
def doubled(rows: Any) -> Any:
    return 2 * rows


def with_function() -> keras.Model:
    return table(keras.layers.Dense(4, activation=doubled))


def hub_like() -> keras.Model:
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    rows = keras.layers.Embedding(9, 4)(ids)
    return KerasHubEncoder(keras.Model({"token_ids": ids}, rows))


def own() -> keras.Model:
    return Encoder(
        vocab_size=9, hidden_size=4, num_layers=1, num_heads=2, intermediate_size=4
    )


@pytest.mark.parametrize(
    "make", [table, with_function, hub_like, own, lambda: Registered(6)]
)
def test_an_encoder_is_made_again_from_its_description(
    make: Callable[[], keras.Model],
) -> None:
    encoder = make()
    check_encoder(encoder)
    record = json.loads(json.dumps(describe_encoder(encoder)))
    for _ in range(2):  # what is read stays as it was
        again = restore_encoder(record, place="config.json")
        assert type(again) is type(encoder)
        assert output_shape(again) == output_shape(encoder)
        again.set_weights(encoder.get_weights())
        np.testing.assert_array_equal(numpy(again(INPUTS)), numpy(encoder(INPUTS)))


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (Unregistered, "is made of Unregistered, which Keras does not know"),
        (lambda: Forgetful(6), "its weights come back in other shapes"),
        (lambda: Demanding(6), "missing 1 required positional argument: 'width'"),
        (lambda: table(keras.layers.Lambda(lambda x: x + 1)), "Lambda"),
    ],
)
def test_an_encoder_that_would_be_lost_is_refused_before_training(
    make: Callable[[], keras.Model], part: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_encoder(make())
    message = str(caught.value)
    assert message.startswith("an encoder must come back from its `get_config`")
    assert part in message
    assert "\n" not in message
    assert len(message) < 700


def test_an_encoder_of_bundles_from_before_the_table_is_restored() -> None:
    record = {"class": "tfner", "config": own().get_config()}
    again = restore_encoder(record, place="config.json")
    assert type(again) is Encoder
    assert again.get_config() == record["config"]


def test_an_encoder_that_is_in_no_table_is_named() -> None:
    with pytest.raises(BundleError, match=r"config.json: unknown encoder 'brt'.*bert"):
        restore_encoder({"class": "brt", "config": {}}, place="config.json")


def described(**changes: str) -> dict[str, Any]:
    """A description that names, deep within, a class of another library."""
    inner = {"class_name": "Backbone", "config": {}, **changes}
    outer = keras.saving.serialize_keras_object(hub_like())
    outer["config"]["backbone"] = inner
    return {"class": "keras", "config": outer}


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        (
            {"module": "absent_hub.src.bert", "registered_name": "absent_hub>Bert"},
            "Install what defines it: pip install absent-hub",
        ),
        (
            {"module": "tests.mine", "registered_name": "mine>Bert"},
            "Import the module that defines it (tests.mine) before the model is",
        ),
        (
            {"module": "__main__", "registered_name": "mine>Bert"},
            "Import the module that defines it (__main__)",
        ),
        ({"registered_name": "Bert"}, "Import the module that defines it before"),
    ],
)
def test_a_class_that_is_not_there_is_named_with_its_remedy(
    changes: dict[str, str], remedy: str
) -> None:
    with pytest.raises(BundleError) as caught:
        restore_encoder(described(**changes), place="model/config.json")
    message = str(caught.value)
    name = changes["registered_name"]
    assert message.startswith(
        f"model/config.json: the encoder is made of {name}, which"
    )
    assert remedy in message
    assert "\n" not in message


def test_keras_hub_is_asked_for_where_it_is_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import importlib.util

    from tfner.inference import encoder_config as encoders

    find = importlib.util.find_spec
    monkeypatch.setattr(
        encoders.importlib.util,
        "find_spec",
        lambda name: None if name == "keras_hub" else find(name),
    )
    monkeypatch.setattr(encoders.sys, "modules", {})
    record = described(
        module="keras_hub.src.models.none", registered_name="keras_hub>NoSuchBackbone"
    )
    with pytest.raises(BundleError, match="pip install keras-hub"):
        restore_encoder(record, place="model")
