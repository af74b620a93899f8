"""What happens beside the steps: dev scores, the best epoch, logs, checkpoints."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np

from tfner.errors import TrainingError

STATE = "checkpoint.npz"
BEST = "best.npz"
LOG = "log.csv"
REPORT_EVERY = 0.5
"""Seconds between two updates of the progress line."""


class DivergedError(TrainingError):
    """The loss or the weights are no numbers any more."""


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
                f"{batch + 1}. Lower --learning-rate or raise --warmup."
            )


class Clock(keras.callbacks.Callback):
    """Seconds spent in training steps, evaluation and checkpoints left out."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = self.first_step = self.started = 0.0
        self.steps = self.epochs = self.sentences_per_epoch = 0

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


class Checkpoint(keras.callbacks.Callback):
    """Keeps the best weights, and after each epoch all that a resumed run needs.

    Files are written under a temporary name and renamed, so that a kill at any moment
    leaves the previous ones whole.

    Args:
        directory: of this run.
        trainee: whose weights and optimizer are kept.
        monitor: what selects the epoch, `dev_f1` or `dev_loss`; the last one if None.
        fingerprint: settings that a resumed run must share.
    """

    def __init__(
        self,
        directory: Path,
        trainee: keras.Model,
        *,
        monitor: str | None,
        fingerprint: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.directory, self.trainee, self.monitor = directory, trainee, monitor
        self.fingerprint = dict(fingerprint)
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the best weights first: the state that names them must not be ahead.

        Raises:
            DivergedError: the epoch's last step spoilt the weights.
            TrainingError: the files cannot be written.
        """
        weights = self._weights()
        if not all(np.isfinite(array).all() for array in weights):
            raise DivergedError(
                f"weights are no longer numbers at the end of epoch {epoch + 1}. "
                "Lower --learning-rate or raise --warmup."
            )
        self.history.append(
            {"epoch": epoch + 1, **{name: float(v) for name, v in logs.items()}}
        )
        if self._is_best():
            self.best_epoch = epoch + 1
            with self.trainee.averaged():
                save_arrays(self.directory / BEST, self._weights())
        about = {
            "history": self.history,
            "best_epoch": self.best_epoch,
            "settings": self.fingerprint,
        }
        optimizer = [v.numpy() for v in self.trainee.optimizer.variables]
        save_arrays(self.directory / STATE, [*weights, *optimizer], json.dumps(about))
        with written(self.directory / LOG) as file:
            file.write(log_text(self.history).encode())

    def _weights(self) -> list[Any]:
        return [v.numpy() for v in self.trainee.model.weights]

    def _is_best(self) -> bool:
        if self.monitor is None:
            return True
        *earlier, now = map(self._merit, self.history)
        return all(now > merit for merit in earlier)

    def _merit(self, line: Mapping[str, float]) -> tuple[float, float]:
        """Higher is better; the loss decides between epochs of the same F1."""
        return (line["dev_f1"] if self.monitor == "dev_f1" else 0.0, -line["dev_loss"])

    def resume(self) -> int:
        """Load the last finished epoch; returns how many are done, 0 without one.

        Raises:
            TrainingError: the checkpoint belongs to other settings or is damaged.
        """
        path = self.directory / STATE
        if not path.is_file():
            return 0
        arrays, text = load_arrays(path)
        about = json.loads(text)
        changed = [
            f"{name} was {about['settings'].get(name)!r}, is {value!r}"
            for name, value in self.fingerprint.items()
            if about["settings"].get(name) != value
        ]
        if changed:
            raise TrainingError(
                f"{path} belongs to other settings: {'; '.join(changed)}. Give the old "
                "ones to go on, or --overwrite to start afresh."
            )
        variables = [*self.trainee.model.weights, *self.trainee.optimizer.variables]
        assign(variables, arrays, path)
        self.history, self.best_epoch = about["history"], about["best_epoch"]
        return len(self.history)

    def load_best(self, model: keras.Model) -> None:
        """Put the best epoch's weights into a model."""
        path = self.directory / BEST
        assign(model.weights, load_arrays(path)[0], path)


class Progress(keras.callbacks.Callback):
    """One line per epoch on stderr, updated while it runs.

    Args:
        epochs, steps: of the whole run and per epoch.
        say: prints the finished line of an epoch.
        live: whether to show the line while it grows (a terminal).
    """

    def __init__(
        self, epochs: int, steps: int, *, say: Callable[[str], None], live: bool
    ) -> None:
        super().__init__()
        self.epochs, self.steps, self.say, self.live = epochs, steps, say, live
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
        self.say(f"epoch {epoch + 1}/{self.epochs}  {scores}")


def save_arrays(path: Path, arrays: Sequence[Any], about: str = "") -> None:
    """Arrays in order and a text, in one file that is never half-written."""
    named = {f"{number:05d}": array for number, array in enumerate(arrays)}
    with written(path) as file:
        np.savez(file, about=np.array(about), **named)


@contextlib.contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its place only when it is complete and on the disk.

    Raises:
        TrainingError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise TrainingError(
            f"{path} cannot be written: {error.strerror or error}. Make room, then go "
            "on with --resume."
        ) from error


def load_arrays(path: Path) -> tuple[list[Any], str]:
    """What `save_arrays` wrote.

    Raises:
        TrainingError: the file is damaged.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            names = sorted(name for name in file.files if name != "about")
            return [file[name] for name in names], str(file["about"])
    except Exception as error:
        raise TrainingError(
            f"{path} is damaged ({error}). Start afresh with --overwrite."
        ) from error


def assign(variables: Sequence[Any], arrays: Sequence[Any], path: Path) -> None:
    """Set variables in order.

    Raises:
        TrainingError: numbers or shapes differ.
    """
    fits = len(variables) == len(arrays) and all(
        tuple(v.shape) == a.shape for v, a in zip(variables, arrays, strict=False)
    )
    if not fits:
        raise TrainingError(f"{path} belongs to another model.")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def log_text(history: Sequence[Mapping[str, float]]) -> str:
    """CSV with one line per epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(history[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
