"""The optimizer and the training step of a task's model."""

from __future__ import annotations

from functools import partial

import keras

from tfner.config.train import OptimizerConfig, TrainConfig
from tfner.tasks import Task
from tfner.training.compile import compile_model
from tfner.training.distribution import Distribution
from tfner.training.optimizers import AdamW, adamw, layerwise_rates
from tfner.training.step import TrainingModel

LOSS_SCALE = 2.0**8
"""First scale of a float16 loss, a sum over words: 2^15 for the mean of 128 words."""


def compile_task_model(
    model: keras.Model,
    task: Task,
    config: TrainConfig,
    *,
    seed: int,
    steps: int,
    distribution: Distribution,
) -> TrainingModel:
    """Make a task's model ready for `fit`.

    Args:
        model: built; its trainable weights learn.
        task: gives the loss.
        config: optimizer, precision, and how a step is computed.
        seed: of dropout.
        steps: of the whole run.
        distribution: in whose scope this is called.
    """
    return compile_model(
        model,
        partial(TrainingModel, task=task),
        make_optimizer(config.optimizer, model, steps),
        config.optimizer,
        config.devices,
        seed=seed,
        loss_scale=LOSS_SCALE,
        distribution=distribution,
    )


def make_optimizer(config: OptimizerConfig, model: keras.Model, steps: int) -> AdamW:
    """Make AdamW with warm-up and linear decay.

    Args:
        config: rates, decay and moments.
        model: gets a rate for each layer, if these are to differ.
        steps: length of the run.

    Raises:
        ConfigError: rates are to fall from layer to layer, and the encoder names none.
    """
    decay = config.layerwise_lr_decay
    return adamw(
        learning_rate=config.learning_rate,
        steps=steps,
        warmup_steps=config.rising_steps(steps),
        weight_decay=config.weight_decay,
        epsilon=config.adam_epsilon,
        beta_2=config.adam_beta2,
        bias_correction=config.bias_correction,
        cycle_momentum=config.cycle_momentum,
        rates=None if decay == 1 else layerwise_rates(model, decay),
        ema=config.ema,
    )
