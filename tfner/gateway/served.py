"""One version of a model that is being served."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect

from tfner.document import Document
from tfner.errors import ServingError, TfnerError, counted, unknown
from tfner.gateway.batcher import Batcher, Job
from tfner.gateway.errors import CANNOT_PREDICT, SHOWN, Refused, busy, invalid
from tfner.gateway.events import log
from tfner.gateway.limits import Limits
from tfner.gateway.metrics import Metrics
from tfner.inference.predictor import Predictor
from tfner.tasks.context import encode_in_order

Finish = Callable[[list[Document]], Any]
Gone = Callable[[], Awaitable[Any]]

BACKEND = Refused(
    502,
    "backend",
    "the model server behind this gateway failed; the gateway's log says how.",
)
PATIENCE = 0.5
"""Seconds after which a waiting client is watched for going away."""
LONGEST_WAIT = 60
"""Seconds that a client is told to wait at most."""


@dataclass(eq=False, slots=True)
class _Waiter:
    """A request that waits for its job."""

    future: asyncio.Future[Any]
    finish: Finish
    deadline: float
    job: Job | None = None
    is_given_up: bool = False

    def give_up(self) -> None:
        """Have what has not been run left out."""
        self.is_given_up = True
        if self.job is not None:
            self.job.is_given_up = True


class Served:
    """A version of a model that predicts for many requests at once.

    Args:
        name: of the model.
        version: of the model.
        predictor: predicts.
        pool: threads that encode and decode.
        limits: of the queue.
        metrics: of this process.
        threads: batches at once; see `Batcher`.

    Attributes:
        users: requests that hold it.
        labels: that it predicts.
        nested: whether its entities may nest.
    """

    def __init__(
        self,
        name: str,
        version: str,
        predictor: Predictor,
        *,
        pool: Executor,
        limits: Limits,
        metrics: Metrics,
        threads: int = 1,
    ) -> None:
        self.name, self.version, self.predictor = name, version, predictor
        self.labels: tuple[str, ...] = tuple(predictor.task.label_set.labels)
        self.nested = predictor.task.name == "span"
        self.users = self._texts = 0
        self._pool, self._max_queue = pool, limits.max_queue
        self._waiting = metrics.waiting.labels(name)
        self._answered = metrics.texts.labels(name)
        self._waiters: dict[int, _Waiter] = {}
        self._ended: deque[tuple[float, int]] = deque(maxlen=64)
        self._batcher = Batcher(
            predictor.run,
            pad_id=predictor.task.tokenizer.pad_id,
            done=self._hand_over,
            threads=threads,
            observe=metrics.batch_observer(name),
        )

    async def predict(
        self,
        documents: Sequence[str | Document],
        finish: Finish,
        *,
        seconds: float,
        gone: Gone,
    ) -> Any:
        """Predict documents as `Predictor.predict` does.

        Args:
            documents: of one request.
            finish: makes the answer of the predicted documents, off the event loop.
            seconds: until the answer is not waited for any more.
            gone: returns when the client has gone away.

        Raises:
            ClientDisconnect: it has.
            Refused: too much waits already, time is up, or a document is refused.
        """
        count = max(1, len(documents))
        if not self.has_room(count):
            raise busy(
                "queue_full",
                f"{counted(self._texts, 'text')} wait for this model already. Send the "
                "request again later.",
                seconds=self._seconds_until_free(),
            )
        future = asyncio.get_running_loop().create_future()
        waiter = _Waiter(future, finish, time.monotonic() + seconds)
        self._texts += count
        self._waiting.inc(count)
        try:
            self._pool.submit(self._encode, documents, waiter)
            await _wait(future, seconds, gone)
            self._answered.inc(len(documents))
            return future.result()
        except TimeoutError:
            raise Refused(
                504,
                "deadline",
                f"there was no answer within {seconds:g} seconds. Send fewer texts at "
                "once, or the request again later.",
            ) from None
        finally:
            waiter.give_up()
            self._texts -= count
            self._waiting.dec(count)
            self._ended.append((time.monotonic(), count))

    def check_labels(self, labels: Sequence[str] | None) -> None:
        """Refuse labels that the model does not have.

        Raises:
            Refused: there is one.
        """
        for label in labels or ():
            if label not in self.labels:
                raise invalid(unknown("label", label[:SHOWN], self.labels))

    def has_room(self, count: int) -> bool:
        """Tell whether that many more texts may wait."""
        return self._texts + count <= self._max_queue

    def close(self) -> None:
        """Answer what was accepted, then end the threads."""
        self._batcher.close()

    def _seconds_until_free(self) -> int:
        """Estimate, by what ended last, when the texts that wait will have ended."""
        if len(self._ended) < 2:
            return 1
        took = self._ended[-1][0] - self._ended[0][0]
        ended = sum(count for _, count in self._ended)
        return min(LONGEST_WAIT, max(1, math.ceil(self._texts * took / ended)))

    def _encode(self, given: Iterable[str | Document], waiter: _Waiter) -> None:
        """Encode documents and have them run; in a thread of the pool."""
        try:
            documents: list[Document] = []
            windows = []
            for document, encoded in encode_in_order(self.predictor.task, given):
                if waiter.is_given_up:
                    return
                documents.append(document)
                windows.append(encoded.windows)
            job = waiter.job = Job(documents, windows, waiter.deadline)
            self._waiters[id(job)] = waiter
            self._batcher.submit(job)
        except Exception as error:
            _settle([(waiter, None, error)])

    def _hand_over(self, jobs: Sequence[Job]) -> None:
        """Take jobs from the model's thread, which shall not wait for decoding."""
        self._pool.submit(self._decode, jobs)

    def _decode(self, jobs: Sequence[Job]) -> None:
        """Decode jobs that have ended; in a thread of the pool."""
        results: list[tuple[_Waiter, Any, Exception | None]] = []
        for job in jobs:
            waiter, result, error = self._waiters.pop(id(job)), None, job.error
            if waiter.is_given_up:
                continue
            if error is None:
                try:
                    found = self.predictor.read(job.documents, job.windows, job.outputs)
                    result = waiter.finish(list(found))
                except Exception as raised:
                    error = raised
            results.append((waiter, result, error))
        _settle(results)


async def _wait(future: asyncio.Future[Any], seconds: float, gone: Gone) -> None:
    """Wait for a future; a client that waits long is watched.

    Raises:
        ClientDisconnect: it went away.
        TimeoutError: time is up.
    """
    done, _ = await asyncio.wait([future], timeout=min(PATIENCE, seconds))
    if done:
        return
    watch = asyncio.ensure_future(gone())
    try:
        left = max(0.0, seconds - PATIENCE)
        await asyncio.wait(
            [future, watch], timeout=left, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        if not watch.done():
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
    if not future.done():
        raise TimeoutError if watch.cancelled() else ClientDisconnect


def _settle(results: Sequence[tuple[_Waiter, Any, Exception | None]]) -> None:
    """Give results to those who wait, in their event loop."""

    def settle() -> None:
        for waiter, result, error in results:
            if waiter.future.done():
                continue
            if error is None:
                waiter.future.set_result(result)
            elif not waiter.is_given_up:
                waiter.future.set_exception(_told(error))

    if results:
        results[0][0].future.get_loop().call_soon_threadsafe(settle)


def _told(error: Exception) -> Exception:
    """The refusal that a client gets for an error of the model."""
    if isinstance(error, ServingError):
        # Where the server is, is nothing to clients.
        log("backend failed", level=logging.WARNING, reason=str(error))
        return BACKEND
    if isinstance(error, TfnerError):
        return Refused(CANNOT_PREDICT, "cannot_predict", str(error))
    return error
