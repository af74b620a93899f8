"""What TensorBoard shows of a run."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import keras
import tensorflow as tf

from tfner.errors import ConfigError


class TensorBoard(keras.callbacks.Callback):
    """Writes each epoch's scores and learning rate as event files.

    Keras' own callback needs the package tensorboard even to write, and would draw the
    graph of the train step.

    Args:
        directory: any path that `tf.io.gfile` writes.

    Raises:
        ConfigError: when training begins: the directory cannot be written.

    Source: tensorflow/core/util/event.proto; the file is a TFRecord of these messages.
    """

    def __init__(self, directory: str) -> None:
        super().__init__()
        self.directory = directory

    def on_train_begin(self, logs: Any = None) -> None:
        """Open a file of its own; those of earlier runs stay."""
        self.started = False
        now = time.time()
        name = f"events.out.tfevents.{now:.6f}.{socket.gethostname()}.{os.getpid()}"
        try:
            tf.io.gfile.makedirs(self.directory)
            self.file = tf.io.TFRecordWriter(f"{self.directory}/{name}")
            self._write(file_version="brain.Event:2")
        except tf.errors.OpError as error:
            raise ConfigError(
                f"`tensorboard` {self.directory} cannot be written: {error.message}. "
                "Give another directory."
            ) from error

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before the first: of earlier runs nothing is shown from this epoch on."""
        if not self.started:
            start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
            self._write(step=epoch + 1, session_log=start)
            self.started = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """One point of every curve, numbered by finished epochs."""
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        scores = {**(logs or {}), "learning_rate": rate}
        points = [
            tf.compat.v1.Summary.Value(tag=tag, simple_value=float(score))
            for tag, score in scores.items()
        ]
        self._write(step=epoch + 1, summary=tf.compat.v1.Summary(value=points))

    def on_train_end(self, logs: Any = None) -> None:
        """Close the file."""
        self.file.close()

    def _write(self, **content: Any) -> None:
        event = tf.compat.v1.Event(wall_time=time.time(), **content)
        self.file.write(event.SerializeToString())
        self.file.flush()
