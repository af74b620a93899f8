"""Runs that are stopped half-way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tfner.finetuning import callbacks, run


class Stop(BaseException):
    """Not an Exception, as KeyboardInterrupt is not."""


def stop_at(start: str) -> Callable[[str], None]:
    """Stops at the first line of the log that begins so; for `heed`."""

    def hear(line: str) -> None:
        if line.startswith(start):
            raise Stop

    return hear


def stop_in_epoch(monkeypatch: pytest.MonkeyPatch, epoch: int, step: int) -> None:
    """Stops every run in a step of an epoch, both counted from 1."""

    class Stopper(callbacks.StopAtNaN):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if (self.epoch, batch + 1) == (epoch, step):
                raise Stop

    monkeypatch.setattr(run, "StopAtNaN", Stopper)
