"""Holds on files and directories, which end with their process at the latest.

They tell what a killed run has left from what a living one is writing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

fcntl: Any = import_module("fcntl") if os.name == "posix" else None


@contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[bool | None]:
    """Hold a file or directory to the end of the block; it may be renamed meanwhile.

    Args:
        path: must exist.
        wait: until nobody else holds it.

    Yields:
        Whether it is held now: False if another run holds it, None where the file
        system knows no locks.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield _lock(descriptor, wait=wait)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> bool | None:
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # NFS locks no directories, others nothing at all
        return None
    return True
