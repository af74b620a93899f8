"""Pretraining steps on JAX: arrays in, a compiled step, Keras' weights out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tfner.models.pretraining.electra import BINS, FIGURES, Electra, MaskedLanguageModel
from tfner.pretraining.model import DRAWS


def train_on_jax(
    model: Electra | MaskedLanguageModel,
    optimizer: keras.optimizers.Optimizer,
    batches: Iterator[Mapping[str, Any]],
    *,
    steps: int,
    first_step: int = 0,
    seed: int = 0,
    clip_norm: float = 1.0,
    every: int = 100,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Take steps with Keras on JAX; between them model and optimizer stand as trained.

    Args:
        model: built.
        optimizer: built on the model's trainable variables.
        batches: dicts of `input_ids`, `attention_mask`, `token_type_ids`, (B, S) int32
            each, of one shape.
        steps: of the whole run.
        first_step: steps that are done; the batches go on from there.
        seed: of what is hidden and drawn, and of dropout.
        clip_norm: largest global norm of the gradient; 0 does not clip.
        every: steps between two reports.

    Yields:
        The number of steps done, and the sums of the batches since the last report
        (see `tfner.pretraining.report.figures`).
    """
    import jax

    step = jax.jit(_step(model, optimizer, seed, clip_norm), donate_argnums=0)
    state = [_values(v) for v in _variables(model, optimizer)]
    zeros = np.zeros(len(FIGURES) + 2 * BINS, np.float32)
    sums = zeros
    for number in range(first_step, steps):
        state, found = step(state, dict(next(batches)), np.uint32(number))
        sums = sums + found
        done = number + 1
        if done == steps or done % every == 0:
            # Copies: the next step takes the arrays of its state for its own.
            for variables, values in zip(
                _variables(model, optimizer), state, strict=True
            ):
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(np.asarray(value))
            yield done, np.asarray(sums)
            sums = zeros


def _variables(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Any:
    return (
        model.trainable_variables,
        model.non_trainable_variables,
        optimizer.variables,
    )


def _values(variables: Any) -> list[Any]:
    return [np.asarray(variable.value) for variable in variables]


def _step(model: Any, optimizer: Any, seed: int, clip_norm: float) -> Any:
    import jax

    names = [id(variable) for variable in model.non_trainable_variables]
    places = [
        names.index(id(layer.seed_generator.state))
        for layer in model._flatten_layers()
        if hasattr(layer, "seed_generator")
    ]

    def loss(trainable: Any, other: Any, batch: Any) -> Any:
        sums, _ = model.stateless_call(trainable, other, batch, training=True)
        return model.batch_loss(sums, model.counts(batch)), sums

    def step(state: Any, batch: Any, number: Any) -> Any:
        trainable, other, moments = state
        seeded = list(other)
        for order, place in enumerate(places):
            start = np.uint32(1_000 * seed + order)
            seeded[place] = ops.stack([start, number * DRAWS])
        (_, sums), gradients = jax.value_and_grad(loss, has_aux=True)(
            trainable, seeded, batch
        )
        if clip_norm:
            norm = ops.sqrt(sum(ops.sum(ops.square(g)) for g in gradients))
            scale = ops.minimum(1.0, clip_norm / ops.maximum(norm, 1e-6))
            gradients = [gradient * scale for gradient in gradients]
        trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
        return [trainable, other, moments], sums

    return step
