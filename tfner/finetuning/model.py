"""The model of a run: its encoder, its optimizer and the step that trains it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras

from tfner.config.train import OptimizerConfig, TrainConfig
from tfner.errors import ConfigError
from tfner.finetuning.recipe import decided
from tfner.inference.encoder_config import check_encoder
from tfner.inference.encoders import EncoderSource, encoder_source
from tfner.tasks import Task
from tfner.training.compile import compile_model
from tfner.training.distribution import Distribution
from tfner.training.optimizers import AdamW, adamw, layerwise_rates
from tfner.training.step import TrainingModel

EncoderFactory = Callable[[], keras.Model]
"""Makes an encoder as it is before it learns the task."""

LOSS_SCALE = 2.0**8
"""First scale of a float16 loss, a sum over words: 2^15 for the mean of 128 words."""


def make_encoder(
    config: TrainConfig, factory: EncoderFactory | None, *, task: Task | None = None
) -> EncoderSource:
    """The source of each run's encoder, checked once, before corpora are read.

    Args:
        config: names the encoder.
        factory: the user's, in place of the one that is named.
        task: the user's, whose windows count in place of those of `config`.

    Raises:
        CheckpointError: there is no encoder of that name.
        BundleError: it is a model's, and cannot be read.
        ConfigError: the user's is none, or could not be loaded from a bundle, or
            windows are longer than the encoder's positions.
    """
    if factory is None:
        factory, sizes = encoder_source(
            config.model.encoder,
            hidden_dropout=config.model.hidden_dropout,
            attention_dropout=config.model.attention_dropout,
        )
    elif config.model.lora_only:
        raise ConfigError(
            "`lora_only` leaves the encoder out of the model, so that it must have a "
            "name by which it is found again. Received: an encoder of your own. Leave "
            "out lora_only."
        )
    else:
        encoder = factory()
        check_encoder(encoder)
        names = ("family", "hidden_size", "num_layers", "max_positions")
        sizes = {n: getattr(encoder, n) for n in names if hasattr(encoder, n)}
        if not hasattr(encoder, "layer_groups"):
            sizes.pop("num_layers", None)  # its rates cannot differ
    positions = sizes.get("max_positions")
    max_length = config.task.max_length if task is None else task.max_length
    if positions is not None and max_length > positions:
        raise ConfigError(
            f"`max_length` is {max_length}, the encoder has {positions} positions. "
            f"Give --max-length {positions} or less."
        )
    return EncoderSource(factory, sizes)


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
        learning_rate=decided(config.learning_rate, "learning_rate"),
        steps=steps,
        warmup_steps=config.rising_steps(steps),
        weight_decay=config.weight_decay,
        epsilon=config.adam_epsilon,
        beta_2=config.adam_beta2,
        bias_correction=config.bias_correction,
        cycle_momentum=config.cycle_momentum,
        rates=None if decay in (None, 1) else layerwise_rates(model, decay),
        ema=config.ema,
    )
