"""The manual's recipe for Spark; skipped where Spark or Java is not installed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path

import pytest

from tfner.corpus import read_corpus
from tfner.inference.chunks import DOCUMENTS
from tfner.inference.predictor import Predictor
from tfner.reports.predictions import json_lines

from .conftest import TEXTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "serving" / "batch.md"
LOCAL = (
    "--master local[2] --conf spark.ui.enabled=false "
    "--conf spark.sql.shuffle.partitions=2 --conf spark.driver.host=127.0.0.1 "
    "--conf spark.driver.bindAddress=127.0.0.1 pyspark-shell"
)
SPARK = all(importlib.util.find_spec(name) for name in ("pyspark", "pandas", "pyarrow"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not SPARK or shutil.which("java") is None,
        reason="needs pyspark, pandas, pyarrow and a Java runtime",
    ),
]


def recipe() -> str:
    """The section's blocks, one after another."""
    section = PAGE.read_text("utf-8").split("\n## Spark\n")[1].split("\n## ")[0]
    blocks = section.split("```python\n")[1:]
    assert len(blocks) == 2
    return "\n".join(block.split("```")[0] for block in blocks)


def lines_of(folder: Path) -> list[str]:
    parts = sorted(folder.glob("part-*"))
    return "".join(part.read_text("utf-8") for part in parts).splitlines(keepends=True)


def test_the_manuals_recipe_gives_the_lines_of_the_command(
    saved_model: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.jsonl"
    with texts.open("w", encoding="utf-8") as stream:
        for number, text in enumerate(islice(cycle(TEXTS), DOCUMENTS + 90)):
            stream.write(json.dumps({"id": f"t{number}", "text": text}) + "\n")
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / "chunk").symlink_to(saved_model.parent)
    (tmp_path / "recipe.py").write_text(recipe(), encoding="utf-8")
    path = os.pathsep.join([str(ROOT), str(ROOT / "export")])
    done = subprocess.run(
        [sys.executable, "recipe.py"],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTHONPATH": path,
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_SUBMIT_ARGS": LOCAL,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    documents = read_corpus(texts, tags="optional")
    predicted = list(Predictor.load(saved_model).stream(documents))
    expected = list(json_lines(predicted, labels=()))
    assert any(document.entities for document in predicted)
    assert lines_of(tmp_path / "entities") == expected
    found = map(json.loads, lines_of(tmp_path / "entities-in-any-order"))
    entities = {d["id"]: [(e["start"], e["end"]) for e in d["entities"]] for d in found}
    assert entities == {d.id: [(e.start, e.end) for e in d.entities] for d in predicted}
