"""Batches across requests as TensorFlow Serving's BatchingSession does.

Source: tensorflow/serving at 9d981c5c, tensorflow_serving/batching/batching_session.cc
(ComputeInputSize, MergeInputTensors, SplitOutputTensors, ProcessBatch, SplitInputTask)
and batching_util.cc (CalculateMaxDimSizes, PadTensor); tensorflow/core/kernels/
batching_util/shared_batch_scheduler.h (Queue::Schedule) for what is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
Run = Callable[[Arrays], dict[str, np.ndarray]]


class StubError(Exception):
    """A status that is not OK.

    Args:
        code: name of the gRPC status, such as "INVALID_ARGUMENT".
        message: the server's words.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Batching:
    """Settings of `batching_parameters.txt`, and `stall`, how long a request of zero
    rows waits for an answer that a real server never gives, in seconds."""

    max_batch_size: int = 32
    batch_timeout_micros: int = 5000
    num_batch_threads: int = 2
    max_enqueued_batches: int = 1000
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = True
    enable_large_batch_splitting: bool = False
    stall: float = 30.0


@dataclass
class Task:
    inputs: Arrays
    size: int
    done: threading.Event = field(default_factory=threading.Event)
    outputs: dict[str, np.ndarray] | None = None
    error: Exception | None = None


@dataclass
class Batch:
    tasks: list[Task] = field(default_factory=list)
    full: threading.Event = field(default_factory=threading.Event)

    @property
    def size(self) -> int:
        return sum(task.size for task in self.tasks)


class BatchingSession:
    """Joins calls of one signature; `sizes` tells how many rows each batch had."""

    def __init__(self, settings: Batching) -> None:
        self.settings = settings
        self.sizes: list[int] = []
        self._open: dict[Any, Batch] = {}
        self._lock = threading.Lock()
        self._threads = threading.Semaphore(settings.num_batch_threads)
        self._waiting = 0

    def run(self, key: Any, run: Run, inputs: Arrays) -> dict[str, np.ndarray]:
        """Run inputs with those of others that come with the same key."""
        limit = self.settings.max_batch_size
        size = rows_of(inputs)
        if size == 0:
            # ProcessBatch returns for an empty batch without telling its tasks.
            threading.Event().wait(self.settings.stall)
            raise StubError("DEADLINE_EXCEEDED", "the stub gave up on zero rows")
        if size <= limit:
            return self._join(key, run, inputs, size)
        if not self.settings.enable_large_batch_splitting:
            raise StubError(
                "INVALID_ARGUMENT",
                f"Task size {size} is larger than maximum input batch size {limit}",
            )
        parts = [
            self._join(key, run, {n: a[i : i + limit] for n, a in inputs.items()}, None)
            for i in range(0, size, limit)
        ]
        return {name: join_bytes([part[name] for part in parts]) for name in parts[0]}

    def _join(
        self, key: Any, run: Run, inputs: Arrays, size: int | None
    ) -> dict[str, np.ndarray]:
        task = Task(inputs, rows_of(inputs) if size is None else size)
        with self._lock:
            batch = self._open.get(key)
            leads = (
                batch is None or batch.size + task.size > self.settings.max_batch_size
            )
            if leads:
                if batch is not None:
                    batch.full.set()
                if self._waiting >= self.settings.max_enqueued_batches:
                    raise StubError(
                        "UNAVAILABLE",
                        "The batch scheduling queue to which this task was submitted "
                        "is full",
                    )
                self._waiting += 1
                batch = self._open[key] = Batch()
            assert batch is not None
            batch.tasks.append(task)
            if batch.size == self.settings.max_batch_size:
                batch.full.set()
        if leads:
            self._lead(key, run, batch)
        task.done.wait()
        if task.error is not None:
            raise task.error
        assert task.outputs is not None
        return task.outputs

    def _lead(self, key: Any, run: Run, batch: Batch) -> None:
        batch.full.wait(self.settings.batch_timeout_micros / 1e6)
        with self._threads:
            with self._lock:
                if self._open.get(key) is batch:
                    del self._open[key]
                self._waiting -= 1
            self.sizes.append(batch.size)
            try:
                self._process(run, batch)
            except Exception as error:
                for task in batch.tasks:
                    task.error = error
            for task in batch.tasks:
                task.done.set()

    def _process(self, run: Run, batch: Batch) -> None:
        merged = self._merge(batch)
        outputs = run(merged)
        total = rows_of(merged)
        for array in outputs.values():
            if array.ndim == 0:
                raise StubError(
                    "FAILED_PRECONDITION", "Batched output tensor has 0 dimensions"
                )
            if len(array) != total:
                raise StubError(
                    "FAILED_PRECONDITION",
                    "Batched output tensor's 0th dimension does not equal the sum of "
                    "the 0th dimension sizes of the input tensors",
                )
        first = 0
        for task in batch.tasks:
            last = first + task.size
            task.outputs = {name: a[first:last] for name, a in outputs.items()}
            first = last

    def _merge(self, batch: Batch) -> dict[str, np.ndarray]:
        allowed = [n for n in self.settings.allowed_batch_sizes if n >= batch.size]
        extra = min(allowed, default=batch.size) - batch.size
        merged = {}
        for name in batch.tasks[0].inputs:
            arrays = [task.inputs[name] for task in batch.tasks]
            if self.settings.pad_variable_length_inputs:
                arrays = pad_alike(arrays)
            elif len({array.shape[1:] for array in arrays}) > 1:
                raise StubError(
                    "FAILED_PRECONDITION",
                    f"Tensors with name '{name}' from different tasks have different "
                    "shapes and padding is turned off. Set pad_variable_length_inputs "
                    "to true, or ensure that all tensors with the same name have equal "
                    "dimensions starting with the first dim.",
                )
            # The first row of the last task fills the batch up.
            arrays += [arrays[-1][:1]] * extra
            merged[name] = np.concatenate(arrays)
        return merged


def rows_of(inputs: Arrays) -> int:
    """The rows of a request, which all its tensors must have."""
    sizes = set()
    for array in inputs.values():
        if array.ndim == 0:
            raise StubError(
                "INVALID_ARGUMENT",
                "Batching input tensors must have at least one dimension",
            )
        sizes.add(len(array))
    if len(sizes) != 1:
        raise StubError(
            "INVALID_ARGUMENT",
            "Batching input tensors supplied in a given call must have equal 0th-"
            "dimension size",
        )
    return sizes.pop()


def pad_alike(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Pad all axes but the first with the tensor's own first element."""
    shape = [max(sizes) for sizes in zip(*(a.shape[1:] for a in arrays), strict=True)]
    padded = []
    for array in arrays:
        if [*array.shape[1:]] != shape and array.size == 0:
            raise StubError(
                "INVALID_ARGUMENT", "Got empty tensor in batch of non-empty tensors."
            )
        wide = [(0, n - m) for n, m in zip(shape, array.shape[1:], strict=True)]
        fill = array.flat[0] if array.size else 0
        padded.append(np.pad(array, [(0, 0), *wide], constant_values=fill))
    return padded


def join_bytes(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Join the outputs of a split request as tensor::Concat does: as raw bytes.

    The shape is the first part's. Parts of another width leave wrong rows behind, or
    run over the end, where the real server aborts.
    """
    shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
    joined = np.concatenate([part.ravel() for part in parts])
    count = int(np.prod(shape))
    if len(joined) > count:
        raise StubError("INTERNAL", "the server has aborted: a write past the end")
    return np.resize(joined, shape) if len(joined) else joined.reshape(shape)
