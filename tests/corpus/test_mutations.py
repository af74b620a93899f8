"""Damaged files: every reader reads or refuses them, soon and in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.robustness.readers import read_damaged, specimens

FOLDER = Path(__file__).parent / "specimens"


@pytest.mark.parametrize("name", sorted(specimens(FOLDER)))
def test_damaged_files_are_read_or_refused(name: str) -> None:
    found = read_damaged((name, str(specimens(FOLDER)[name]), 1, 82))
    assert found["wrong"] == []
    assert found["outcomes"].keys() <= {"read", "refused"}
