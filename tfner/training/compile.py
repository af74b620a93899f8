"""A model in the step that trains it, with its optimizer: the same for every run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import keras

from tfner.config.shared import DevicesConfig, OptimizationConfig
from tfner.training.distribution import Distribution
from tfner.training.optimizers import AdamW
from tfner.training.parts import adam_in_one_pass, compiled, elementwise
from tfner.training.precision import scaled_loss
from tfner.training.step import TrainStepModel

StepModel = TypeVar("StepModel", bound=TrainStepModel)


def compile_model(
    model: keras.Model,
    step: Callable[..., StepModel],
    optimizer: keras.optimizers.Optimizer,
    optimization: OptimizationConfig,
    devices: DevicesConfig,
    *,
    seed: int,
    loss_scale: float,
    distribution: Distribution,
) -> StepModel:
    """Make a model ready for `fit`.

    Args:
        model: built; its trainable weights learn.
        step: makes the `TrainStepModel` around it.
        optimizer: not yet built.
        optimization: says how the gradient is clipped and accumulated.
        devices: says how a step is compiled and rounded.
        seed: of dropout, and of whatever else a step draws.
        loss_scale: first scale of the loss in float16.
        distribution: in whose scope this is called.
    """
    optimizer = scaled_loss(optimizer, devices.precision, first_scale=loss_scale)
    optimizer.build(model.trainable_variables)
    whole_step, gradient = distribution.compiles(devices.jit_compile)
    if whole_step and distribution.on_cpu() and isinstance(optimizer, AdamW):
        optimizer.adam = partial(adam_in_one_pass, optimizer)
        whole_step, gradient = False, not _in_parts(model)
    training_model = step(
        model,
        clip_norm=optimization.clip_norm,
        seed=seed,
        accumulate=optimization.accumulate,
        jit_gradient=gradient,
    )
    together = distribution.steps_per_execution(devices.steps_per_execution)
    training_model.compile(
        optimizer=optimizer, jit_compile=whole_step, steps_per_execution=together
    )
    return training_model


def _in_parts(model: keras.Model) -> bool:
    """Let a model be computed by compiled parts, and tell if it can."""
    found = getattr(model, "compile_parts", None)
    return found is not None and bool(found(compiled, elementwise))
