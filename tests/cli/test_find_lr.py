"""`tfner find-lr` and `tfner train --dry-run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def flags(toy_settings: dict[str, Any], tmp_path: Path) -> list[str]:
    found = []
    for name, value in (toy_settings | {"output": tmp_path / "lr"}).items():
        flag = name.replace("_", "-")
        found += [f"--no-{flag}"] if value is False else [f"--{flag}", str(value)]
    return [*found, "--batch-size", "4"]


def test_a_picture_and_the_figures_are_written(tfner, flags, tmp_path) -> None:
    result = tfner("find-lr", *flags, "--steps", 14, "--json")
    assert result.code == 0, result.err
    assert (tmp_path / "lr" / "learning_rate.png").read_bytes()[1:4] == b"PNG"
    stored = json.loads((tmp_path / "lr" / "learning_rate.json").read_text("utf-8"))
    assert stored == json.loads(result.out)
    assert len(stored["rates"]) == len(stored["losses"]) >= 10
    assert "exists" in tfner("find-lr", *flags).sentence


def test_a_dry_run_is_one_document(tfner, flags, tmp_path) -> None:
    result = tfner("train", *flags, "--dry-run", "--json")
    assert json.loads(result.out)["sentences"]["train"] == 60
    assert not (tmp_path / "lr").exists()
    assert "windows" in tfner("train", *flags, "--dry-run").out
