"""Worker processes that share a port, and the process that watches over them.

They are spawned, not forked: TensorFlow does not survive a fork.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

from tfner.errors import TfnerError
from tfner.gateway.events import log
from tfner.storage.workers import cores_each, share_cores

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from tfner.gateway.server import Settings

REFUSED = 1
"""Exit code of a worker that has told why it cannot start."""
PAUSE = 1.0
"""Seconds before a worker that died is replaced."""

context = multiprocessing.get_context("spawn")


class Workers:
    """Starts workers, replaces those that die, and ends them all.

    Args:
        settings: of the gateway.
        listener: bound to the port, which all of them share.
    """

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings, self._listener = settings, listener
        self._processes: list[SpawnProcess] = []
        self._is_ending = False

    def run(self) -> None:
        """Run until a signal ends all, or a worker cannot start."""
        with tempfile.TemporaryDirectory(prefix="tfner-metrics-") as folder:
            os.environ.update(environment(self._settings, Path(folder)))
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._end)
            for _ in range(self._settings.workers):
                self._start()
            self._watch()

    def _start(self) -> None:
        process = context.Process(
            target=work, args=(self._settings, self._listener, os.getpid())
        )
        process.start()
        self._processes.append(process)

    def _watch(self) -> None:
        code = 0
        while self._processes:
            ended = wait([process.sentinel for process in self._processes], 0.5)
            for process in [p for p in self._processes if p.sentinel in ended]:
                process.join()
                self._processes.remove(process)
                _forget(process.pid)
                if self._is_ending:
                    continue
                if process.exitcode == REFUSED:
                    code = REFUSED
                    self._end()
                    continue
                log("worker died", level=logging.ERROR, code=process.exitcode)
                time.sleep(PAUSE)
                self._start()
        if code:
            sys.exit(code)

    def _end(self, *_: object) -> None:
        self._is_ending = True
        for process in self._processes:
            if process.is_alive():
                process.terminate()


def environment(settings: Settings, folder: Path) -> dict[str, str]:
    """The environment of workers: measurements together, and a share of the cores.

    Args:
        settings: of the gateway.
        folder: for the measurements.
    """
    from tfner.gateway.metrics import shared_by

    threads = cores_each(settings.workers)
    number = os.environ.get("TF_NUM_INTRAOP_THREADS", str(threads))
    return {"TF_NUM_INTRAOP_THREADS": number, **shared_by(folder)}


def work(settings: Settings, listener: socket.socket, parent: int) -> None:
    """Serve in a worker; what the user can put right ends in one sentence.

    Args:
        settings: of the gateway.
        listener: see `Workers`.
        parent: see `Server`.
    """
    from tfner.gateway.server import serve_here

    share_cores(cores_each(settings.workers))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("tfner")
    logger.handlers = [handler]
    logger.setLevel(settings.log_level)
    try:
        serve_here(settings, listener, parent=parent)
    except TfnerError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(REFUSED)


def _forget(number: int | None) -> None:
    from tfner.gateway.metrics import forget_process

    if number is not None:
        forget_process(number)
