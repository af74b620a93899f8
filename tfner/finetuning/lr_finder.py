"""Smith's range test, which finds a learning rate.

The rate rises from step to step; the loss falls while the rate is good and grows when
it is too high. Suggested is the rate at which the smoothed loss falls fastest.

Source: Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017,
section 3.3; smoothing and stopping as in fastai's lr_find.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from tfner.config.train import TrainConfig
from tfner.errors import ConfigError, TrainingError
from tfner.finetuning.compiled import compile_run
from tfner.finetuning.model import EncoderFactory, make_encoder
from tfner.finetuning.training_data import load_training_data
from tfner.tasks import Task
from tfner.tokenization import Tokenizer
from tfner.training.distribution import distribution
from tfner.training.keras_internals import schedule_of
from tfner.training.optimizers import Sweep
from tfner.training.step import TrainingModel

IGNORED: dict[str, Any] = {
    "epochs": 1,
    "dev": None,
    "test": None,
    "dev_fraction": 0.0,
    "learning_rate": 1.0,
    "warmup_ratio": 0.0,
    "best": "last",
    "patience": 0,
}
"""Settings that decide nothing here, as the test takes them."""
MODES = ("exponential", "linear")
SMOOTHING = 0.9
"""Share of the past in the running mean of the losses."""
DIVERGED = 4.0
"""The test ends when the smoothed loss is this many times the lowest one."""
FEWEST = 10
"""Steps that a suggestion needs at least."""


@dataclass(frozen=True)
class RangeTest:
    """The measurements of a range test.

    Args:
        rates: learning rate of each step.
        losses: loss of each step.
        smoothed: running mean of the losses, its start corrected.
        suggestion: the rate at which the smoothed loss falls fastest; None if it never
            falls.
        lowest: the rate at which the smoothed loss is lowest; useful rates are well
            below it.
        diverged: the test ended early.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float | None
    lowest: float
    diverged: bool

    def to_json(self) -> dict[str, Any]:
        """The record that `tfner find-lr --json` prints."""
        return asdict(self)


class _Recorder(keras.callbacks.Callback):
    """Keeps the loss of every single step; ends the fit when it diverges."""

    def __init__(self, training_model: TrainingModel) -> None:
        super().__init__()
        self.training_model = training_model
        self.losses: list[float] = []
        self.diverged = False

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Reset the mean, so that logs hold the loss of one step."""
        self.training_model.mean_loss.reset_state()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keep the loss; compare its running mean with the lowest."""
        loss = float((logs or {})["loss"])
        if math.isfinite(loss):
            self.losses.append(loss)
            means = smooth(self.losses)
            self.diverged = means[-1] > DIVERGED * min(means)
        else:
            self.diverged = True
        if self.diverged:
            self.training_model.stop_training = True


def range_test(
    training_model: TrainingModel, batches: Iterable[Any], schedule: Sweep
) -> RangeTest:
    """Train a model under a rising rate, and put its weights back.

    Args:
        training_model: compiled; afterwards its weights and optimizer are as before.
        batches: at least as many as the schedule has steps.
        schedule: from the lowest to the highest rate.
    """
    weights = training_model.model.trainable_variables  # others may be large
    variables = [*weights, *training_model.optimizer.variables]
    before = [variable.numpy() for variable in variables]
    recorder = _Recorder(training_model)
    usual = schedule_of(training_model.optimizer)
    training_model.optimizer.learning_rate = schedule
    try:
        training_model.fit(
            batches,
            steps_per_epoch=schedule.steps,
            shuffle=False,
            verbose=0,
            callbacks=[recorder],
        )
    finally:
        training_model.optimizer.learning_rate = usual
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
    losses = recorder.losses
    rates = [float(schedule(step)) for step in range(len(losses))]
    smoothed = smooth(losses)
    return RangeTest(
        rates,
        losses,
        smoothed,
        suggest(rates, smoothed),
        rates[int(np.argmin(smoothed))] if rates else schedule.low,
        recorder.diverged,
    )


def smooth(losses: Sequence[float]) -> list[float]:
    """Exponential running mean, corrected for its start at 0.

    Example:
        >>> smooth([1.0, 1.0])
        [1.0, 1.0]
    """
    mean, smoothed = 0.0, []
    for step, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING**step))
    return smoothed


def suggest(rates: Sequence[float], smoothed: Sequence[float]) -> float | None:
    """The rate of the steepest fall per factor of the rate, before the lowest loss."""
    end = int(np.argmin(smoothed)) + 1 if smoothed else 0
    if end < FEWEST:
        return None
    slopes = np.gradient(smoothed[:end], np.log(rates[:end]))
    steepest = int(np.argmin(slopes))
    return rates[steepest] if slopes[steepest] < 0 else None


def find_learning_rate(
    config: TrainConfig,
    *,
    low: float = 1e-6,
    high: float = 1e-1,
    steps: int = 100,
    mode: str = "exponential",
    task: Task | None = None,
    tokenizer: Tokenizer | None = None,
    encoder: EncoderFactory | None = None,
) -> RangeTest:
    """Run a range test of the run that `config` describes.

    Args:
        config: as for `train`; its learning rate, epochs and output do not matter.
        low: first rate.
        high: last rate, larger than `low`.
        steps: of the test, at least 10; the corpus must give as many batches.
        mode: "exponential" or "linear".
        task: as for `train`.
        tokenizer: as for `train`.
        encoder: as for `train`.

    Raises:
        ConfigError: the range is none, or the corpus is too small for the steps.
    """
    if not 0 < low < high or steps < FEWEST or mode not in MODES:
        raise ConfigError(
            f"a range test needs 0 < low < high, at least {FEWEST} steps and a mode of "
            f"{', '.join(MODES)}. Received: low={low}, high={high}, steps={steps}, "
            f"mode={mode}"
        )
    config.check_needed("output")
    devices = distribution(config.devices.strategy, tpu=config.devices.tpu)
    source = make_encoder(config, encoder, task=task)
    with devices.working():
        data = load_training_data(
            config.replace(**IGNORED),
            task=task,
            tokenizer=tokenizer,
            sizes=source.sizes,
        )
        seed = config.optimizer.seed
        run = compile_run(data, seed, encoder=source.make, distribution=devices)
        available = run.plan.steps_per_epoch
        if available < steps:
            raise ConfigError(
                f"the corpus gives {available} batches, the test takes {steps} steps. "
                f"Give --steps {available} or less, or a smaller --batch-size."
            )
        sweep = Sweep(low, high, steps=steps, mode=mode)
        found = range_test(run.model, run.batches(), sweep)
    if len(found.losses) < FEWEST:
        raise TrainingError(
            f"the loss diverged after {len(found.losses)} steps. Lower --low."
        )
    return found
