"""Commands that are killed, run twice or find no room: what stood before is whole."""

from __future__ import annotations

import random
import re
import subprocess
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.outputs import Case
from benchmarks.robustness.kills import killed
from benchmarks.robustness.troubles import troubled
from tfner.errors import StorageError
from tfner.storage.atomic import whole_directory, whole_files
from tfner.storage.output import Kind, OutputPolicy

pytestmark = pytest.mark.slow


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Some seconds of work."""
    sentence = "Ann\tB-PER\nlives\tO\nin\tO\nOslo\tB-LOC\n\n"
    (tmp_path / "a.bio").write_text(sentence * 10_000, encoding="utf-8")
    return tmp_path / "a.bio"


@pytest.fixture
def case(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{root}:{root / 'export'}")
    output = corpus.parent / "out" / "a.jsonl"
    return Case(("corpus", "convert", corpus, output), output)


@pytest.mark.parametrize("overwrites", [False, True])
def test_kills_at_random_moments(case, overwrites: bool) -> None:
    case.overwrites = overwrites
    found = killed(case, 3, random.Random(0))
    assert found["faults"] == []
    assert found["whole"] + found["absent"] == 3


def test_strangers_signals_and_second_runs_at_random_moments(case) -> None:
    args = Namespace(trials=2, troubles=["stranger", "signal", "two_runs"])
    found = troubled(case, args, random.Random(0))
    assert found["faults"] == []
    assert all(sum(found[name].values()) >= args.trials for name in args.troubles)


def test_of_two_runs_into_one_output_the_second_is_told(
    process, real, tmp_path: Path
) -> None:
    target, go = tmp_path / "a.jsonl", tmp_path / "go"
    late = f"while [ ! -e {go} ]; do sleep 0.1; done; echo first"
    first = process(
        "corpus", "convert", "-", target, shell=f'exec "$0" "$@" < <({late})'
    )
    while not list(tmp_path.glob(".*.part")):
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    second = real("corpus", "convert", "-", target, "--overwrite")
    go.touch()
    first.communicate(timeout=60)
    assert "a.jsonl is in use: another run is writing there" in second.sentence
    assert "first" in target.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"a.jsonl", "go"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a file system of 64 KB with some options, or another one inside it."""
    disk = tmp_path / "disk"

    def mount(options: str, inside: str = "") -> Path:
        place = disk / inside
        place.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("only root may mount a small disk")
        return place

    yield mount
    subprocess.run(["umount", "-R", str(disk)], capture_output=True, check=False)


@pytest.mark.parametrize("options", ["size=64k", "remount,ro,size=64k"])
def test_a_disk_without_room(real, corpus, small_disk, options: str) -> None:
    place = small_disk("size=64k")
    (place / "a.jsonl").write_text("old")
    if "ro" in options:
        small_disk(options)
    result = real("corpus", "convert", corpus, place / "a.jsonl", "--overwrite")
    assert "a.jsonl: cannot be written: " in result.sentence
    was_read = "read as IOB2" in result.err
    assert was_read == (options == "size=64k")  # else it is told before the work
    assert (place / "a.jsonl").read_text() == "old"
    assert [path.name for path in place.iterdir()] == ["a.jsonl"]


def test_a_disk_that_is_mounted_where_nothing_can_be_written(small_disk) -> None:
    small_disk("size=64k")
    place = small_disk("size=64k", "inside")
    small_disk("remount,ro,size=64k")
    OutputPolicy(place).check()
    small_disk("remount,ro,size=64k", "inside")
    with pytest.raises(StorageError, match="inside: cannot be written: Read-only"):
        OutputPolicy(place).check()


def test_a_file_that_may_not_grow(real, corpus) -> None:
    target = corpus.with_name("a.jsonl")
    limited = 'ulimit -f 16; exec "$0" "$@"'
    result: Any = real("corpus", "convert", corpus, target, shell=limited)
    assert "a.jsonl: cannot be written: File too large" in result.sentence
    assert [path.name for path in corpus.parent.iterdir()] == ["a.bio"]


def test_a_mounted_directory_is_not_replaced_and_holds_others(small_disk) -> None:
    """As the volume of a container is: nothing can be renamed to its place."""
    place = small_disk("size=64k")
    words = re.escape(
        "mounted here, so that nothing can take its place in one step. "
        f"Name a directory in it: {place}/NAME"
    )
    with pytest.raises(StorageError, match=words), whole_directory(place):
        raise AssertionError
    with pytest.raises(StorageError, match=words):
        OutputPolicy(place).check_finished(Kind("model", {"config.json": b""}))
    with whole_directory(place / "model") as stage:
        (stage / "a").touch()
    with whole_files(place) as stage:
        (stage / "b").touch()
    assert {path.name for path in place.iterdir()} == {"model", "b"}
