from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.models.encoders.bert import Encoder
from tfner.models.heads.token_classifier import TokenClassifier

from ..conftest import own_encoder

TAGS = 5
BATCH = {
    "input_ids": np.array([[2, 7, 4, 9], [3, 8, 5, 0]], np.int32),
    "attention_mask": np.array([[1, 1, 2, 2], [1, 1, 1, 0]], np.int32),
    "token_type_ids": np.zeros((2, 4), np.int32),
    "labeled_positions": np.array([[1, 3, 0], [2, 0, 0]], np.int32),
}
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def foreign_encoder() -> keras.Model:
    """What a user may bring: any model of the three inputs."""
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}
    vectors = keras.layers.Embedding(11, 6)(inputs["input_ids"])
    mask = keras.ops.expand_dims(inputs["attention_mask"] > 0, -1)
    types = keras.layers.Embedding(2, 6)(inputs["token_type_ids"])
    return keras.Model(inputs, vectors * keras.ops.cast(mask, "float32") + types)


@pytest.mark.parametrize("encoder", [own_encoder, foreign_encoder])
def test_classifiers_are_serialisable_with_their_encoder(
    encoder: Callable[[], keras.Model], check_model: Callable[..., None]
) -> None:
    check_model(TokenClassifier(encoder(), TAGS, dropout=0.2), BATCH)


@pytest.mark.parametrize("encoder", [own_encoder, foreign_encoder])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "xla"])
def test_logits_are_read_at_the_labelled_positions(
    encoder: Callable[[], keras.Model], compiled: bool
) -> None:
    model = TokenClassifier(encoder(), TAGS)
    model.build()
    run = tf.function(model, jit_compile=True) if compiled else model
    rows = numpy(model.encoder({name: BATCH[name] for name in INPUTS}))
    words = np.stack(
        [row[at] for row, at in zip(rows, BATCH["labeled_positions"], strict=True)]
    )
    kernel, bias = model.classifier.get_weights()
    expected = words @ kernel + bias
    assert np.abs(numpy(run(BATCH)) - expected).max() < 1e-5


def test_logits_are_float32_whatever_the_policy() -> None:
    encoder = Encoder(**{**own_encoder().get_config(), "dtype": "mixed_bfloat16"})
    model = TokenClassifier(encoder, TAGS, dtype="mixed_bfloat16")
    assert numpy(model(BATCH)).dtype == np.float32


def test_a_head_packs_if_its_encoder_does() -> None:
    assert TokenClassifier(own_encoder(), TAGS).packs
    assert not TokenClassifier(foreign_encoder(), TAGS).packs


def test_dropout_before_the_head_acts_in_training_alone() -> None:
    model = TokenClassifier(foreign_encoder(), TAGS, dropout=0.9)
    plain = numpy(model(BATCH))
    np.testing.assert_array_equal(numpy(model(BATCH)), plain)
    assert np.abs(numpy(model(BATCH, training=True)) - plain).max() > 1e-4


def test_any_keras_user_can_compile_and_fit_it() -> None:
    model = TokenClassifier(own_encoder(), TAGS)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss)
    labels = np.array([[1, 2, 0], [4, 3, 3]])
    losses = [model.train_on_batch(BATCH, labels) for _ in range(20)]
    assert losses[-1] < losses[0] / 2
