"""Files and functions stay small enough to read in one go."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    path
    for folder in ("tfner", "export", "benchmarks", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
LIBRARY = [path for path in SOURCES if path.relative_to(ROOT).parts[0] != "tests"]
MAX_FILE_LINES = 399
MAX_FUNCTION_LINES = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef


def code_lines(function: Function) -> int:
    """Lines from `def` to the end, the docstring not counted."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1)


def functions(source: str) -> list[Function]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, Function)]


def test_files_stay_under_400_lines() -> None:
    lines = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in SOURCES}
    long = {str(p.relative_to(ROOT)): n for p, n in lines.items() if n > MAX_FILE_LINES}
    assert long == {}


def test_functions_stay_within_60_lines() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": lines
        for path in LIBRARY
        for function in functions(path.read_text(encoding="utf-8"))
        if (lines := code_lines(function)) > MAX_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("def f():\n    x = 1\n    return x", 3),
        ('def f():\n    """One.\n\n    Two.\n    """\n    return 1', 2),
        ("@cache\nasync def f(\n    a,\n):\n    return a", 4),
    ],
)
def test_docstrings_and_decorators_are_not_counted(source: str, lines: int) -> None:
    assert [code_lines(function) for function in functions(source)] == [lines]
