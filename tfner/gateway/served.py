"""One version of a model that is being served."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from tfner.document import Document
from tfner.errors import ServingError, TfnerError, counted
from tfner.gateway.batcher import Batcher, Job
from tfner.gateway.errors import Refused, busy
from tfner.inference.predictor import Predictor
from tfner.tasks.context import encode_in_order

logger = logging.getLogger(__name__)

Finish = Callable[[list[Document]], Any]


@dataclass(eq=False, slots=True)
class _Waiter:
    """A request that waits for its job."""

    future: asyncio.Future[Any]
    finish: Finish
    job: Job | None = None
    is_given_up: bool = False


class Served:
    """A model that predicts for many requests at once.

    Args:
        name: of the model.
        version: of the model.
        predictor: predicts.
        pool: encodes and decodes, off the event loop.
        max_queue: texts that may wait or be worked on.
        threads: batches at once; see `Batcher`.
        observe: see `Batcher`.

    Attributes:
        texts: that wait or are being worked on.
    """

    def __init__(
        self,
        name: str,
        version: str,
        predictor: Predictor,
        *,
        pool: Executor,
        max_queue: int,
        threads: int = 1,
        observe: Callable[[int, int, float], None] = lambda *_: None,
    ) -> None:
        self.name, self.version, self.predictor = name, version, predictor
        self.texts, self._pool, self._max_queue = 0, pool, max_queue
        self._waiters: dict[int, _Waiter] = {}
        self._ended: deque[tuple[float, int]] = deque(maxlen=64)
        self._batcher = Batcher(
            predictor.run,
            pad_id=predictor.task.tokenizer.pad_id,
            done=lambda jobs: self._hand_over(jobs),
            threads=threads,
            observe=observe,
        )

    async def predict(
        self,
        documents: Sequence[str | Document],
        finish: Finish,
        *,
        seconds: float,
    ) -> Any:
        """Predict documents as `Predictor.predict` does.

        Args:
            documents: of one request.
            finish: makes the answer of the predicted documents, off the event loop.
            seconds: until the answer is not waited for any more.

        Raises:
            Refused: too much waits already, time is up, or a document is refused.
        """
        count = max(1, len(documents))
        if self.texts + count > self._max_queue:
            raise busy(
                "queue_full",
                f"{counted(self.texts, 'text')} wait for this model already. Send the "
                "request again later.",
                seconds=self.seconds_until_free(),
            )
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop.create_future(), finish)
        deadline = time.monotonic() + seconds
        self.texts += count
        try:
            self._pool.submit(self._encode, documents, waiter, deadline)
            async with asyncio.timeout(seconds):
                return await waiter.future
        except TimeoutError:
            raise Refused(
                504,
                "deadline",
                f"there was no answer within {seconds:g} seconds. Send fewer texts at "
                "once, or the request again later.",
            ) from None
        finally:
            waiter.is_given_up = True
            if waiter.job is not None:
                waiter.job.is_given_up = True
            self.texts -= count
            self._ended.append((time.monotonic(), count))

    def seconds_until_free(self) -> int:
        """Estimate, from what ended last, when the texts that wait will have ended."""
        if len(self._ended) < 2:
            return 1
        took = self._ended[-1][0] - self._ended[0][0]
        ended = sum(count for _, count in self._ended)
        return min(60, max(1, math.ceil(self.texts * took / ended)))

    def close(self) -> None:
        """Answer what was accepted, then end the threads."""
        self._batcher.close()

    def _encode(
        self, given: Iterable[str | Document], waiter: _Waiter, deadline: float
    ) -> None:
        """Encode documents and have them run; in a thread of the pool."""
        try:
            documents: list[Document] = []
            windows = []
            for document, encoded in encode_in_order(self.predictor.task, given):
                if waiter.is_given_up:
                    return
                documents.append(document)
                windows.append(encoded.windows)
            job = Job(documents, windows, deadline)
            self._waiters[id(job)] = waiter
            waiter.job = job
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
            waiter = self._waiters.pop(id(job))
            if waiter.is_given_up:
                continue
            if job.error is not None:
                results.append((waiter, None, job.error))
                continue
            try:
                found = self.predictor.read(job.documents, job.windows, job.outputs)
                results.append((waiter, waiter.finish(list(found)), None))
            except Exception as error:
                results.append((waiter, None, error))
        _settle(results)


def _settle(results: Sequence[tuple[_Waiter, Any, Exception | None]]) -> None:
    """Give results to those who wait, in their event loop."""

    def settle() -> None:
        for waiter, result, error in results:
            if waiter.future.done():
                continue
            if error is None:
                waiter.future.set_result(result)
            else:
                waiter.future.set_exception(_told(error))

    if results:
        results[0][0].future.get_loop().call_soon_threadsafe(settle)


def _told(error: Exception) -> Exception:
    """The refusal that a client gets for an error of the model."""
    if isinstance(error, ServingError):
        return Refused(502, "backend", str(error))
    if isinstance(error, TfnerError):
        return Refused(422, "cannot_predict", str(error))
    return error
