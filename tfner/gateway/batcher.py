"""Windows of many requests, joined to batches that one thread runs.

No request waits for others: while a batch runs, the next one gathers. A batch is made
of windows of similar length, beginning with the one that has waited longest.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfner.data.windows import Window
from tfner.document import Document
from tfner.errors import ServingError
from tfner.inference.batching import POSITIONS, ROW_LENGTH, STEP, Runner, run_windows


@dataclass(eq=False, slots=True)
class Job:
    """Documents of one request on their way through the model.

    Args:
        documents: what was encoded.
        windows: of each document.
        deadline: of `time.monotonic`; what has not begun by then is left out.

    Attributes:
        outputs: of each document's windows, once all have been run.
        error: why there are none.
        is_given_up: nobody waits for it any more.
        began: when its first batch began; None before.
    """

    documents: Sequence[Document]
    windows: Sequence[Sequence[Window]]
    deadline: float
    outputs: list[list[Mapping[str, Any]]] = field(init=False)
    error: Exception | None = None
    is_given_up: bool = False
    began: float | None = None
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        self.outputs = [[{}] * len(windows) for windows in self.windows]
        self.missing = sum(map(len, self.windows))

    def is_over(self, now: float) -> bool:
        """Tell whether its remaining windows need not be run."""
        return self.is_given_up or self.error is not None or now > self.deadline


@dataclass(slots=True)
class _Entry:
    """One window of a job, with its place there and in the queue."""

    turn: int
    job: Job
    place: tuple[int, int]
    window: Window


class Batcher:
    """Runs the windows of jobs in batches, in threads of its own.

    Args:
        run: the model.
        pad_id: `input_ids` of padding.
        done: is called, in the model's thread, with the jobs that a batch has ended.
        threads: batches at once: one for a model here, several for a server.
        observe: is called with windows, pieces and seconds of each batch.
    """

    def __init__(
        self,
        run: Runner,
        *,
        pad_id: int,
        done: Callable[[Sequence[Job]], None],
        threads: int = 1,
        observe: Callable[[int, int, float], None] = lambda *_: None,
    ) -> None:
        self._run, self._pad_id = run, pad_id
        self._done, self._observe = done, observe
        self._waiting: dict[int, deque[_Entry]] = {}
        self._turn, self._is_closed = 0, False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name=f"model-{n}", daemon=True)
            for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Have a job's windows run; one without windows is done at once."""
        if not job.missing:
            self._done([job])
            return
        with self._changed:
            for number, windows in enumerate(job.windows):
                for place, window in enumerate(windows):
                    entry = _Entry(self._turn, job, (number, place), window)
                    self._queue_of(len(window)).append(entry)
                    self._turn += 1
            self._changed.notify()

    def close(self) -> None:
        """Run what waits, then end the threads."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _queue_of(self, length: int) -> deque[_Entry]:
        """The queue of windows that go together well."""
        shortest = ROW_LENGTH if self._run.packs else STEP
        kind = max(shortest, 1 << (length - 1).bit_length())
        return self._waiting.setdefault(kind, deque())

    def _work(self) -> None:
        while True:
            with self._changed:
                while not any(self._waiting.values()) and not self._is_closed:
                    self._changed.wait()
                entries, dropped = self._next()
                if not entries and not dropped and self._is_closed:
                    return
            ended = [entry.job for entry in dropped if self._is_last(entry)]
            ended += self._run_entries(entries) if entries else []
            if ended:
                self._done(ended)

    def _next(self) -> tuple[list[_Entry], list[_Entry]]:
        """Take the next batch out of the queues, and what need not be run."""
        queues = [item for item in self._waiting.items() if item[1]]
        if not queues:
            return [], []
        kind, queue = min(queues, key=lambda item: item[1][0].turn)
        now, room = time.monotonic(), POSITIONS
        entries: list[_Entry] = []
        dropped: list[_Entry] = []
        while queue:
            entry = queue[0]
            if entry.job.is_over(now):
                entry.job.error = entry.job.error or TimeoutError()
                dropped.append(queue.popleft())
                continue
            room -= len(entry.window) if self._run.packs else kind
            if room < 0 and entries:
                break
            entries.append(queue.popleft())
        return entries, dropped

    def _run_entries(self, entries: Sequence[_Entry]) -> list[Job]:
        """Run a batch; returns the jobs that have nothing missing any more."""
        started = time.monotonic()
        for entry in entries:
            entry.job.began = entry.job.began or started
        self._run_or_split(entries)
        pieces = sum(len(entry.window) for entry in entries)
        self._observe(len(entries), pieces, time.monotonic() - started)
        return [entry.job for entry in entries if self._is_last(entry)]

    def _run_or_split(self, entries: Sequence[_Entry]) -> None:
        """Run a batch; if it fails, job by job, so that none harms the others."""
        windows = [entry.window for entry in entries]
        try:
            outputs = run_windows(self._run, windows, pad_id=self._pad_id)
        except Exception as error:
            jobs = {id(entry.job): entry.job for entry in entries}
            if len(jobs) == 1 or isinstance(error, ServingError):
                for job in jobs.values():
                    job.error = error
                return
            for job in jobs.values():
                self._run_or_split([entry for entry in entries if entry.job is job])
            return
        for entry, output in zip(entries, outputs, strict=True):
            number, place = entry.place
            entry.job.outputs[number][place] = output

    def _is_last(self, entry: _Entry) -> bool:
        """Count a window as dealt with; tell whether it was its job's last."""
        with self._changed:
            entry.job.missing -= 1
            return entry.job.missing == 0
