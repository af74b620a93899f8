"""Callbacks of fine-tuning: dev scores, speed, progress, the end of a bad run."""

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
        """Store the number of the epoch, for the message."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Check the running mean of the loss, which stays NaN once it is.

        Raises:
            DivergedError: it is no number.
        """
        if not math.isfinite(float((logs or {}).get("loss", 0.0))):
            raise DivergedError(
                f"the loss is no longer a number at epoch {self.epoch}, step "
                f"{batch + 1}. Lower --learning-rate or raise --warmup-ratio."
            )


class Clock(keras.callbacks.Callback):
    """Measures the seconds of training steps, without evaluation and checkpoints.

    Args:
        sentences_per_epoch: number of sentences of the training corpus.
    """

    def __init__(self, sentences_per_epoch: int) -> None:
        super().__init__()
        self.sentences_per_epoch = sentences_per_epoch
        self.seconds = self.first_step = self.started = 0.0
        self.steps = self.epochs = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self.epochs += 1
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Add the seconds of a step; the first one includes the compilation."""
        now = time.perf_counter()
        if not self.steps:
            self.first_step = now - self.started
        self.steps += 1
        self.seconds += now - self.started
        self.started = now

    def speed(self) -> dict[str, float]:
        """The training rate, compilation included, and the first step's seconds."""
        sentences = self.sentences_per_epoch * self.epochs
        return {
            "train_sentences_per_second": sentences / max(self.seconds, 1e-9),
            "compile_seconds": self.first_step,
        }


class Scorer(keras.callbacks.Callback):
    """Scores dev after each epoch and puts the result into the logs.

    Args:
        score: returns `dev_f1`, `dev_loss` and other figures to log.
    """

    def __init__(self, score: Callable[[], Mapping[str, float]]) -> None:
        super().__init__()
        self.score = score

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Score dev; later callbacks find the scores in `logs`."""
        logs.update(self.score())


class StopEarly(keras.callbacks.Callback):
    """Ends the run when its score on dev does not rise any more.

    Args:
        has_stalled: tells so after an epoch, on all workers alike.
    """

    def __init__(self, has_stalled: Callable[[], bool]) -> None:
        super().__init__()
        self.has_stalled = has_stalled

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Let `fit` end."""
        if self.has_stalled():
            self.model.stop_training = True


class Progress(keras.callbacks.Callback):
    """Logs a line per epoch; on a terminal it also grows while the epoch runs.

    Args:
        epochs: number of epochs of the run.
        steps: number of steps of an epoch.
    """

    def __init__(self, epochs: int, steps: int) -> None:
        super().__init__()
        self.epochs, self.steps = epochs, steps
        self.live = sys.stderr.isatty() and logger.isEnabledFor(logging.INFO)
        self.epoch = 0
        self.last = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Store the number of the epoch, for the line."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Redraw the line, twice a second at most."""
        now = time.monotonic()
        if not self.live or now - self.last < REPORT_EVERY:
            return
        self.last = now
        line = f"epoch {self.epoch}/{self.epochs}  step {batch + 1}/{self.steps}"
        line += f"  loss {float((logs or {}).get('loss', 0)):.4f}"
        sys.stderr.write(f"\r{line}\x1b[K")
        sys.stderr.flush()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log the finished line with all figures of the epoch."""
        if self.live:
            sys.stderr.write("\r\x1b[K")
        scores = "  ".join(f"{name} {float(v):.4f}" for name, v in (logs or {}).items())
        logger.info("epoch %s/%s  %s", epoch + 1, self.epochs, scores)
