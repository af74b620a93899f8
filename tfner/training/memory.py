"""Memory that a process has freed, and the system does not have back yet."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def give_back() -> None:
    """Give freed memory back to the system, where the C library can (glibc).

    Reading a large vocabulary and compiling a step leave half a gigabyte behind.
    """
    gc.collect()
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
