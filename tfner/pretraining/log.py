"""The log of pretraining: `log.csv`, the same for TensorBoard, and as pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from tfner.errors import StorageError
from tfner.reports.figures import draw_pretraining
from tfner.training.arrays import written
from tfner.training.log import LOG, log_text
from tfner.training.tensorboard import EventFile

CURVES = "tensorboard"


class Log:
    """`log.csv`, which grows by one line a report, and the same as curves.

    Args:
        directory: of the run.
        done: lines of later steps are left out: they are made again.

    Raises:
        StorageError: it cannot be written.
    """

    def __init__(self, directory: Path, *, done: int) -> None:
        self.path = directory / LOG
        self.lines = [line for line in _read(self.path) if line["step"] <= done]
        self._write()
        try:
            self.curves = EventFile(str(directory / CURVES))
            self.curves.start(done + 1)
        except tf.errors.OpError as error:
            raise _unwritten(directory, error) from error

    def moved_to(self, directory: Path) -> Log:
        """Go on with the log in a directory to which that of the run was moved.

        Raises:
            StorageError: it cannot be written.
        """
        self.curves.close()  # TensorFlow would go on at the old place
        done = int(self.lines[-1]["step"]) if self.lines else 0
        return Log(directory, done=done)

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """One report.

        Raises:
            StorageError: it cannot be written.
        """
        self.lines.append({"step": step, **figures})
        self._write()
        try:
            self.curves.add(step, figures)
        except tf.errors.OpError as error:
            raise _unwritten(self.path.parent, error) from error

    def _write(self) -> None:
        if self.lines:
            with written(self.path) as file:
                file.write(log_text(self.lines).encode())


def draw_curves(directory: Path) -> None:
    """Write the log of a run as pictures, `curves.svg` and `curves.png`, if it has one.

    Args:
        directory: of the run.

    Raises:
        StorageError: they cannot be written.
    """
    lines = _read(directory / LOG)
    for kind, content in draw_pretraining(lines).items() if lines else ():
        with written(directory / f"curves.{kind}") as file:
            file.write(content)


def _unwritten(directory: Path, error: tf.errors.OpError) -> StorageError:
    return StorageError(
        f"cannot be written: {error.message}. Make room, then go on with --resume.",
        path=directory / CURVES,
    )


def _read(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: int(v) if name == "step" else float(v) for name, v in row.items()}
            for row in csv.DictReader(file)
        ]
