"""Assets of a SavedModel that are not those of its graph are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner.errors import BundleError
from tfner.inference.predictor import Predictor
from tfner.schemes import LabelSet


def more_labels(assets: Path) -> None:
    labels = LabelSet(["PER", "LOC", "ORG"]).to_json()
    (assets / "labels.json").write_text(json.dumps(labels), "utf-8")


def longer_windows(assets: Path) -> None:
    config = json.loads((assets / "config.json").read_text("utf-8"))
    config["task"]["max_length"] = 65
    (assets / "config.json").write_text(json.dumps(config), "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (more_labels, "its graph predicts 5 tags, its labels are 7"),
        (longer_windows, "its graph has 64 positions, its windows up to 65"),
    ],
)
def test_assets_of_another_graph_are_refused(
    saved_model: Path, tmp_path: Path, change: Callable[[Path], Any], message: str
) -> None:
    folder = Path(shutil.copytree(saved_model, tmp_path / "model"))
    (folder / "digests.json").unlink()
    change(folder / "assets")
    with pytest.raises(BundleError, match=message):
        Predictor.load(folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["variables.index", "variables.data-00000-of-00001"])
@pytest.mark.parametrize("kept", [0, 100])
def test_cut_variables_are_refused(
    saved_model: Path, tmp_path: Path, name: str, kept: int
) -> None:
    folder = Path(shutil.copytree(saved_model, tmp_path / "model"))
    (folder / "digests.json").unlink()
    path = folder / "variables" / name
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BundleError, match="cannot be loaded as a SavedModel"):
        Predictor.load(folder)
