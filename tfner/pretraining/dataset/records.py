"""Batches of pretraining data.

The order of the records is a function of seed and place alone: a run resumes at any
step without reading what came before.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfner.data.features import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS
from tfner.errors import ConfigError
from tfner.pretraining.dataset.manifest import Manifest
from tfner.pretraining.dataset.order import record_at
from tfner.pretraining.dataset.rows import ALL, FIRST, IDS, RecordReader

NAMES = (INPUT_IDS.name, ATTENTION_MASK.name, TOKEN_TYPE_IDS.name)

READERS = 4
"""Batches that are read at once: a disk that is slow to answer serves several."""
SETTLED = 0.05
"""Seconds after which calls that TensorFlow has begun have come to Python."""

Ints = NDArray[np.int32]


class BatchReader:
    """One shard's part of every batch, by the number of its step.

    Args:
        manifest: from `load_manifest`.
        batch_size: records of the global batch; a multiple of the number of shards.
        seed: decides the order, together with the epoch.
        shard: which part of every batch, of how many.
        max_length: length of the rows, at least that of the records; None for equal.

    Raises:
        ConfigError: rows shorter than the records, or a batch that does not divide.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        batch_size: int,
        seed: int,
        shard: tuple[int, int] = (0, 1),
        max_length: int | None = None,
    ) -> None:
        self.shape = _batch_shape(manifest, batch_size, shard, max_length)
        self.records, self.pad = manifest.records, manifest.special_ids.pad
        self.batch_size, self.seed = batch_size, seed
        self.own = np.arange(self.shape[0], dtype=np.int64) + shard[0] * self.shape[0]
        self.reader = RecordReader(manifest)

    def read(self, step: int) -> tuple[Ints, Ints, Ints]:
        """Return `input_ids`, `attention_mask`, `token_type_ids`, each (B, S).

        Args:
            step: from 0.

        Raises:
            CorpusError: a shard cannot be read any more.
        """
        place = step * self.batch_size + self.own  # (B,)
        record = record_at(place, count=self.records, seed=self.seed)  # (B,)
        rows = self.reader.read(record)  # (B, 2 + pieces of the longest record)
        ids = np.full(self.shape, self.pad, np.int32)
        ids[:, : rows.shape[1] - IDS] = rows[:, IDS:]
        position = np.arange(self.shape[1])  # (S,)
        inside = position < rows[:, ALL, None]  # (B, S)
        second = inside & (position >= rows[:, FIRST, None])
        return ids, inside.astype(np.int32), second.astype(np.int32)


def arrays(
    manifest: Manifest, *, first_step: int = 0, **settings: Any
) -> Iterator[dict[str, Ints]]:
    """The batches of `record_batches` as NumPy arrays, without TensorFlow."""
    reader = BatchReader(manifest, **settings)
    for step in count(first_step):
        yield dict(zip(NAMES, reader.read(step), strict=True))


def record_batches(manifest: Manifest, *, first_step: int = 0, **settings: Any) -> Any:
    """Endless batches in an order that depends on nothing but the seed.

    Epochs follow each other without a gap: a batch may hold the last records of one
    and the first of the next.

    Args:
        manifest: from `load_manifest`.
        first_step: steps already done.
        settings: of `BatchReader`.

    Returns:
        A tf.data.Dataset of dicts of `input_ids`, `attention_mask`, `token_type_ids`,
        each (batch_size / shards, max_length) int32, shapes static.

    Raises:
        ConfigError: rows shorter than the records, or a batch that does not divide.
    """
    import tensorflow as tf

    reader = BatchReader(manifest, **settings)
    read = _ending_with_python(reader.read)

    def gather(step: Any) -> dict[str, Any]:
        columns = tf.numpy_function(read, [step], [tf.int32] * len(NAMES))
        return {
            name: tf.ensure_shape(column, reader.shape)
            for name, column in zip(NAMES, columns, strict=True)
        }

    steps = tf.data.Dataset.counter(first_step)
    return steps.map(gather, num_parallel_calls=READERS, deterministic=True).prefetch(4)


def _ending_with_python(read: Callable[..., Any]) -> Callable[..., Any]:
    """Let no call of TensorFlow's threads last into the end of the process.

    They would wait for Python, which is gone, and Python for them, for ever.
    """
    ended, running = threading.Event(), threading.Semaphore(READERS)

    def guarded(*values: Any) -> Any:
        with running:
            if ended.is_set():
                raise StopIteration
            return read(*values)

    def end() -> None:
        ended.set()
        for _ in range(READERS):
            running.acquire()
        running.release(READERS)
        time.sleep(SETTLED)  # calls that have not come to Python yet turn back

    atexit.register(end)
    return guarded


def _batch_shape(
    manifest: Manifest,
    batch_size: int,
    shard: tuple[int, int],
    max_length: int | None,
) -> tuple[int, int]:
    """Rows and row length of one shard's part of a batch."""
    length = manifest.max_length if max_length is None else max_length
    if length < manifest.max_length:
        raise ConfigError(
            f"rows must hold the longest record. Received: max_length={length}, data "
            f"of max_length={manifest.max_length}. Make the data again with "
            f"--max-length {length}"
        )
    part, parts = shard
    if batch_size < 1 or batch_size % parts or not 0 <= part < parts:
        raise ConfigError(
            "a batch is shared out evenly between the shards. Received: "
            f"batch_size={batch_size}, shard={part} of {parts}"
        )
    return batch_size // parts, length
