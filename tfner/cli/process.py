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
"""Seconds until a signal is raised again, so that a callback has ended."""


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
    ending = _Ending()
    for number in default:
        signal.signal(number, ending.handle)
    try:
        yield
    finally:
        ending.leave()
        for number in default:
            signal.signal(number, signal.SIG_DFL)
        if ending.number:  # whatever a library has made of our exception
            sys.exit(128 + ending.number)


class _Ended(SystemExit):
    """The exit that a signal asks for, which can be watched."""


class _Ending:
    """The end of a process by a signal, wherever it comes.

    Libraries lose the exception: Python does in `__del__` and in callbacks of the
    garbage collector; C code clears it where it asks for an attribute, or prints it and
    raises another. It is raised again until the command is left.
    """

    def __init__(self) -> None:
        self.number = 0
        self._raised: weakref.ref[_Ended] | None = None
        self._timer = threading.Timer(LATER, interrupt_main)
        self._hooks = sys.excepthook, sys.unraisablehook
        self._interrupt = signal.getsignal(signal.SIGINT)
        sys.excepthook, sys.unraisablehook = self._printed, self._unraisable

    def leave(self) -> None:
        """Raise nothing any more."""
        self._raised = None
        sys.excepthook, sys.unraisablehook = self._hooks
        self._timer.cancel()
        if self.number == signal.SIGINT:
            signal.signal(signal.SIGINT, self._interrupt)

    def handle(self, number: int, _: FrameType | None) -> None:
        """Tell of a signal and raise, but do not interrupt the cleaning up."""
        if self._raised and self._raised():
            return
        if number == self.number and sys.exc_info()[0]:
            self._raise_later()  # the cleaning up may be after what C code raised
            return
        if number != self.number:
            self.number = number
            with suppress(OSError):  # `sys.stderr` may be in the middle of a line
                os.write(2, f"stopped by {signal.Signals(number).name}\n".encode())
        raise KeyboardInterrupt if number == signal.SIGINT else self._watched()

    def _watched(self) -> _Ended:
        """Make an exception that is raised again after it is gone.

        It is no local of the frame that raises it, which its traceback would keep.
        """
        error = _Ended(128 + self.number)
        self._raised = weakref.ref(error, lambda _: self._raise_later())
        return error

    def _raise_later(self) -> None:
        self._timer.cancel()
        self._timer = threading.Timer(LATER, interrupt_main, [self.number])
        self._timer.start()

    def _printed(
        self, kind: type[BaseException], error: BaseException, trace: Any
    ) -> None:
        """Tell of an exception that C code drops, as `sys.excepthook`."""
        if not self._comes_again(error):
            self._hooks[0](kind, error, trace)

    def _unraisable(self, told: Any) -> None:
        """Tell of an exception that Python drops, as `sys.unraisablehook`."""
        if not self._comes_again(told.exc_value):
            self._hooks[1](told)

    def _comes_again(self, error: BaseException | None) -> bool:
        """Raise again what is dropped if it comes of a signal, and tell whether."""
        while error and not isinstance(error, _Ended | KeyboardInterrupt):
            error = error.__context__
        if not error or threading.current_thread() is not threading.main_thread():
            return False
        if isinstance(error, KeyboardInterrupt):
            self.number = signal.SIGINT
            signal.signal(signal.SIGINT, self.handle)
        self._raised = None
        self._raise_later()
        return True


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
