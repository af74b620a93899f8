"""Docstrings are read by strangers: first lines stand alone, arguments are told."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*(ROOT / "tfner").rglob("*.py"), *(ROOT / "export").rglob("*.py")])
FRAGMENT = re.compile(
    "(As|Because|Before|Beside|For who|How|Likewise|Of|That|The same|There|Those|What"
    r"|When|Where|Whether|Which|Who|Why|Within)\b"
)
"""Beginnings of half sentences that need their neighbours to be understood."""
MANY_ARGUMENTS = 3
OVERRIDES = {"call", "update_state"}
"""Methods whose arguments Keras documents."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | Function


def documented(node: ast.Module | ast.ClassDef) -> Iterator[Documented]:
    """A module or class with its classes, public functions and public methods."""
    yield node
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            yield from documented(child)
        elif isinstance(child, Function) and not child.name.startswith("_"):
            yield child


def lacks_arguments(function: Function) -> bool:
    """Commands are excepted: they document their arguments as options."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    own = [argument for argument in every if argument.arg not in ("self", "cls")]
    is_told = re.search(r"\bArgs:|\bsee `", ast.get_docstring(function) or "")
    types = " ".join(ast.unparse(argument.annotation or argument) for argument in own)
    has_options = re.search(r"\b(Annotated|Json)\b", types) is not None
    is_command = has_options or function.name == "command"
    is_excepted = is_told or is_command or function.name in OVERRIDES
    return len(own) >= MANY_ARGUMENTS and not is_excepted


def faults(source: str) -> list[str]:
    """The line, the name and the fault of each docstring."""
    found = []
    for node in documented(ast.parse(source)):
        line, name = getattr(node, "lineno", 1), getattr(node, "name", "module")
        first = (ast.get_docstring(node) or "").partition("\n")[0]
        if FRAGMENT.match(first):
            found.append(f"{line} {name}: {first}")
        if isinstance(node, Function) and lacks_arguments(node):
            found.append(f"{line} {name}: no Args")
    return found


def test_docstrings_stand_alone_and_tell_their_arguments() -> None:
    assert [
        f"{path.relative_to(ROOT)}:{fault}"
        for path in SOURCES
        for fault in faults(path.read_text("utf-8"))
    ] == []


def test_examples_are_true() -> None:
    files = [path for path in SOURCES if ">>> " in path.read_text("utf-8")]
    assert len(files) > 40
    for path in files:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if name.startswith("tfner."):  # exporters need what tests do not install
            module = importlib.import_module(name.removesuffix(".__init__"))
            assert doctest.testmod(module).failed == 0, path


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ('"""What it is."""', 1),
        ('"""Whatever it is."""', 0),
        ('class _A:\n    """Of the encoder."""\n    def b(self, c, d): "Do."', 1),
        ('def f(a, b, c):\n    """Do it."""', 1),
        ('def f(a, b, *, c):\n    """Do it.\n\n    Args:\n        a: it.\n    """', 0),
        ('def f(a, b, c):\n    """Do it; see `g`."""', 0),
        ('def _f(a, b, c):\n    """What it is."""', 0),
        ('def f(a: Annotated[int, 1], b, c):\n    """Do it."""', 0),
    ],
)
def test_faults_are_found(source: str, number: int) -> None:
    assert len(faults(source)) == number
