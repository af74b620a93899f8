"""A model with the optimizer and the step that train it."""

from __future__ import annotations

import keras

from tfner.config.train import TrainConfig
from tfner.tasks import Task
from tfner.training.distribution import Distribution
from tfner.training.optimizers import adamw, layerwise_rates
from tfner.training.precision import scaled_loss
from tfner.training.step import TrainingModel

LOSS_SCALE = 2.0**8
"""First scale of a float16 loss, a sum over words: 2^15 for the mean of 128 words."""


def compile_model(
    model: keras.Model,
    task: Task,
    config: TrainConfig,
    *,
    seed: int,
    steps: int,
    distribution: Distribution,
) -> TrainingModel:
    """The model with its optimizer and train step, ready for `fit`.

    Args:
        model: built; its trainable weights learn.
        task: gives the loss.
        config: how it learns.
        seed: of dropout.
        steps: of the whole run.
        distribution: in whose scope this is called.
    """
    decay = config.layerwise_lr_decay
    optimizer: keras.optimizers.Optimizer = adamw(
        learning_rate=config.learning_rate,
        steps=steps,
        warmup=config.warmup,
        weight_decay=config.weight_decay,
        epsilon=config.adam_epsilon,
        beta_2=config.adam_beta2,
        bias_correction=config.bias_correction,
        cycle_momentum=config.cycle_momentum,
        rates=None if decay == 1 else layerwise_rates(model, decay),
        ema=config.ema,
    )
    optimizer = scaled_loss(optimizer, config.precision, first_scale=LOSS_SCALE)
    optimizer.build(model.trainable_variables)
    whole_step, gradient = distribution.compiles(config.jit_compile)
    training_model = TrainingModel(
        model,
        task,
        clip_norm=config.clip_norm,
        seed=seed,
        accumulate=config.accumulate,
        jit_gradient=gradient,
    )
    training_model.compile(
        optimizer=optimizer,
        jit_compile=whole_step,
        steps_per_execution=distribution.steps_per_execution(
            config.steps_per_execution
        ),
    )
    return training_model
