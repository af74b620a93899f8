"""`tfner find-lr` and `tfner train --dry-run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import flags_of
from tfner.cli.find_lr import WITHOUT
from tfner.config.train import TrainConfig


@pytest.fixture
def flags(toy_settings: dict[str, Any], tmp_path: Path) -> list[str]:
    return flags_of(toy_settings | {"output": tmp_path / "lr", "batch_size": 4})


@pytest.fixture
def acting(flags: list[str]) -> list[str]:
    """The flags that act on a range test, which runs no epochs and scores nothing."""
    named = {"--dev", "--epochs", "--learning-rate"}
    without = {n for n, word in enumerate(flags) if word in named}
    return [w for n, w in enumerate(flags) if not {n, n - 1} & without]


def test_a_picture_and_the_figures_are_written(tfner, acting, tmp_path) -> None:
    # What a file of training decides beside is heard and not used.
    (tmp_path / "run.toml").write_text('[saving]\ntensorboard = "t"\n')
    config = ("--config", tmp_path / "run.toml")
    result = tfner("find-lr", *acting, *config, "--steps", 14, "--json")
    assert result.code == 0, result.err
    assert (tmp_path / "lr" / "learning_rate.png").read_bytes()[1:4] == b"PNG"
    stored = json.loads((tmp_path / "lr" / "learning_rate.json").read_text("utf-8"))
    assert stored == json.loads(result.out)
    assert len(stored["rates"]) == len(stored["losses"]) >= 10
    assert "exists" in tfner("find-lr", *acting).sentence


def test_what_decides_nothing_is_no_option(tfner, acting) -> None:
    shown = tfner("find-lr", "--help").out
    for name in WITHOUT:
        assert f"{TrainConfig.leaves()[name].option} " not in shown
    assert "--batch-size N" in shown
    assert tfner("find-lr", *acting, "--epochs", 2).code == 2


def test_a_dry_run_is_one_document(tfner, flags, tmp_path) -> None:
    result = tfner("train", *flags, "--dry-run", "--json")
    assert json.loads(result.out)["sentences"]["train"] == 60
    assert not (tmp_path / "lr").exists()
    assert "windows" in tfner("train", *flags, "--dry-run").out
