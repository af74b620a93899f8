"""The early end of a run, on request or because it diverged."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from tfner.errors import TrainingError

ENDING = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""The signals that ask a process to end; Windows has the first alone."""


class StoppedError(TrainingError):
    """The run was asked to stop, and has saved what it needs to go on."""


class DivergedError(TrainingError):
    """The loss or the weights are no longer finite numbers."""


@contextlib.contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Catch SIGTERM and SIGHUP; the yielded function tells whether one has come.

    Schedulers send the first some seconds before they take a machine away, terminals
    the other when they are closed; who ignores it, as nohup does, goes on.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread may handle signals
        return
    numbers = [n for n in ENDING if signal.getsignal(n) is not signal.SIG_IGN]
    before = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in numbers
    }
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
