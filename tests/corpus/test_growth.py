"""The time to use a corpus grows with its size, whatever is large in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from benchmarks.robustness.growth import CASES, growth, is_bad

FORMATS = sorted({name.partition(":")[0] for name in CASES})


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_time_grows_with_the_size(format: str) -> None:
    names = [name for name in CASES if name.startswith(f"{format}:")]
    rows = {name: growth(name, least=0.01, times=4) for name in names}
    doubtful = {name: growth(name) for name, row in rows.items() if is_bad(row)}
    assert {name: row for name, row in doubtful.items() if is_bad(row)} == {}
