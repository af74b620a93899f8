"""The log of pretraining: `log.csv`, and the same as curves for TensorBoard."""

from __future__ import annotations

import csv
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfner.training.arrays import written
from tfner.training.callbacks import LOG, log_text

CURVES = "tensorboard"


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
