"""Dry runs: figures of a run that is prepared and not trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfner.config.train import TrainConfig
from tfner.data.features import LABELS
from tfner.data.packing import BatchPlan
from tfner.data.windows import Window
from tfner.finetuning.compiled import compile_run
from tfner.finetuning.model import make_encoder
from tfner.finetuning.training_data import load_training_data
from tfner.tasks import Task
from tfner.training.distribution import distribution
from tfner.training.keras_internals import schedule_of

BYTES = 4
STATES = 3
"""Numbers beside each weight that learns: its gradient, Adam's two moments."""
SHOWN_PIECES = 40
MARKS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the run whose learning rate is shown."""


def dry_run(config: TrainConfig) -> dict[str, Any]:
    """Prepare a run; return its counts, steps, rates, memory and first window.

    Raises:
        ConfigError: the settings do not allow the run.
        StorageError: a corpus cannot be read.
    """
    config.check_needed("output")
    devices = distribution(config.devices.strategy, tpu=config.devices.tpu)
    source = make_encoder(config, None)
    with devices.working():
        data = load_training_data(config, sizes=source.sizes)
        seed = config.optimizer.seed
        run = compile_run(data, seed, encoder=source.make, distribution=devices)
    task, corpora, windows = data.task, data.corpora, data.windows
    plan = run.plan
    model = run.model.model
    steps = len(plan.row_lengths)
    schedule = schedule_of(run.model.optimizer)
    return {
        "sentences": {
            part: len(getattr(corpora, part)) for part in ("train", "dev", "test")
        },
        "labels": list(task.label_set.labels),
        "tags": len(task.label_set.tags) if LABELS in task.features else None,
        "lost": dict(data.counts),
        "windows": len(windows),
        "weights": count_of(model.weights),
        "trainable_weights": count_of(model.trainable_weights),
        "steps": steps,
        "steps_per_epoch": plan.steps_per_epoch,
        "batch_shapes": shapes_of(plan),
        "filled_positions": run.filled_positions,
        "learning_rates": {
            str(round(share * (steps - 1))): float(schedule(round(share * (steps - 1))))
            for share in MARKS
        },
        "memory_mb": {
            "weights_and_optimizer": states_mb(model.weights, model.trainable_weights),
            "activations": activations_of(model.encoder, plan, config),
        },
        "first_window": show_window(task, windows[0]),
    }


def shapes_of(plan: BatchPlan) -> list[list[int]]:
    """Rows and pieces of the batches, each shape once, as each is compiled once."""
    rows = plan.windows.shape[1]
    return [[rows, int(length)] for length in np.unique(plan.row_lengths)]


def count_of(weights: Sequence[Any]) -> int:
    """Count the numbers in weights."""
    return sum(math.prod(weight.shape) for weight in weights)


def states_mb(weights: Sequence[Any], trainable: Sequence[Any]) -> int:
    """Megabytes of all weights, and of what training keeps of those that learn."""
    return round(BYTES * (count_of(weights) + STATES * count_of(trainable)) / 1e6)


def activations_of(encoder: Any, plan: BatchPlan, config: TrainConfig) -> int | None:
    """Estimate the megabytes of what the backward pass reads.

    In each layer these are for each piece about 9 vectors of the hidden width and 2 of
    the intermediate one, and for each pair of pieces 3 numbers a head (scores,
    probabilities, dropped ones), in float32 (half of that in mixed precision). XLA
    fuses some of them away.

    Args:
        encoder: its sizes decide; None is returned if it does not name them.
        plan: decides the largest batch.
        config: names precision, recomputation and accumulation.
    """
    needed = ("hidden_size", "intermediate_size", "num_heads", "num_layers")
    if not all(hasattr(encoder, name) for name in needed):
        return None
    length = int(plan.row_lengths.max())
    pieces = plan.windows.shape[1] * length / config.optimizer.accumulate
    per_piece = 9 * encoder.hidden_size + 2 * encoder.intermediate_size
    per_piece += 3 * encoder.num_heads * length
    layers = 1 if config.devices.recompute else encoder.num_layers
    size = BYTES if config.devices.precision == "float32" else BYTES / 2
    return int(size * pieces * per_piece * layers / 1e6)


def show_window(task: Task, window: Window) -> dict[str, Any]:
    """The beginning of a window's features and targets, as the model sees them."""
    ids = window.features["input_ids"][:SHOWN_PIECES].tolist()
    return {
        "pieces": len(window),
        "features": {
            name: values[:SHOWN_PIECES].tolist()
            for name, values in window.features.items()
        },
        "targets": {
            name: values[:SHOWN_PIECES].tolist()
            for name, values in (window.targets or {}).items()
        },
        "words": [list(word) for word in window.words[: len(ids)]],
    }


def render(record: dict[str, Any]) -> str:
    """Render the record of a dry run as text."""
    sentences = ", ".join(f"{n:,} {part}" for part, n in record["sentences"].items())
    shapes = ", ".join(f"{rows} x {length}" for rows, length in record["batch_shapes"])
    memory = record["memory_mb"]
    estimate = memory["activations"]
    rates = ", ".join(
        f"step {step}: {rate:.2g}" for step, rate in record["learning_rates"].items()
    )
    first = record["first_window"]
    tags = f" ({record['tags']} tags)" if record["tags"] else ""
    lines = [
        f"sentences      {sentences}",
        f"labels         {', '.join(record['labels'])}{tags}",
        f"windows        {record['windows']:,}",
        f"steps          {record['steps']:,}, {record['steps_per_epoch']:,} an epoch",
        f"batches        {shapes} (rows x pieces), "
        f"{record['filled_positions']:.1%} filled",
        f"weights        {record['weights']:,}, of which "
        f"{record['trainable_weights']:,} learn",
        f"memory         {memory['weights_and_optimizer']:,} MB of weights and "
        "optimizer"
        + ("" if estimate is None else f", about {estimate:,} MB of activations"),
        f"learning rate  {rates}",
        f"first window   {first['pieces']} pieces",
    ]
    for name, values in {**first["features"], **first["targets"]}.items():
        lines.append(f"  {name:<18} {' '.join(map(str, values))}")
    return "\n".join(lines)
