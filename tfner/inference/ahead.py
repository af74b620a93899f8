"""Work in two threads: one makes what the other then takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

from tfner.storage.workers import available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_ahead(
    items: Iterable[Item], run: Callable[[Item], Result]
) -> Iterator[tuple[Item, Result]]:
    """Yield items and what a function makes of each, in order.

    The function runs in a thread of its own, while the caller's thread makes the next
    item. It pays where the function lets go of Python's lock, as models do. A single
    item needs no thread, and on a single core two would only take turns.

    Args:
        items: one is made more than was asked for; what it raises is raised when all
            items before have been given.
        run: of an item.

    Example:
        >>> list(run_ahead("abc", str.upper))
        [('a', 'A'), ('b', 'B'), ('c', 'C')]
    """
    faults: list[Exception] = []
    source = _until_fault(items, faults)
    first = list(islice(source, 2 if available_cores() > 1 else 0))
    if len(first) < 2:
        yield from ((item, run(item)) for item in chain(first, source))
    else:
        yield from _run_in_thread(chain(first, source), run)
    if faults:
        raise faults[0]


def _run_in_thread(
    items: Iterable[Item], run: Callable[[Item], Result]
) -> Iterator[tuple[Item, Result]]:
    pool = ThreadPoolExecutor(1, thread_name_prefix="tfner-ahead")
    running: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            running.append((item, pool.submit(run, item)))
            if len(running) > 1:
                done, job = running.popleft()
                yield done, job.result()
        for done, job in running:
            yield done, job.result()
    finally:  # also where nobody asks for the rest
        pool.shutdown(cancel_futures=True)


def _until_fault(items: Iterable[Item], faults: list[Exception]) -> Iterator[Item]:
    """The items before the first error, which is kept."""
    try:
        yield from items
    except Exception as error:
        faults.append(error)
