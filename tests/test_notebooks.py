"""The notebooks run from top to bottom, and are kept without outputs."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@each_notebook
def test_notebook_is_kept_without_outputs(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert [c["source"] for c in code if c["outputs"] or c["execution_count"]] == []


# Jupyter's own warnings say nothing about the notebook.
@pytest.mark.filterwarnings("default")
@pytest.mark.slow
@each_notebook
def test_notebook_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbclient = pytest.importorskip("nbclient", reason="pip install -e '.[dev]'")
    jupyter_client = pytest.importorskip("jupyter_client")
    nbformat = pytest.importorskip("nbformat")
    # The heartbeat waits for ever for a kernel that takes long to end.
    start = functools.partialmethod(
        jupyter_client.KernelClient.start_channels, hb=False
    )
    monkeypatch.setattr(jupyter_client.KernelClient, "start_channels", start)
    monkeypatch.setenv("TFNER_NOTEBOOK_FAST", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "export")]))
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
