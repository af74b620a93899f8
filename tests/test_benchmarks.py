"""The benchmarks import what there is, say how they are run, and fill their page."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from benchmarks import tables
from tfner.checkpoints.families import FAMILIES

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = [
    f"benchmarks.{folder}.{path.stem}"
    for folder in tables.FOLDERS
    for path in sorted((ROOT / "benchmarks" / folder).glob("*.py"))
]
PEER = "benchmarks.accuracy.mrc_peer"
"""A side of other scripts, which is not run by itself."""


def test_the_page_of_results_is_up_to_date() -> None:
    page = tables.README.read_text(encoding="utf-8")
    assert page == tables.page(), "run: python -m benchmarks.tables"


def test_every_result_is_on_the_page() -> None:
    template = tables.TEMPLATE.read_text(encoding="utf-8")
    results = [path.stem for path in (ROOT / "benchmarks/results").glob("*.json")]
    assert results
    assert [name for name in results if f"{name}[" not in template] == []


def test_every_family_of_encoders_was_compared_with_transformers() -> None:
    found = tables.load(ROOT / "benchmarks/results/families.json")["parity"]
    assert set(found) == set(FAMILIES)
    assert all(0 < max(row.values()) < 2e-5 for row in found.values())


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_name_that_a_benchmark_imports_exists(name: str) -> None:
    if name == PEER:
        pytest.importorskip("torch")
    path = ROOT / f"{name.replace('.', '/')}.py"
    importlib.import_module(name)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfner"):
            module = importlib.import_module(str(node.module))
            assert [a.name for a in node.names if not hasattr(module, a.name)] == []


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != PEER])
def test_a_benchmark_says_how_it_is_run(name: str) -> None:
    path = ROOT / f"{name.replace('.', '/')}.py"
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert f"    python -m {name} " in docstring
    assert docstring.partition("\n")[0].endswith(".")
