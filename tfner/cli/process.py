"""The process of a command: its standard streams, and the signals that end it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import weakref
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from tfner.training.stopping import ENDING

logger = logging.getLogger(__name__)

STREAMS = (("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))
"""The ways in which `os.devnull` stands for a closed one: what reads the first or
writes to the second fails, as it should; what is told to nobody is lost."""
LATER = 0.01
"""Seconds until a signal is raised again, so that the callback has ended."""


def occupy_closed_streams() -> None:
    """Keep files from getting the numbers of closed streams, to be written into."""
    for number, (name, way) in enumerate(STREAMS):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, way)
            if descriptor == number:
                os.set_inheritable(number, True)  # else it is closed in other processes
            else:
                os.dup2(descriptor, number)
                os.close(descriptor)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            file = os.fdopen(number, mode, encoding="utf-8", closefd=False)
            setattr(sys, name, file)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """End the block as Ctrl-C does, cleaning up, at a signal that is not ignored.

    Raises:
        SystemExit: with 128 and the number of the signal, as shells know it.
    """
    is_main = threading.current_thread() is threading.main_thread()
    default = [n for n in ENDING if is_main and signal.getsignal(n) is signal.SIG_DFL]
    ending = _Ending(sys.unraisablehook)
    for number in default:
        signal.signal(number, ending.handle)
    sys.unraisablehook = ending.insist
    try:
        yield
    finally:
        ending.leave()
        for number in default:
            signal.signal(number, signal.SIG_DFL)
        if ending.number:  # whatever a library has made of our exception
            sys.exit(128 + ending.number)


class _Ended(SystemExit):
    """What a signal raises; that it is gone can be watched, unlike of SystemExit."""


class _Ending:
    """The end of a process by a signal.

    Args:
        report: tells of exceptions that nothing can catch, as `sys.unraisablehook`.
    """

    def __init__(self, report: Callable[[Any], object]) -> None:
        self.number = 0
        self._report = report
        self._raised: weakref.ref[_Ended] | None = None
        self._timers: list[threading.Timer] = []

    def handle(self, number: int, _: FrameType | None) -> None:
        """Tell of a signal and raise, unless the command is being left already."""
        if self._raised and self._raised():
            return  # nothing shall interrupt the cleaning up
        if number != self.number:
            self.number = number
            with suppress(OSError):  # `sys.stderr` may be in the middle of a line
                os.write(2, f"stopped by {signal.Signals(number).name}\n".encode())
        raise self._watched()

    def _watched(self) -> _Ended:
        """Make an exception that is raised again if something clears it silently.

        C code does, as where it asks whether an object has an attribute. It is no local
        of the frame that raises it, whose traceback would keep it.
        """
        error = _Ended(128 + self.number)
        self._raised = weakref.ref(error, lambda _: self._raise_later(self.number))
        return error

    def insist(self, unraisable: Any) -> None:
        """Raise again, a little later, where Python lets no exception pass.

        That is in `__del__`, and in callbacks of the garbage collector and of C.
        """
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and isinstance(unraisable.exc_value, KeyboardInterrupt):
            self.number = signal.SIGINT
            self._raise_later(self.number)
        elif not isinstance(unraisable.exc_value, _Ended):  # that is watched
            self._report(unraisable)

    def _raise_later(self, number: int) -> None:
        self._timers.append(threading.Timer(LATER, interrupt_main, [number]))
        self._timers[-1].start()

    def leave(self) -> None:
        """Raise nothing any more."""
        self._raised = None
        sys.unraisablehook = self._report
        for timer in self._timers:
            timer.cancel()


@contextmanager
def resumable(
    goes_on: str, *, overwrite: bool, saved: Callable[[], bool] = lambda: True
) -> Iterator[None]:
    """Say at Ctrl-C how the command of the block goes on.

    Args:
        goes_on: what the same command with --resume does, as a predicate.
        overwrite: whether it was given --overwrite, which --resume contradicts.
        saved: tells whether --resume would find this run, and not an earlier one.
    """
    try:
        yield
    except KeyboardInterrupt:
        instead = " in place of --overwrite" if overwrite else ""
        advice = f" The same command with --resume{instead} {goes_on}."
        logger.info("\ninterrupted.%s", advice if saved() else "")
        raise
