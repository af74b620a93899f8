"""What happens beside the steps: dev scores, speed, progress, the end of a bad run."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras

from tfner.training.stopping import DivergedError

logger = logging.getLogger(__name__)

REPORT_EVERY = 0.5
"""Seconds between two updates of the progress line."""


class StopAtNaN(keras.callbacks.Callback):
    """Ends the run at the first step whose loss is no number."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember where we are."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the running mean, which stays NaN once it is."""
        if not math.isfinite(float((logs or {}).get("loss", 0.0))):
            raise DivergedError(
                f"the loss is no longer a number at epoch {self.epoch}, step "
                f"{batch + 1}. Lower --learning-rate or raise --warmup-ratio."
            )


class Clock(keras.callbacks.Callback):
    """Seconds spent in training steps, evaluation and checkpoints left out.

    Args:
        sentences_per_epoch: of the training corpus.
    """

    def __init__(self, sentences_per_epoch: int) -> None:
        super().__init__()
        self.sentences_per_epoch = sentences_per_epoch
        self.seconds = self.first_step = self.started = 0.0
        self.steps = self.epochs = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start."""
        self.epochs += 1
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """The first step holds the compilation; epochs end with their last step."""
        now = time.perf_counter()
        if not self.steps:
            self.first_step = now - self.started
        self.steps += 1
        self.seconds += now - self.started
        self.started = now

    def speed(self) -> dict[str, float]:
        """The rate, compilation included, and the seconds of the first step."""
        sentences = self.sentences_per_epoch * self.epochs
        return {
            "train_sentences_per_second": sentences / max(self.seconds, 1e-9),
            "compile_seconds": self.first_step,
        }


class Scorer(keras.callbacks.Callback):
    """After each epoch scores dev and puts the result into the logs.

    Args:
        score: returns `dev_f1` and `dev_loss` and whatever else is to be logged.
    """

    def __init__(self, score: Callable[[], Mapping[str, float]]) -> None:
        super().__init__()
        self.score = score

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Later callbacks find the scores in `logs`."""
        logs.update(self.score())


class Progress(keras.callbacks.Callback):
    """One logged line per epoch; on a terminal it also grows while the epoch runs.

    Args:
        epochs, steps: of the whole run and per epoch.
    """

    def __init__(self, epochs: int, steps: int) -> None:
        super().__init__()
        self.epochs, self.steps = epochs, steps
        self.live = sys.stderr.isatty() and logger.isEnabledFor(logging.INFO)
        self.epoch = 0
        self.last = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember where we are."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Redraw, twice a second at most."""
        now = time.monotonic()
        if not self.live or now - self.last < REPORT_EVERY:
            return
        self.last = now
        line = f"epoch {self.epoch}/{self.epochs}  step {batch + 1}/{self.steps}"
        line += f"  loss {float((logs or {}).get('loss', 0)):.4f}"
        sys.stderr.write(f"\r{line}\x1b[K")
        sys.stderr.flush()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """The finished line with all that was measured."""
        if self.live:
            sys.stderr.write("\r\x1b[K")
        scores = "  ".join(f"{name} {float(v):.4f}" for name, v in (logs or {}).items())
        logger.info("epoch %s/%s  %s", epoch + 1, self.epochs, scores)
