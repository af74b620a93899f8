"""What a pretraining run leaves behind: checkpoints, its log, its curves."""

from __future__ import annotations

import csv
import json
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfner.errors import TrainingError, joined
from tfner.training.arrays import load_arrays, save_arrays, written
from tfner.training.callbacks import LOG, log_text

NAME = re.compile(r"step-(\d+)\.npz")
CURVES = "tensorboard"


class Checkpoints:
    """The checkpoints of a run: the newest ones, and some that stay for ever.

    Args:
        directory: where they lie.
        keep: how many of the newest stay.
        keep_every: those of its multiples stay as well.
    """

    def __init__(
        self, directory: Path, *, keep: int = 1, keep_every: int | None = None
    ) -> None:
        self.directory, self.keep, self.keep_every = directory, keep, keep_every

    def path(self, step: int) -> Path:
        """Of the checkpoint after so many steps."""
        return self.directory / f"step-{step:08d}.npz"

    def steps(self) -> list[int]:
        """After how many steps there is a checkpoint, the first one first."""
        if not self.directory.is_dir():
            return []
        names = (NAME.fullmatch(path.name) for path in self.directory.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def save(
        self, step: int, variables: Sequence[Any], about: Mapping[str, Any]
    ) -> None:
        """Write one, then remove those that need not stay.

        Raises:
            TrainingError: it cannot be written; the older ones are all there.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        arrays = [variable.numpy() for variable in variables]
        save_arrays(self.path(step), arrays, json.dumps({**about, "step": step}))
        for old in self.steps()[: -self.keep]:
            if not self.keep_every or old % self.keep_every:
                self.path(old).unlink()

    def load(self, step: int) -> tuple[list[Any], dict[str, Any]]:
        """The variables after so many steps, and what was said about them.

        Raises:
            TrainingError: there is no such checkpoint, or it is damaged.
        """
        path = self.path(step)
        if not path.is_file():
            kept = ", ".join(map(str, self.steps())) or "none"
            raise TrainingError(
                f"{self.directory} holds no checkpoint of step {step}. Kept: {kept}."
            )
        arrays, text = load_arrays(path)
        return arrays, json.loads(text)

    def newest(
        self, *, say: Callable[[str], None]
    ) -> tuple[list[Any], dict[str, Any]] | None:
        """The newest one that is whole, or None if there is none at all.

        Raises:
            TrainingError: there are some, all of them damaged.
        """
        problems = []
        for step in reversed(self.steps()):
            try:
                return self.load(step)
            except TrainingError as error:
                problems.append(str(error))
                say(f"{self.path(step)} is damaged: the one before it is used")
        if problems:
            raise TrainingError(joined(problems, what="damaged checkpoints"))
        return None


class Log:
    """`log.csv`, which grows by one line a report, and the same as curves.

    Args:
        directory: of the run.
        done: lines of later steps are left out: they are made again.
    """

    def __init__(self, directory: Path, *, done: int) -> None:
        self.path = directory / LOG
        self.lines = [line for line in _read(self.path) if line["step"] <= done]
        self._write()
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}"
        (directory / CURVES).mkdir(exist_ok=True)
        self.curves = tf.io.TFRecordWriter(str(directory / CURVES / name))
        self._event(file_version="brain.Event:2")

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """One report."""
        self.lines.append({"step": step, **figures})
        self._write()
        values = [
            tf.compat.v1.Summary.Value(tag=name, simple_value=value)
            for name, value in figures.items()
        ]
        self._event(step=step, summary=tf.compat.v1.Summary(value=values))

    def _event(self, **content: Any) -> None:
        event = tf.compat.v1.Event(wall_time=time.time(), **content)
        self.curves.write(event.SerializeToString())
        self.curves.flush()

    def _write(self) -> None:
        if self.lines:
            with written(self.path) as file:
                file.write(log_text(self.lines).encode())


def _read(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: int(v) if name == "step" else float(v) for name, v in row.items()}
            for row in csv.DictReader(file)
        ]


def are_finite(variables: Sequence[Any]) -> bool:
    """Whether all of them are numbers."""
    return all(np.isfinite(variable.numpy()).all() for variable in variables)
