"""Large tables, which stay in a file of their own, outside of memory.

Of a table of 250,000 pieces a run looks up some thousand rows and changes none of the
others. TensorFlow keeps memory that it once had, so that the table must not pass
through its hands: neither new random vectors nor copies.
"""

from __future__ import annotations

import mmap
import tempfile
from typing import Any

import keras
import numpy as np

from tfner.checkpoints.tensors import Array
from tfner.models.encoders.embeddings import PieceTable
from tfner.models.keras_internals import all_layers

LARGE = 2**26
"""Bytes from which on a table stays in a file."""
WRITTEN = 2**16
"""Bytes that are written at once."""


def build_unfilled(encoder: keras.Model) -> None:
    """Build an encoder, without values for large tables: a file is to fill them."""
    for table in all_layers(encoder):
        if isinstance(table, PieceTable) and not table.built:
            usual = table.embeddings_initializer
            table.embeddings_initializer = lambda shape, dtype, u=usual: (
                _no_values(shape) if _is_large(shape) else u(shape, dtype=dtype)
            )
            table.build()
            table.embeddings_initializer = usual
    encoder.build()


def set_value(weight: keras.Variable, value: Array) -> None:
    """Set a weight to an array, which goes into a file if it is large."""
    weight.assign(_in_file(value) if _is_large(weight.shape) else value)


def _is_large(shape: Any) -> bool:
    large: bool = 4 * np.prod(shape) >= LARGE
    return large and keras.backend.backend() == "tensorflow"


def _no_values(shape: Any) -> Any:
    """Zeros that take no memory until somebody reads them."""
    return _shared(mmap.mmap(-1, 4 * int(np.prod(shape))), shape)


def _in_file(value: Array) -> Any:
    """The same values in a file without a name; in memory where no disk has room.

    Pages are read when they are needed. Who writes to them changes his own copies.
    """
    content = np.ascontiguousarray(value, np.float32).data.cast("B")
    with tempfile.TemporaryFile(buffering=0) as file:
        try:
            # What is written at once, Linux later maps at once, however little is read.
            for start in range(0, len(content), WRITTEN):
                file.write(content[start : start + WRITTEN])
            room = mmap.mmap(file.fileno(), len(content), access=mmap.ACCESS_COPY)
        except (OSError, ValueError):  # a file that came out too short
            return value
    if hasattr(mmap, "MADV_RANDOM"):
        room.madvise(mmap.MADV_RANDOM)
    return _shared(room, value.shape)


def _shared(room: mmap.mmap, shape: Any) -> Any:
    """A tensor in mapped memory."""
    import tensorflow as tf

    array = np.frombuffer(room, np.float32).reshape(shape)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
