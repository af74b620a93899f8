"""The callback of pretraining, which reports and saves between steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfner.models.pretraining.electra import FIGURES
from tfner.pretraining.report import Report, figures
from tfner.pretraining.step import PretrainingModel
from tfner.training.checkpoints import own_copies
from tfner.training.stopping import StoppedError

TOKENS = FIGURES.index("tokens")


class PretrainingCallback(keras.callbacks.Callback):
    """Reports every `log_every` steps and saves every `save_every` steps.

    Args:
        training_model: the model that `fit` trains.
        done: number of steps before this fit.
        steps: number of steps of the whole run.
        log_every: steps between two reports.
        save_every: steps between two checkpoints.
        report: called with every report.
        save: writes the checkpoint of a step.
        asked_to_stop: returns True to save now and end the run.
    """

    def __init__(
        self,
        training_model: PretrainingModel,
        *,
        done: int,
        steps: int,
        log_every: int,
        save_every: int,
        report: Callable[[Report], None],
        save: Callable[[int], None],
        asked_to_stop: Callable[[], bool],
    ) -> None:
        super().__init__()
        self.training_model, self.done, self.steps = training_model, done, steps
        self.log_every, self.save_every = log_every, save_every
        self.report, self.save, self.asked_to_stop = report, save, asked_to_stop
        self.figures: dict[str, float] = {}
        self.step = self.reported = done
        self.since = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Report and save if it is time; a device may take several steps at once.

        Raises:
            TrainingError: the run cannot go on, or was asked to stop.
        """
        before, self.step = self.step, self.done + batch + 1
        stop = self.asked_to_stop()
        now = stop or self.step >= self.steps
        if now or before // self.log_every < self.step // self.log_every:
            self._report()
        if now or before // self.save_every < self.step // self.save_every:
            started = time.perf_counter()
            self.save(self.step)
            self.since += time.perf_counter() - started
        if stop and self.step < self.steps:
            raise StoppedError(
                f"stopped as asked after step {self.step}; all is saved. The same "
                "command with --resume goes on from there."
            )

    def _report(self) -> None:
        # Every replica has summed over the batches of all.
        values, (loss, steps) = (
            np.asarray(own_copies(variable)[0])
            for variable in self.training_model.sums.variables
        )
        tokens_per_step = values[TOKENS] / steps
        seconds = (time.perf_counter() - self.since) / (self.step - self.reported)
        self.figures = {
            "loss": float(loss / steps),
            **figures(values),
            "learning_rate": float(self.training_model.optimizer.learning_rate),
            "tokens_per_second": float(tokens_per_step / seconds),
        }
        self.training_model.reset_metrics()
        self.report(Report(self.step, self.figures, seconds))
        self.reported, self.since = self.step, time.perf_counter()
