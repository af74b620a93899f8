"""The early end of a run, on request or because it diverged."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from tfner.errors import TrainingError


class StoppedError(TrainingError):
    """The run was asked to stop, and has saved what it needs to go on."""


class DivergedError(TrainingError):
    """The loss or the weights are no longer finite numbers."""


@contextlib.contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Catch SIGTERM; the yielded function tells whether it has come.

    Schedulers send it some seconds before they take a machine away.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread may handle signals
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        yield lambda: bool(received)
    finally:
        signal.signal(signal.SIGTERM, before)
