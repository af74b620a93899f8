"""What importing tfner loads: seconds of start-up that nobody asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FRAMEWORKS = {"tensorflow", "keras", "torch", "jax", "transformers"}
# Each costs more than `tfner --help` may take altogether, or most of it.
HEAVY = FRAMEWORKS | {
    "fugashi",
    "h5py",
    "huggingface_hub",
    "jinja2",
    "matplotlib",
    "numpy",
    "rich",
    "safetensors",
    "scipy",
    "sentencepiece",
    "sklearn",
    "tokenizers",
}
# Holds `code` and tells what was loaded by its end, however it ends.
PROBE = """
import json, sys
try:
    {code}
finally:
    loaded = sorted({{name.partition(".")[0] for name in sys.modules}})
    sys.stderr.write("\\n" + json.dumps(loaded))
"""


def run(code: str) -> tuple[set[str], str]:
    """The top-level packages loaded by `code` in a new interpreter, and its output."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "export")])
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(code=code)],
        env=os.environ | {"PYTHONPATH": path, "PYTHONWARNINGS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1])), done.stdout


def modules_below(*names: str) -> list[str]:
    """The modules of the named parts of tfner."""
    found = []
    for name in names:
        path = ROOT / "tfner" / name
        files = (
            sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        )
        found += [
            ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(
                ".__init__"
            )
            for file in files
        ]
    return found


@pytest.fixture(scope="module")
def bare() -> set[str]:
    """What the interpreter loads by itself, site packages' hooks included."""
    return run("pass")[0]


def test_import_tfner_loads_the_standard_library_only(bare: set[str]) -> None:
    loaded, _ = run("import tfner")
    assert loaded - bare - sys.stdlib_module_names == {"tfner"}


def test_import_tfner_export_loads_no_framework(bare: set[str]) -> None:
    loaded, _ = run("import tfner_export")
    assert (loaded - bare) & FRAMEWORKS == set()


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["train", "--help"], ["pretrain", "--help"]],
)
def test_help_and_version_load_nothing_heavy(
    arguments: list[str], bare: set[str]
) -> None:
    code = f"sys.argv[1:] = {arguments}; from tfner.cli.main import main; main()"
    loaded, output = run(f"import sys; {code}")
    assert output.strip()
    assert (loaded - bare) & HEAVY == set()


@pytest.mark.parametrize(
    ("parts", "allowed"),
    [
        (
            [
                "errors",
                "config",
                "samples",
                "document",
                "schemes",
                "nesting",
                "queries",
            ],
            set(),
        ),
        (["corpus", "evaluation", "nesting", "queries", "reports"], set()),
        (["tokenization"], {"numpy", "tokenizers", "fugashi"}),
        (
            ["data/features", "data/windows", "data/packing", "tasks", "inference"],
            {"numpy", "tokenizers", "fugashi"},
        ),
        (["cli"], {"numpy"}),
    ],
    ids=lambda value: "+".join(sorted(value)) or "nothing",
)
def test_the_light_modules_load_no_framework(
    parts: list[str], allowed: set[str], bare: set[str]
) -> None:
    loaded, _ = run(f"import {', '.join(modules_below(*parts))}")
    assert (loaded - bare) & HEAVY <= allowed
