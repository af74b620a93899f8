"""What a model needs to learn: its precision, what is frozen, optimizer and step."""

from __future__ import annotations

import keras

from tfner.config.train import TrainConfig
from tfner.errors import ConfigError
from tfner.tasks import Task
from tfner.training.distribution import Distribution
from tfner.training.optimizers import adamw, layerwise_rates
from tfner.training.precision import scaled_loss
from tfner.training.step import Trainee

LOSS_SCALE = 2.0**8
"""First scale of a float16 loss, a sum over words: 2^15 for the mean of 128 words."""


def prepare(encoder: keras.Model, *, freeze: int | None, recompute: bool) -> None:
    """Say which layers learn, and whether they are computed again for the gradient.

    Args:
        encoder: with `blocks`, `embeddings` and `recompute`, as tfner's own.
        freeze: lowest layers that do not learn, nor do the embeddings; None: all learn.
        recompute: trades time for memory.

    Raises:
        ConfigError: the encoder has fewer layers, or cannot do it.
    """
    if recompute:
        if not hasattr(encoder, "recompute"):
            raise ConfigError("--recompute needs an encoder of tfner's own.")
        encoder.recompute = True
    if freeze is None:
        return
    if not hasattr(encoder, "blocks"):
        raise ConfigError(
            "--freeze needs an encoder whose layers are its `blocks`. Received: "
            f"encoder={type(encoder).__name__}"
        )
    if freeze > len(encoder.blocks):
        raise ConfigError(
            f"`freeze` is {freeze}, the encoder has {len(encoder.blocks)} layers."
        )
    encoder.embeddings.trainable = False
    projection = getattr(encoder, "embedding_projection", None)
    for layer in [projection, *encoder.blocks[:freeze]]:
        if layer is not None:
            layer.trainable = False


def make_trainee(
    model: keras.Model,
    task: Task,
    config: TrainConfig,
    *,
    seed: int,
    steps: int,
    distribution: Distribution,
) -> Trainee:
    """The model with its optimizer and train step, ready for `fit`.

    Args:
        model: built; its trainable weights learn.
        task: gives the loss.
        config: how it learns.
        seed: of dropout.
        steps: of the whole run.
        distribution: in whose scope this is called.
    """
    optimizer: keras.optimizers.Optimizer = adamw(
        learning_rate=config.learning_rate,
        steps=steps,
        warmup=config.warmup,
        weight_decay=config.weight_decay,
        epsilon=config.adam_epsilon,
        beta_2=config.adam_beta2,
        bias_correction=config.bias_correction,
        cycle_momentum=config.cycle_momentum,
        rates=_rates(model, config.layerwise_lr_decay),
        ema=config.ema,
    )
    optimizer = scaled_loss(optimizer, config.precision, first_scale=LOSS_SCALE)
    optimizer.build(model.trainable_variables)
    whole_step, gradient = distribution.compiles(config.jit_compile)
    trainee = Trainee(
        model,
        task,
        clip_norm=config.clip_norm,
        seed=seed,
        accumulate=config.accumulate,
        jit_gradient=gradient,
    )
    trainee.compile(
        optimizer=optimizer,
        jit_compile=whole_step,
        steps_per_execution=distribution.steps_per_execution(
            config.steps_per_execution
        ),
    )
    return trainee


def _rates(model: keras.Model, decay: float) -> dict[str, float] | None:
    if decay == 1:
        return None
    try:
        return layerwise_rates(model, decay)
    except ValueError as error:
        raise ConfigError(f"`layerwise_lr_decay` must be 1 here: {error}") from error
