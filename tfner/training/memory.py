"""What becomes of memory that a process has freed."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4
"""Parameters of glibc's `mallopt`."""
KEEPING = {MMAP_MAX: 0, TRIM_THRESHOLD: -1, TOP_PAD: 64 << 20}
USUAL = {
    MMAP_MAX: 1 << 16,
    MMAP_THRESHOLD: 32 << 20,
    TRIM_THRESHOLD: 64 << 20,
    TOP_PAD: 128 << 10,
}
"""What glibc comes to by itself where large arrays are freed."""


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep what is freed in the block, where the C library can (glibc).

    A step takes the memory that the one before has freed. Given back to the system in
    between, each of its pages is cleared anew: a fifth of the time of a small encoder.
    What was freed before the block goes back when it begins, and the rest at its end:
    reading a large vocabulary and compiling a step leave half a gigabyte behind.
    """
    _give_back()
    _set(KEEPING)
    try:
        yield
    finally:
        _set(USUAL)
        _give_back()


def _set(parameters: Mapping[int, int]) -> None:
    with suppress(OSError, TypeError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in parameters.items():
            mallopt(parameter, value)


def _give_back() -> None:
    gc.collect()
    with suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
