"""One step: its loss, its gradient and its dropout, against independent formulas."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.models.encoder import Encoder
from tfner.models.heads import TokenClassifier
from tfner.models.losses import MaskedAccuracy, masked_crossentropy, summed_crossentropy
from tfner.training.train_step import Trainee

LABELS = np.array([[1, 2, 0, -100], [2, -100, -100, -100]], np.int32)
FEATURES = {
    "input_ids": np.array([[2, 5, 6, 7, 3, 0], [2, 9, 3, 0, 0, 0]], np.int32),
    "attention_mask": np.array([[1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0]], np.int32),
    "token_type_ids": np.zeros((2, 6), np.int32),
    "labeled_positions": np.array([[1, 2, 3, 0], [1, 0, 0, 0]], np.int32),
}


class Loss:
    """All of a task that a step needs."""

    def loss(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        return summed_crossentropy(labels, logits)

    def metric(self) -> Any:
        return MaskedAccuracy()


def make_trainee(
    *,
    dropout: float = 0.0,
    rate: float = 0.0,
    clip_norm: float = 0.0,
    seed: int = 0,
    optimizer: Any = keras.optimizers.SGD,
) -> Trainee:
    keras.utils.set_random_seed(0)
    encoder = Encoder(
        vocab_size=20,
        hidden_size=8,
        num_layers=1,
        num_heads=2,
        intermediate_size=16,
        max_positions=8,
        initializer_range=0.3,
        hidden_dropout=dropout,
        attention_dropout=dropout,
    )
    model = TokenClassifier(encoder, 3, dropout=dropout)
    model.build()
    trainee = Trainee(model, Loss(), clip_norm=clip_norm, seed=seed)
    trainee.compile(optimizer=optimizer(rate))
    trainee.optimizer.build(model.trainable_variables)
    return trainee


def loss_of(trainee: Trainee, step: int = 0) -> float:
    """The loss of one step, nothing accumulated from earlier ones."""
    for metric in trainee.metrics:
        metric.reset_state()
    trainee.optimizer.iterations.assign(step)
    data = tf.nest.map_structure(tf.constant, (FEATURES, LABELS))
    return float(trainee.train_step(data)["loss"])


def test_the_loss_is_the_mean_over_labelled_words() -> None:
    trainee = make_trainee()
    logits = np.asarray(trainee.model(FEATURES, training=False), np.float64)
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    words = [(0, 0, 1), (0, 1, 2), (0, 2, 0), (1, 0, 2)]
    expected = -np.mean([log_probs[place] for place in words])
    assert loss_of(trainee) == pytest.approx(expected, rel=1e-5)


def test_the_accuracy_counts_labelled_words_alone() -> None:
    trainee = make_trainee()
    predicted = np.asarray(trainee.model(FEATURES, training=False)).argmax(-1)
    loss_of(trainee)
    accuracy = float(trainee.mean_accuracy.result())
    assert accuracy == pytest.approx((predicted == LABELS)[LABELS >= 0].mean())


@pytest.mark.parametrize("clip_norm", [0.0, 0.05, 1e6])
def test_the_gradient_is_clipped_as_a_whole(clip_norm: float) -> None:
    trainee = make_trainee(rate=1.0, clip_norm=clip_norm)
    weights = trainee.model.trainable_variables
    before = [v.numpy() for v in weights]
    with tf.GradientTape() as tape:
        loss = masked_crossentropy(LABELS, trainee.model(FEATURES, training=False))
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
    if clip_norm:
        gradients, norm = tf.clip_by_global_norm(gradients, clip_norm)
        assert (norm > clip_norm) == (clip_norm < 1)
    loss_of(trainee)
    for old, variable, gradient in zip(before, weights, gradients, strict=True):
        np.testing.assert_allclose(old - variable.numpy(), gradient, atol=1e-6)


def test_adam_squares_the_sum_of_a_repeated_pieces_gradients() -> None:
    """`[CLS]` occurs in both rows; a sparse gradient would be squared row by row."""
    trainee = make_trainee(optimizer=keras.optimizers.AdamW)
    weights = trainee.model.trainable_variables
    with tf.GradientTape() as tape:
        loss = masked_crossentropy(LABELS, trainee.model(FEATURES, training=False))
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
    loss_of(trainee)
    for velocity, gradient in zip(
        trainee.optimizer._velocities, gradients, strict=True
    ):
        expected = 0.001 * np.square(gradient)
        np.testing.assert_allclose(velocity.numpy(), expected, rtol=1e-3, atol=1e-12)


def test_dropout_is_a_function_of_seed_and_step() -> None:
    first, again = make_trainee(dropout=0.5, seed=1), make_trainee(dropout=0.5, seed=1)
    losses = [loss_of(first, step) for step in (3, 4, 3)]
    assert losses[0] == losses[2] != losses[1]
    assert loss_of(again, 3) == losses[0]
    assert loss_of(make_trainee(dropout=0.5, seed=2), 3) != losses[0]


def test_every_dropout_layer_gets_random_numbers_of_its_own() -> None:
    trainee = make_trainee(dropout=0.5)
    loss_of(trainee, 3)
    states = [tuple(g.state.numpy().tolist()) for g in trainee.generators]
    assert len(states) > 2
    assert len(set(states)) == len(states)


def test_a_batch_without_words_changes_nothing() -> None:
    trainee = make_trainee(rate=1.0)
    before = [v.numpy() for v in trainee.model.trainable_variables]
    data = (FEATURES, np.full_like(LABELS, -100))
    result = trainee.train_step(tf.nest.map_structure(tf.constant, data))
    assert float(result["loss"]) == 0.0
    for old, variable in zip(before, trainee.model.trainable_variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
