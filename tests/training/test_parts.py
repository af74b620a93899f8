"""Layers in compiled parts give what they give as a whole, dropout included."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.models.encoders import ENCODERS
from tfner.models.encoders.lora import add_adapters
from tfner.models.heads.losses import MaskedAccuracy, summed_crossentropy
from tfner.models.heads.token_classifier import TokenClassifier
from tfner.training.optimizers import adamw
from tfner.training.parts import adam_in_one_pass, compiled, elementwise
from tfner.training.precision import precision
from tfner.training.step import TrainingModel

pytestmark = pytest.mark.slow

SIZES: dict[str, Any] = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_size": 16,
    "max_positions": 8,
    "initializer_range": 0.3,
    "hidden_dropout": 0.2,
    "attention_dropout": 0.2,
}

FEATURES = {
    "input_ids": np.array([[2, 5, 6, 7, 3, 8], [2, 9, 3, 4, 0, 0]], np.int32),
    "attention_mask": np.array([[1, 1, 1, 2, 2, 2], [1, 1, 1, 1, 0, 0]], np.int32),
    "token_type_ids": np.zeros((2, 6), np.int32),
    "labeled_positions": np.array([[1, 2, 3, 5], [1, 0, 0, 0]], np.int32),
}
LABELS = np.array([[1, 2, 0, 2], [2, -100, -100, -100]], np.int32)


class Loss:
    """All of a task that a step needs."""

    def loss(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        return summed_crossentropy(labels, logits)

    def metric(self) -> Any:
        return MaskedAccuracy()


def tagger(family: str, **sizes: Any) -> TokenClassifier:
    keras.utils.set_random_seed(0)
    model = TokenClassifier(ENCODERS[family](**{**SIZES, **sizes}), 3, dropout=0.2)
    model.build()
    return model


def gradients(model: TokenClassifier) -> list[Any]:
    step = TrainingModel(model, Loss(), clip_norm=1.0, seed=3)
    step.compile(
        optimizer=adamw(learning_rate=1, steps=9, warmup_steps=0, weight_decay=0)
    )
    step.optimizer.build(model.trainable_variables)
    data = tf.nest.map_structure(tf.constant, (FEATURES, LABELS))
    found, total, count = tf.function(step._sums)(data, tf.constant(5))
    return [*found, total, count]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("family", ["bert", "mpnet"])
def test_parts_give_the_gradients_of_the_whole(family: str, policy: str) -> None:
    with precision(policy):
        whole = gradients(tagger(family))
        model = tagger(family)
    assert model.compile_parts(compiled, elementwise)
    bound = 1e-5 if policy == "float32" else 0.05
    for found, expected in zip(gradients(model), whole, strict=True):
        size = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found, expected, atol=bound * size)


def test_an_activation_in_bfloat16_is_rounded_once() -> None:
    random = np.random.default_rng(0)
    rows = tf.constant(random.normal(size=(40, 16)), tf.bfloat16)
    offset = tf.constant(random.normal(size=16), tf.float32)
    found = elementwise(keras.activations.gelu)((rows, offset), ())
    expected = keras.activations.gelu(tf.cast(rows, tf.float32) + offset)
    same = np.array(found) == np.array(tf.cast(expected, tf.bfloat16))
    assert same.mean() > 0.99  # XLA's error function is its own


def test_without_dropout_no_seed_is_drawn() -> None:
    still = {"hidden_dropout": 0.0, "attention_dropout": 0.0}
    model = tagger("bert", **still)
    assert model.compile_parts(compiled, elementwise)
    for found, expected in zip(
        gradients(model), gradients(tagger("bert", **still)), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_layers_that_learn_otherwise_stay_whole() -> None:
    adapted, frozen, recomputed = (tagger("bert") for _ in range(3))
    add_adapters(adapted.encoder, 2)
    frozen.encoder.blocks[0].trainable = False
    recomputed.encoder.recompute_layers()
    for model in (adapted, frozen, recomputed, tagger("convbert")):
        assert not model.compile_parts(compiled, elementwise)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"cycle_momentum": True, "ema": 0.9},
        {"bias_correction": False, "rates": {"kernel": 0.5}, "epsilon": 0.1},
    ],
)
def test_adam_in_one_pass_is_that_of_keras(settings: dict[str, Any]) -> None:
    states = []
    for in_one_pass in (False, True):
        random = np.random.default_rng(0)
        weights = [
            keras.Variable(random.normal(size=shape).astype("float32"), name=name)
            for name, shape in (("kernel", (7, 5)), ("bias", (5,)))
        ]
        optimizer = adamw(
            learning_rate=0.1, steps=9, warmup_steps=3, weight_decay=0.2, **settings
        )
        optimizer.build(weights)
        if in_one_pass:
            optimizer.adam = partial(adam_in_one_pass, optimizer)
        for _ in range(4):
            gradients = [random.normal(size=weight.shape) for weight in weights]
            optimizer.apply([tf.constant(g, tf.float32) for g in gradients], weights)
        states.append([v.numpy() for v in (*weights, *optimizer.variables)])
    assert not np.array_equal(states[1][0], np.zeros((7, 5)))
    # TensorFlow takes 1 - 0.999 in float32, which rounds by a hundred-thousandth.
    for found, expected in zip(states[1], states[0], strict=True):
        np.testing.assert_allclose(found, expected, rtol=3e-5, atol=5e-6)
