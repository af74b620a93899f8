"""A run before its first step: the model, its batches and their order."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import keras

from tfner.data.features import INPUT_IDS
from tfner.data.packing import BatchPlan, make_batch_plan
from tfner.errors import ConfigError
from tfner.finetuning.model import EncoderFactory, compile_task_model
from tfner.finetuning.recipe import decided
from tfner.finetuning.training_data import TrainingData
from tfner.inference.native_bundle import build
from tfner.models.encoders.interface import freeze_layers, recompute_layers
from tfner.models.encoders.lora import add_adapters
from tfner.training.distribution import Distribution
from tfner.training.precision import precision
from tfner.training.step import TrainingModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CompiledRun:
    """A model that is ready for `fit`, and the batches that it will see.

    Args:
        data: what all runs of a config share.
        seed: decides new weights, dropout and the order of the windows.
        encoder: makes the encoder of a new model.
        distribution: the devices.
        model: in the step that trains it.
        plan: which windows are in which batch of the whole run.
    """

    data: TrainingData
    seed: int
    encoder: EncoderFactory
    distribution: Distribution
    model: TrainingModel
    plan: BatchPlan

    @property
    def filled_positions(self) -> float:
        """Share of the positions in all batches that hold a piece."""
        return self.plan.filled(self.data.table.lengths)

    def batches(self, *, skip: int = 0) -> Any:
        """Return what `fit` reads, from the step after so many."""
        return self.distribution.batches(self.data.table, self.plan, skip=skip)

    def new_model(self) -> keras.Model:
        """Make the model again, in float32 and without its step."""
        model = build_model(self.data, self.seed, self.encoder)
        choose_weights(model.encoder, self.data)
        return model


def compile_run(
    data: TrainingData,
    seed: int,
    *,
    encoder: EncoderFactory,
    distribution: Distribution,
) -> CompiledRun:
    """Prepare a run; nothing is written.

    Args:
        data: what all runs of a config share.
        seed: of this run.
        encoder: makes the encoder, before it learnt the task.
        distribution: the devices.

    Raises:
        ConfigError: encoder, tokenizer, layout and devices do not fit each other.
    """
    config = data.config
    with distribution.scope():
        with precision(config.devices.precision):
            model = build_model(data, seed, encoder)
        if config.devices.recompute:
            recompute_layers(model.encoder)
        choose_weights(model.encoder, data)
        packs = getattr(model, "packs", False)
        plan = plan_batches(data, seed, packs=packs, distribution=distribution)
        training_model = compile_task_model(
            model,
            data.task,
            config,
            seed=seed,
            steps=len(plan.row_lengths),
            distribution=distribution,
        )
    return CompiledRun(data, seed, encoder, distribution, training_model, plan)


def choose_weights(encoder: keras.Model, data: TrainingData) -> None:
    """Choose the weights of an encoder that learn.

    Args:
        encoder: built.
        data: says which layers are frozen, whether changes are learned in place of
            weights, and which pieces there are.

    Raises:
        ConfigError: layers are to be frozen or adapted that the encoder does not have.
    """
    settings = data.config.model
    if settings.freeze is not None:
        freeze_layers(encoder, settings.freeze)
    if settings.lora is not None:
        add_adapters(encoder, settings.lora, alpha=settings.lora_alpha)
    elif settings.freeze is None and hasattr(encoder, "learn_pieces"):
        encoder.learn_pieces(data.table.pieces[INPUT_IDS.name])


def build_model(data: TrainingData, seed: int, encoder: EncoderFactory) -> keras.Model:
    """Build a task's model, with the same new weights for the same seed.

    Args:
        data: holds the task.
        seed: of the weights that the encoder does not bring.
        encoder: makes the encoder.

    Raises:
        ConfigError: the tokenizer has pieces that the encoder does not know.
    """
    keras.utils.set_random_seed(seed)
    made = encoder()
    pieces = data.task.tokenizer.vocab_size
    if pieces > getattr(made, "vocab_size", pieces):
        raise ConfigError(
            f"the vocabulary has {pieces} pieces, the encoder knows "
            f"{made.vocab_size}. Give the tokenizer that belongs to the encoder."
        )
    model = data.task.build(made, dropout=data.config.model.dropout)
    build(model)
    return model


def plan_batches(
    data: TrainingData, seed: int, *, packs: bool, distribution: Distribution
) -> BatchPlan:
    """Plan the batches of the whole run for these devices.

    Args:
        data: holds the windows and the settings.
        seed: decides the order, together with the epoch.
        packs: the model takes several windows in a row.
        distribution: the devices, between which the rows are divided.

    Raises:
        ConfigError: a TPU would get batches of several shapes.
    """
    optimizer, devices = data.config.optimizer, data.config.devices
    on_tpu = distribution.kind == "tpu"
    layout = optimizer.layout
    if layout == "packed" and not packs:
        layout = "padded" if on_tpu else "bucketed"
        logger.info("this encoder does not take packed rows: batches are %s", layout)
    if layout == "bucketed" and on_tpu:
        raise ConfigError(
            "a TPU needs batches of one shape. Received: layout=bucketed. Give "
            "--layout packed or padded."
        )
    plan = make_batch_plan(
        data.table.lengths,
        layout=layout,
        batch_size=decided(optimizer.batch_size, "batch_size"),
        seed=seed,
        epochs=decided(optimizer.epochs, "epochs"),
        max_length=data.task.max_length,
        group=distribution.steps_per_execution(devices.steps_per_execution),
    )
    rows = plan.windows.shape[1]
    parts = distribution.replicas * optimizer.accumulate
    if rows % parts:
        logger.info(
            "a batch has %s rows for %s parts (replicas times --accumulate): "
            "%s empty ones are added",
            rows,
            parts,
            -rows % parts,
        )
    return plan.divisible(parts)
