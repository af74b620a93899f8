"""Prediction by several processes, each with a model of its own.

The first process reads, cuts what it reads into chunks, and gets back predicted
documents in order; it loads no model. Chunks are those of `Predictor.stream`, and so
are the bytes that come of them.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tfner.clients.addresses import is_address
from tfner.document import Document
from tfner.errors import ConfigError
from tfner.inference.chunks import Chunk, chunked
from tfner.inference.native_bundle import local_model
from tfner.inference.predictor import Predictor, needs_tensorflow
from tfner.schemes import LabelSet
from tfner.storage.remote import import_tensorflow
from tfner.storage.workers import (
    cores_each,
    share_cores,
    submit,
    worker_pool,
)

Note = tuple[str, int, str]
"""Name of a logger, level and message."""


class About(NamedTuple):
    """Facts about the model that the first process needs."""

    label_set: LabelSet
    context: int
    settled: bool
    notes: list[Note]


class Predicted(NamedTuple):
    """A chunk's documents, what was lost, and the scheme if it is known by now."""

    documents: list[Document]
    counts: Counter[str]
    scheme: str | None
    notes: list[Note]


class ProcessesPredictor:
    """Predicts as `Predictor` does, byte for byte, with several processes.

    Made by `open_processes`.

    Args:
        pool: whose processes load the model.
        processes: how many they are.

    Attributes:
        label_set: the labels of the model.
    """

    def __init__(self, pool: ProcessPoolExecutor, processes: int) -> None:
        self._pool, self._processes = pool, processes
        # One job for each, so that all load at once.
        loading = [submit(pool, _describe) for _ in range(processes)]
        about = loading[0].result()
        self.label_set, self._context = about.label_set, about.context
        self._settled = about.settled
        self._scheme: str | None = None
        _tell(about.notes)

    def stream(
        self,
        documents: Iterable[str | Document],
        *,
        counts: Counter[str] | None = None,
    ) -> Iterator[Document]:
        """Predict documents in order, in constant memory; see `Predictor.stream`.

        Raises:
            ConfigError: a process was killed.
        """
        pending: deque[Future[Predicted]] = deque()
        for chunk in chunked(documents, context=self._context):
            while len(pending) > self._ahead:
                yield from self._taken(pending, counts)
            pending.append(submit(self._pool, _predict, chunk, self._scheme))
        while pending:
            yield from self._taken(pending, counts)

    @property
    def _ahead(self) -> int:
        """Chunks that may wait for each other; none while they decide on the scheme."""
        return self._processes if self._settled else 0

    def _taken(
        self, pending: deque[Future[Predicted]], counts: Counter[str] | None
    ) -> list[Document]:
        predicted = pending.popleft().result()
        if counts is not None:
            counts.update(predicted.counts)
        if not self._settled and predicted.scheme is not None:
            self._scheme, self._settled = predicted.scheme, True
        _tell(predicted.notes)
        return predicted.documents


@contextmanager
def open_processes(
    model: str | Path, processes: int, **settings: Any
) -> Iterator[ProcessesPredictor]:
    """Start processes that each load a model; they end where the block ends.

    Args:
        model: what `Predictor.load` takes.
        processes: 1 or more; each computes with its share of the cores.
        **settings: of `Predictor.load`, also for what it raises.

    Raises:
        ConfigError: a process was killed.
    """
    threads = cores_each(processes)
    # What is remote is copied once.
    place = model if is_address(model) else local_model(model)
    try:
        with worker_pool(processes, _prepare, threads, place, settings) as pool:
            yield ProcessesPredictor(pool, processes)
    except BrokenProcessPool as error:
        raise ConfigError(
            "a process was killed, as happens where memory runs out: each holds a "
            f"model of its own. Received: processes={processes}. Run again with fewer "
            "--processes."
        ) from error


def _tell(notes: Iterable[Note]) -> None:
    """Log what a process would have logged."""
    for name, level, message in notes:
        logging.getLogger(name).log(level, message)


# What follows runs in the worker processes.


class Notes(logging.Handler):
    """Keeps what is logged until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Note] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        self._kept.append((record.name, record.levelno, record.getMessage()))

    def taken(self) -> list[Note]:
        """Give what was kept, and forget it."""
        kept, self._kept = self._kept, []
        return kept


_notes = Notes()
_of_this_process: dict[str, Any] = {}


def _prepare(threads: int, model: str | Path, settings: dict[str, Any]) -> None:
    logger = logging.getLogger("tfner")
    logger.addHandler(_notes)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    os.environ["RAYON_NUM_THREADS"] = str(threads)  # of the tokenizers
    share_cores(threads)
    _of_this_process.update(threads=threads, model=model, settings=settings)


@cache
def _loaded() -> tuple[Predictor, list[Note]]:
    """The model of this process, and what was logged while it was loaded.

    Not loaded by `_prepare`: an error there would not reach the first process.
    """
    model, settings = _of_this_process["model"], _of_this_process["settings"]
    if needs_tensorflow(model):
        _share_device(_of_this_process["threads"])
    return Predictor.load(model, **settings), _notes.taken()


def _share_device(threads: int) -> None:
    import_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    for gpu in tf.config.list_physical_devices("GPU"):
        # Else the first process takes all of its memory.
        tf.config.experimental.set_memory_growth(gpu, True)


def _describe() -> About:
    predictor, notes = _loaded()
    return About(
        predictor.label_set, predictor.task.context, predictor.scheme is not None, notes
    )


def _predict(chunk: Chunk, scheme: str | None) -> Predicted:
    predictor, _ = _loaded()
    if scheme is not None:
        predictor.settle(scheme)
    counts: Counter[str] = Counter()
    documents = list(predictor.predict_chunk(chunk, counts=counts))
    return Predicted(documents, counts, predictor.scheme, _notes.taken())
