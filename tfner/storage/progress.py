"""A bar on the terminal for files that take long to read.

It is off until the command line switches it on, shows the bytes that were read of the
file's size, and is gone once the file is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

DELAY = 2.0
"""Seconds of reading before the bar is shown."""

_switch = {"on": False}


def show_progress(on: bool) -> None:
    """Switch the bar on or off for this process; on shows it on terminals only."""
    _switch["on"] = on and sys.stderr.isatty()


@contextmanager
def progress_of(path: str, file: Any) -> Iterator[Callable[[], None] | None]:
    """A function to call after each piece that was read; None where nothing is shown.

    Args:
        path: of the file, for the bar.
        file: has the position that the bar shows: of packed files that in the pack.
    """
    size = _size(file) if _switch["on"] else 0
    if not size:
        yield None
        return
    from tqdm import tqdm

    with tqdm(
        total=size,
        desc=os.path.basename(path),
        unit="B",
        unit_scale=True,
        delay=DELAY,
        leave=False,
        file=sys.stderr,
        dynamic_ncols=True,
    ) as bar:

        def tick() -> None:
            bar.update(file.tell() - bar.n)

        yield tick


def _size(file: Any) -> int:
    """The size of a file, or 0 of what has none, as pipes."""
    try:
        return os.fstat(file.fileno()).st_size
    except (AttributeError, OSError):
        return int(file.size()) if hasattr(file, "size") else 0
