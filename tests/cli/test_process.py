"""Closed streams, signals and missing memory end in one sentence or do no harm."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tfner.cli import main
from tfner.training.stopping import ENDING

ODD = os.fsdecode(b"o\xffut")
"""A name that is no UTF-8."""


@pytest.fixture(autouse=True)
def usual_signals() -> Iterator[None]:
    """Signals end processes here, though `nohup pytest` and `pytest &` ignore some."""
    usual = {
        **dict.fromkeys(ENDING, signal.SIG_DFL),
        signal.SIGINT: signal.default_int_handler,
    }
    before = {n: signal.signal(n, handler) for n, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def running(tfner, monkeypatch) -> Callable[[Callable[[], None]], Any]:
    """Runs the command line with a command of the test's own."""

    def run(app: Callable[[], None]) -> Any:
        monkeypatch.setattr(main, "app", app)
        return tfner()

    return run


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "a.bio").write_text("Ann B-PER\nsaw O\n\n")
    return tmp_path / "a.bio"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "closing", "code"),
    [
        (["--version"], ">&-", 1),
        (["corpus", "stats", "{}"], ">&-", 1),
        (["corpus", "convert", "{}", "-"], ">&-", 1),
        (["corpus", "convert", "{}", "{}.jsonl"], ">&-", 0),
        (["corpus", "convert", "{}", "{}.jsonl"], ">&- 2>&- <&-", 0),
        (["corpus", "stats", "-"], "<&-", 1),
        (["corpus", "stats", "no.bio"], "2>&-", 1),
    ],
)
def test_closed_streams(real, corpus, arguments, closing: str, code: int) -> None:
    given = [argument.format(corpus) for argument in arguments]
    result = real(*given, shell=f'"$0" "$@" {closing}')
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    if code and "2>" not in closing:
        assert result.err.splitlines()[-1].startswith("error: ")
    written = corpus.with_name("a.bio.jsonl")
    assert written.exists() == (code == 0)
    if code == 0:  # and nothing else got into it
        assert written.read_text("utf-8").count("\n") == 1


STARTING_ANOTHER = """
import subprocess, sys
from tfner.cli.process import occupy_closed_streams
occupy_closed_streams()
look = "import os; [os.fstat(number) for number in range(3)]"
sys.exit(subprocess.call([sys.executable, "-c", look]))
"""


@pytest.mark.slow
def test_other_processes_find_closed_streams_occupied_too() -> None:
    words = ["bash", "-c", '"$0" -c "$1" >&- 2>&- <&-', sys.executable]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([*words, STARTING_ANOTHER], cwd=root, check=False)
    assert done.returncode == 0


def test_names_that_are_no_utf8_are_read_written_and_shown(tfner, corpus) -> None:
    # Quiet: notes with such names are more than the test runner's workers can send.
    odd, out = corpus.with_name(f"{ODD}.bio"), corpus.with_name(f"{ODD}.jsonl")
    corpus.rename(odd)
    assert tfner("--quiet", "corpus", "convert", odd, out).code == 0
    assert b'"Ann saw"' in out.read_bytes()
    assert tfner("--quiet", "corpus", "stats", odd).code == 0
    assert '"path": ' in tfner("--quiet", "corpus", "stats", odd, "--json").out
    repaired = odd.with_name(f"{ODD}.new.bio")
    assert tfner("--quiet", "corpus", "check", odd, "--repair", repaired).code == 0
    assert repaired.exists()


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libx.so: failed to map segment from shared object"),
        ImportError("libx.so: cannot allocate memory in static TLS block"),
        RuntimeError("can't start new thread"),
        tf.errors.ResourceExhaustedError(None, None, "Out of memory while trying to"),
    ],
)
def test_no_memory_for_a_library_is_one_sentence(running, error) -> None:
    def app() -> None:
        raise error

    assert running(app).sentence.startswith("out of memory. Close other programs")


class Deaf:
    """Gets a signal where Python lets no exception pass."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


class Cleared:
    """Gets a signal while C code asks for an attribute, and clears what it raises."""

    def __init__(self, number: int) -> None:
        self.number = number
        ctypes.pythonapi.PyObject_HasAttrString(ctypes.py_object(self), b"missing")

    def __getattr__(self, name: str) -> None:
        signal.raise_signal(self.number)


class Caught:
    """Gets a signal where a library takes every exception."""

    def __init__(self, number: int) -> None:
        with suppress(BaseException):
            signal.raise_signal(number)


class Printed:
    """Gets a signal in C code that makes another exception of it, and prints that."""

    def __init__(self, number: int) -> None:
        try:
            signal.raise_signal(number)
        except BaseException as error:
            other = RuntimeError("of C code")
            other.__cause__ = other.__context__ = error
            sys.excepthook(RuntimeError, other, None)


@pytest.mark.parametrize(
    ("place", "number"),
    [
        *((place, n) for place in (Deaf, Printed) for n in (*ENDING, signal.SIGINT)),
        *((place, n) for place in (Cleared, Caught) for n in ENDING),
    ],
)
@pytest.mark.parametrize("seconds", [0, 20])
def test_a_signal_that_is_swallowed_ends_the_command(
    running, place: type, number: int, seconds: int
) -> None:
    def app() -> None:
        place(number)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.01)
        ended.append(seconds)

    ended: list[int] = []
    result = running(app)
    assert result.code == 128 + number
    assert "Traceback" not in result.err
    assert ended == [0] * (not seconds)


@pytest.mark.parametrize("number", ENDING)
def test_nothing_interrupts_the_cleaning_up(running, number: int) -> None:
    def app() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(number)
            time.sleep(0.1)
            cleaned.append(number)

    cleaned: list[int] = []
    assert running(app).code == 128 + signal.SIGTERM
    assert cleaned == [number]


@pytest.mark.parametrize("place", [Printed, Cleared])
@pytest.mark.parametrize("number", ENDING)
def test_nor_the_cleaning_up_after_what_a_library_made_of_it(
    running, place: type, number: int
) -> None:
    def app() -> None:
        try:
            place(number)
            raise SystemError("of C code")
        finally:
            time.sleep(0.1)
            cleaned.append(number)

    cleaned: list[int] = []
    result = running(app)
    assert result.code == 128 + number
    assert "of C code" not in result.err
    assert cleaned == [number]


def test_a_signal_counts_whatever_a_library_makes_of_it(running) -> None:
    def app() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except SystemExit as error:
            raise RuntimeError("of a library") from error

    result = running(app)
    assert result.code == 128 + signal.SIGTERM
    assert "library" not in result.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("predict", signal.SIGTERM),
        ("convert", signal.SIGTERM),
        ("convert", signal.SIGHUP),
        ("export", signal.SIGHUP),
    ],
)
def test_signals_end_a_command_and_leave_nothing(
    process: Callable[..., Any], toy_bundle, tmp_path, number: int, command: str
) -> None:
    os.mkfifo(tmp_path / "fifo")  # that nobody writes into: the command waits
    (tmp_path / "out").mkdir()
    arguments = {
        "predict": ("predict", toy_bundle, "-", "--output", tmp_path / "out" / "a"),
        "convert": ("corpus", "convert", "-", tmp_path / "out" / "a.jsonl"),
        "export": ("export", toy_bundle, tmp_path / "out", "--max-length", 32),
    }[command]
    child = process(*arguments, shell=f'exec "$0" "$@" <> {tmp_path / "fifo"}')
    wait_for_part(tmp_path / "out", child)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (128 + number, ""), err
    assert err.splitlines()[-1] == f"stopped by {signal.Signals(number).name}"
    assert "Traceback" not in err
    assert list((tmp_path / "out").rglob("*")) == []


def wait_for_part(folder: Path, child: Any) -> None:
    """Wait until a command has begun to write."""
    end = time.monotonic() + 60
    while not list(folder.rglob(".*.part")):
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_who_ignores_the_end_of_a_terminal_goes_on(process, tmp_path) -> None:
    ignoring = 'trap \'\' HUP; exec "$0" "$@" < <(sleep 4; echo text)'
    target = tmp_path / "a.jsonl"
    child = process("corpus", "convert", "-", target, shell=ignoring)
    wait_for_part(tmp_path, child)
    child.send_signal(signal.SIGHUP)
    _, err = child.communicate(timeout=60)
    assert (child.returncode, target.read_text().count("\n")) == (0, 1), err


def test_streams_of_this_process_stay(monkeypatch) -> None:
    before = (sys.stdin, sys.stdout, sys.stderr)
    main.occupy_closed_streams()
    assert (sys.stdin, sys.stdout, sys.stderr) == before
