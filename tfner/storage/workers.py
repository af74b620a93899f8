"""Worker processes that end with the first process, whichever way that one ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, TypeVar

Result = TypeVar("Result")


_share: list[int] = []
"""The cores of this process, where others have theirs."""


def share_cores(cores: int) -> None:
    """Say how many cores this process may use, for others do as it does."""
    _share[:] = [cores]


def available_cores() -> int:
    """Count the cores that this process may use."""
    if _share:
        return _share[0]
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cores_each(processes: int) -> int:
    """Count the cores that each of some processes may use, one at least."""
    return max(1, available_cores() // processes)


@contextmanager
def worker_pool(
    processes: int,
    prepare: Callable[..., None],
    *arguments: Any,
    finish_jobs: bool = False,
) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of processes; jobs are given by `submit`.

    They are not forked: the libraries that tokenize and run models have threads, which
    a fork would lose. A process that dies ends the jobs of all with
    `BrokenProcessPool`.

    Args:
        processes: that are started as they are needed.
        prepare: called in each before its first job; may not raise.
        *arguments: of `prepare`.
        finish_jobs: after an error or Ctrl-C, let jobs that have begun come to an end.
    """
    context = multiprocessing.get_context("spawn")
    lives, life = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        processes, context, initializer=_begin, initargs=(lives, prepare, arguments)
    )
    try:
        yield pool
    except BaseException:
        if not finish_jobs:
            life.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        life.close()
        lives.close()


def submit(
    pool: ProcessPoolExecutor, work: Callable[..., Result], *job: Any
) -> Future[Result]:
    """Give a job to a pool, which may start a process for it.

    Ctrl-C, and the end of a terminal, reach all its processes. They are for the first
    one alone; another that was just starting would print where it was.
    """
    ours = {signal.SIGINT, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ours)
    try:
        return pool.submit(work, *job)  # what it starts inherits the mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(
    lives: Connection, prepare: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    threading.Thread(target=_end_with, args=(lives,), daemon=True).start()
    prepare(*arguments)


def _end_with(lives: Connection) -> None:
    """End this process when the first one closes its end of a pipe, or is killed."""
    with suppress(EOFError, OSError):
        lives.recv_bytes()
    os._exit(1)
