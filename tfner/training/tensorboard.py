"""Event files of a run, from which TensorBoard draws curves."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfner.errors import ConfigError


class EventFile:
    """A file of curves beside those of earlier runs.

    Args:
        directory: any path that `tf.io.gfile` writes.

    Raises:
        tf.errors.OpError: it cannot be written.

    Source: tensorflow/core/util/event.proto; the file is a TFRecord of these messages.
    """

    def __init__(self, directory: str) -> None:
        now = time.time()
        name = f"events.out.tfevents.{now:.6f}.{socket.gethostname()}.{os.getpid()}"
        tf.io.gfile.makedirs(directory)
        self._file = tf.io.TFRecordWriter(f"{directory}/{name}")
        self._write(file_version="brain.Event:2")

    def start(self, step: int) -> None:
        """Hide the points of earlier files from this step on."""
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._write(step=step, session_log=start)

    def add(self, step: int, scores: Mapping[str, float]) -> None:
        """Add a point to every curve."""
        points = [
            tf.compat.v1.Summary.Value(tag=tag, simple_value=float(score))
            for tag, score in scores.items()
        ]
        self._write(step=step, summary=tf.compat.v1.Summary(value=points))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, **content: Any) -> None:
        event = tf.compat.v1.Event(wall_time=time.time(), **content)
        self._file.write(event.SerializeToString())
        self._file.flush()


class TensorBoard(keras.callbacks.Callback):
    """Writes each epoch's scores and learning rate as event files.

    Keras' own callback needs the package tensorboard even to write, and would draw the
    graph of the train step.

    Args:
        directory: any path that `tf.io.gfile` writes.

    Raises:
        ConfigError: when training begins: the directory cannot be written.
    """

    def __init__(self, directory: str) -> None:
        super().__init__()
        self.directory = directory

    def on_train_begin(self, logs: Any = None) -> None:
        """Open a file of its own; those of earlier runs stay."""
        self.started = False
        try:
            self.file = EventFile(self.directory)
        except tf.errors.OpError as error:
            raise ConfigError(
                f"`tensorboard` {self.directory} cannot be written: {error.message}. "
                "Give another directory."
            ) from error

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Hide the points of earlier runs from the first epoch on."""
        if not self.started:
            self.file.start(epoch + 1)
            self.started = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add a point to every curve, numbered by finished epochs."""
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        self.file.add(epoch + 1, {**(logs or {}), "learning_rate": float(rate)})

    def on_train_end(self, logs: Any = None) -> None:
        """Close the file."""
        self.file.close()
