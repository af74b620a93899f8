"""Runs `tfner` as a shell would: in this process, or in one of its own."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tfner.cli import main

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one error of a command that failed as it should."""
        assert self.code == 1, self.err
        assert self.out == ""
        assert "Traceback" not in self.err
        before, _, message = self.err.rpartition("error: ")
        assert "error: " not in before
        assert message.endswith("\n")
        return message.rstrip("\n")


Run = Callable[..., Result]


def flags_of(settings: Mapping[str, Any]) -> list[str]:
    """Settings as options."""
    flags = []
    for name, value in settings.items():
        flag = name.replace("_", "-")
        flags += [f"--no-{flag}"] if value is False else [f"--{flag}", str(value)]
    return flags


def instead(flags: Sequence[Any], *more: Any) -> list[Any]:
    """Options, and more of them, which take the place of those of the same names."""
    kept, replaced = [], False
    for word in flags:
        if str(word).startswith("--"):
            replaced = word in more
        kept += [] if replaced else [word]
    return [*kept, *more]


@pytest.fixture
def tfner(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """`tfner(*arguments, stdin=b"")` in this process."""
    logger = logging.getLogger("tfner")

    def run(*arguments: Any, stdin: bytes = b"") -> Result:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["tfner", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            main.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Result(code, *capfd.readouterr())

    handlers, level = logger.handlers[:], logger.level
    yield run
    logger.handlers = handlers
    logger.setLevel(level)


@pytest.fixture
def process() -> Callable[..., subprocess.Popen[str]]:
    """Starts `tfner` in a process of its own; `shell` may name a whole command."""

    def start(*arguments: Any, shell: str = "", **more: Any) -> Any:
        command = [sys.executable, "-m", "tfner.cli.main", *map(str, arguments)]
        if shell:
            command = ["bash", "-c", shell, *command]
        path = os.pathsep.join([str(ROOT), str(ROOT / "export")])
        environment = os.environ | {"PYTHONPATH": path}
        # What the caller's shell or a library of another test asks TensorFlow to say.
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            **more,
        )

    return start


@pytest.fixture
def real(process: Callable[..., subprocess.Popen[str]]) -> Run:
    """As `tfner`, in a process of its own."""

    def run(*arguments: Any, **more: Any) -> Result:
        child = process(*arguments, **more)
        out, err = child.communicate(timeout=300)
        return Result(child.returncode, out, err)

    return run
