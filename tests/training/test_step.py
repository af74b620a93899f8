"""One step: its loss, its gradient and its dropout, against independent formulas."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.models.encoders.bert import Encoder
from tfner.models.heads.losses import (
    MaskedAccuracy,
    masked_crossentropy,
    summed_crossentropy,
)
from tfner.models.heads.token_classifier import TokenClassifier
from tfner.training.optimizers import adamw
from tfner.training.step import TrainingModel

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


def compile_model(
    *,
    dropout: float = 0.0,
    rate: float = 0.0,
    clip_norm: float = 0.0,
    seed: int = 0,
    optimizer: Any = keras.optimizers.SGD,
    accumulate: int = 1,
    recompute: bool = False,
) -> TrainingModel:
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
    if recompute:
        encoder.recompute_layers()
    training_model = TrainingModel(
        model, Loss(), clip_norm=clip_norm, seed=seed, accumulate=accumulate
    )
    training_model.compile(optimizer=optimizer(rate))
    training_model.optimizer.build(model.trainable_variables)
    return training_model


def loss_of(training_model: TrainingModel, step: int = 0) -> float:
    """The loss of one step, nothing accumulated from earlier ones."""
    for metric in training_model.metrics:
        metric.reset_state()
    training_model.optimizer.iterations.assign(step)
    data = tf.nest.map_structure(tf.constant, (FEATURES, LABELS))
    return float(training_model.train_step(data)["loss"])


def test_the_loss_is_the_mean_over_labelled_words() -> None:
    training_model = compile_model()
    logits = np.asarray(training_model.model(FEATURES, training=False), np.float64)
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    words = [(0, 0, 1), (0, 1, 2), (0, 2, 0), (1, 0, 2)]
    expected = -np.mean([log_probs[place] for place in words])
    assert loss_of(training_model) == pytest.approx(expected, rel=1e-5)


def test_the_accuracy_counts_labelled_words_alone() -> None:
    training_model = compile_model()
    predicted = np.asarray(training_model.model(FEATURES, training=False)).argmax(-1)
    loss_of(training_model)
    accuracy = float(training_model.mean_accuracy.result())
    assert accuracy == pytest.approx((predicted == LABELS)[LABELS >= 0].mean())


@pytest.mark.parametrize("clip_norm", [0.0, 0.05, 1e6])
def test_the_gradient_is_clipped_as_a_whole(clip_norm: float) -> None:
    training_model = compile_model(rate=1.0, clip_norm=clip_norm)
    weights = training_model.model.trainable_variables
    before = [v.numpy() for v in weights]
    with tf.GradientTape() as tape:
        loss = masked_crossentropy(
            LABELS, training_model.model(FEATURES, training=False)
        )
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
    if clip_norm:
        gradients, norm = tf.clip_by_global_norm(gradients, clip_norm)
        assert (norm > clip_norm) == (clip_norm < 1)
    loss_of(training_model)
    for old, variable, gradient in zip(before, weights, gradients, strict=True):
        np.testing.assert_allclose(old - variable.numpy(), gradient, atol=1e-6)


def test_adam_squares_the_sum_of_a_repeated_pieces_gradients() -> None:
    """`[CLS]` occurs in both rows; a sparse gradient would be squared row by row."""
    training_model = compile_model(optimizer=keras.optimizers.AdamW)
    weights = training_model.model.trainable_variables
    with tf.GradientTape() as tape:
        loss = masked_crossentropy(
            LABELS, training_model.model(FEATURES, training=False)
        )
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
    loss_of(training_model)
    for velocity, gradient in zip(
        training_model.optimizer._velocities, gradients, strict=True
    ):
        expected = 0.001 * np.square(gradient)
        np.testing.assert_allclose(velocity.numpy(), expected, rtol=1e-3, atol=1e-12)


def test_dropout_is_a_function_of_seed_and_step() -> None:
    first, again = (
        compile_model(dropout=0.5, seed=1),
        compile_model(dropout=0.5, seed=1),
    )
    losses = [loss_of(first, step) for step in (3, 4, 3)]
    assert losses[0] == losses[2] != losses[1]
    assert loss_of(again, 3) == losses[0]
    assert loss_of(compile_model(dropout=0.5, seed=2), 3) != losses[0]


def test_every_dropout_layer_gets_random_numbers_of_its_own() -> None:
    training_model = compile_model(dropout=0.5)
    loss_of(training_model, 3)
    states = [tuple(g.state.numpy().tolist()) for g in training_model.generators]
    assert len(states) > 2
    assert len(set(states)) == len(states)


def test_a_batch_without_words_changes_nothing() -> None:
    training_model = compile_model(rate=1.0)
    before = [v.numpy() for v in training_model.model.trainable_variables]
    data = (FEATURES, np.full_like(LABELS, -100))
    result = training_model.train_step(tf.nest.map_structure(tf.constant, data))
    assert float(result["loss"]) == 0.0
    for old, variable in zip(
        before, training_model.model.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(old, variable.numpy())


def update_of(
    training_model: TrainingModel, *, compiled: bool = False
) -> list[np.ndarray]:
    """How one step changes the weights."""
    weights = training_model.model.trainable_variables
    before = [v.numpy() for v in weights]
    step = training_model.train_step
    if compiled:
        step = tf.function(step, jit_compile=True)
    step(tf.nest.map_structure(tf.constant, (FEATURES, LABELS)))
    return [v.numpy() - old for old, v in zip(before, weights, strict=True)]


def assert_close(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert max(np.abs(change).max() for change in expected) > 1e-3
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.slow
def test_parts_of_a_batch_give_the_update_of_the_whole() -> None:
    """The first row has three words, the second one: a mean of means would differ."""
    whole = compile_model(rate=1.0, clip_norm=0.05)
    parts = compile_model(rate=1.0, clip_norm=0.05, accumulate=2)
    assert_close(update_of(parts, compiled=True), update_of(whole))
    for one, other in zip(parts.metrics, whole.metrics, strict=True):
        assert float(one.result()) == pytest.approx(float(other.result()), rel=1e-6)


def test_every_part_drops_units_of_its_own() -> None:
    training_model = compile_model(dropout=0.5, accumulate=2)
    draws = []
    for step in (3, 4):
        for part in range(2):
            training_model._seed(tf.constant(step * 2 + part))
            draws.append(tuple(training_model.generators[0].state.numpy().tolist()))
    assert len(set(draws)) == 4
    loss_of(training_model, 3)
    last = training_model.generators[0].state.numpy()  # advanced by its own call
    assert last.tolist() == [draws[1][0], draws[1][1] + 1]


@pytest.mark.slow
def test_layers_computed_again_give_the_same_update() -> None:
    """With dropout: the second time the same units fall away."""
    kept = compile_model(rate=1.0, dropout=0.5)
    again = compile_model(rate=1.0, dropout=0.5, recompute=True)
    assert_close(update_of(again, compiled=True), update_of(kept))


def scaled_sgd(rate: float, scale: float = 2.0**8) -> keras.optimizers.Optimizer:
    return keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(rate), initial_scale=scale
    )


@pytest.mark.parametrize("clip_norm", [0.0, 0.05])
def test_a_scaled_loss_gives_the_same_update(clip_norm: float) -> None:
    plain = compile_model(rate=1.0, clip_norm=clip_norm)
    scaled = compile_model(rate=1.0, clip_norm=clip_norm, optimizer=scaled_sgd)
    assert_close(update_of(scaled), update_of(plain))


@pytest.mark.parametrize("clip_norm", [0.0, 0.05])
def test_a_step_that_overflows_is_passed_over_and_the_scale_halved(
    clip_norm: float,
) -> None:
    training_model = compile_model(
        rate=1.0, clip_norm=clip_norm, optimizer=lambda rate: scaled_sgd(rate, 2.0**127)
    )
    kernel = training_model.model.classifier.kernel
    kernel.assign(kernel * 1e4)
    assert not any(change.any() for change in update_of(training_model))
    assert float(training_model.optimizer.dynamic_scale) == 2.0**126
    assert int(training_model.optimizer.iterations) == 0
    assert np.isfinite(float(training_model.mean_loss.result()))


@pytest.mark.parametrize("scaled", [False, True])
def test_averaged_weights_are_the_moving_average(scaled: bool) -> None:
    def optimizer(rate: float) -> keras.optimizers.Optimizer:
        found = adamw(
            learning_rate=rate, steps=9, warmup_steps=0, weight_decay=0.0, ema=0.75
        )
        return keras.optimizers.LossScaleOptimizer(found) if scaled else found

    training_model = compile_model(rate=0.1, optimizer=optimizer)
    weight = training_model.model.classifier.kernel
    expected: Any = None
    for _ in range(3):
        update_of(training_model)
        now = weight.numpy()
        expected = now if expected is None else 0.75 * expected + 0.25 * now
    with training_model.averaged():
        np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(weight.numpy(), now)
    assert np.abs(now - expected).max() > 1e-3


def test_the_end_of_fit_leaves_the_weights_that_were_learnt() -> None:
    """Keras would put the averages in their place, and a run goes on from there."""

    def optimizer(rate: float) -> keras.optimizers.Optimizer:
        return adamw(
            learning_rate=rate, steps=9, warmup_steps=0, weight_decay=0.0, ema=0.9
        )

    training_model = compile_model(rate=0.1, optimizer=optimizer)
    data = tf.data.Dataset.from_tensors((FEATURES, LABELS)).repeat(3)
    training_model.fit(data, steps_per_epoch=3, shuffle=False, verbose=0)
    learnt = training_model.model.classifier.kernel.numpy()
    with training_model.averaged():
        average = training_model.model.classifier.kernel.numpy()
    assert np.abs(learnt - average).max() > 1e-3
