"""Corpora made to be slow, and many damaged ones: the slow tests of readers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.robustness.growth import CASES, growth, is_bad
from benchmarks.robustness.readers import read_damaged, specimens

SPECIMENS = Path(__file__).parent / "specimens"
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


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(specimens(SPECIMENS)))
def test_many_damaged_files_are_read_or_refused(name: str) -> None:
    assert read_damaged((name, str(specimens(SPECIMENS)[name]), 82, 160))["wrong"] == []
