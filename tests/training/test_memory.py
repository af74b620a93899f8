"""Memory that is freed during training is there for the next step."""

from __future__ import annotations

import platform
import resource

import numpy as np
import pytest

from tfner.training.memory import memory_kept

MEGABYTES = 8
PAGE = resource.getpagesize()


def faults(turns: int) -> int:
    """Pages that the system hands out while arrays come and go."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(turns):
        np.ones(MEGABYTES << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_memory_is_used_again_and_goes_back_at_the_end() -> None:
    some = (MEGABYTES << 20) // PAGE / 8  # numpy asks for huge pages for a part of it
    with memory_kept():
        faults(1)
        assert faults(20) < some
    assert faults(1) > some


def test_an_error_passes() -> None:
    with pytest.raises(ZeroDivisionError), memory_kept():
        raise ZeroDivisionError
