"""Nothing that appears meanwhile is lost, and what killed runs leave is found."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tfner.corpus.formats.sample import Sample
from tfner.errors import ConfigError, StorageError
from tfner.storage import renames
from tfner.storage.atomic import whole_directory, whole_file, whole_files
from tfner.storage.leftovers import OLD, PART, temporary
from tfner.storage.locks import held
from tfner.storage.output import Kind, OutputPolicy
from tfner.storage.publishing import Version, version_of
from tfner.storage.remote import local_copy

MODEL = Kind("model", {"config.json": b"ours"})
Write = Callable[[Path, Version | None], None]


@pytest.fixture(params=["at once", "in steps"])
def _system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can exchange two files, and one that cannot."""
    if request.param == "in steps":
        monkeypatch.setattr(renames, "_renameat2", lambda *_: False)


pytestmark = pytest.mark.usefixtures("_system")


@contextmanager
def writing(kind: str, path: Path, replaces: Version | None) -> Iterator[None]:
    """Write `new` into a file, or into a directory, where it is `config.json`."""
    if kind == "file":
        with whole_file(path, replaces=replaces) as stream:
            stream.write("new")
            yield
    else:
        with whole_directory(path, replaces=replaces) as stage:
            (stage / "config.json").write_text("new")
            yield


def put(kind: str, path: Path, text: str) -> None:
    if kind == "directory":
        path.mkdir()
        path /= "config.json"
    path.write_text(text)
    # Files of one moment and of one size cannot be told from each other.
    os.utime(path.parent if kind == "directory" else path, ns=(1, time.time_ns()))


def text_of(path: Path) -> str:
    return (path / "config.json" if path.is_dir() else path).read_text()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["file", "directory"])
@pytest.mark.parametrize("stranger", ["file", "directory"])
def test_what_appears_meanwhile_stays_and_the_result_is_beside_it(
    tmp_path: Path, kind: str, stranger: str
) -> None:
    place = tmp_path / "out"
    put(kind, tmp_path / "out.new", "from before")
    with (
        pytest.raises(StorageError, match=r"out: something else.*in .*/out\.new-2\."),
        writing(kind, place, version_of(place)),
    ):
        put(stranger, place, "of others")
    assert text_of(place) == "of others"
    assert text_of(tmp_path / "out.new-2") == "new"
    assert names(tmp_path) == ["out", "out.new", "out.new-2"]


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_was_to_be_replaced_and_is_another_now_stays(
    tmp_path: Path, kind: str
) -> None:
    place = tmp_path / "out"
    put(kind, place, "old")

    def replace() -> None:
        with writing(kind, place, version_of(place)):
            place.rename(tmp_path / "old")
            put(kind, place, "of others")

    with pytest.raises(StorageError, match=r"out: something else.*in .*/out\.new\."):
        replace()
    assert {name: text_of(tmp_path / name) for name in names(tmp_path)} == {
        "old": "old",
        "out": "of others",
        "out.new": "new",
    }


@pytest.mark.parametrize("kind", ["file", "directory"])
@pytest.mark.parametrize("still_there", [True, False])
def test_what_may_be_replaced_is(tmp_path: Path, kind: str, still_there: bool) -> None:
    place = tmp_path / "out"
    put(kind, place, "old")
    with writing(kind, place, version_of(place)):
        if not still_there:
            place.rename(tmp_path / "moved")
    assert text_of(place) == "new"
    assert names(tmp_path) == (["out"] if still_there else ["moved", "out"])


def test_a_file_that_joins_others_takes_no_place_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("of others")
    with (
        pytest.raises(StorageError, match=r"report\.md: something else"),
        whole_files(tmp_path, overwrite=False) as stage,
    ):
        (stage / "report.md").write_text("new")
    assert (tmp_path / "report.md").read_text() == "of others"
    assert (tmp_path / "report.md.new").read_text() == "new"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_permissions_stay(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "out"
    put(kind, place, "old")
    place.chmod(0o750)
    with writing(kind, place, version_of(place)):
        pass
    assert place.stat().st_mode & 0o777 == 0o750


def test_permissions_of_files_in_a_directory_stay(tmp_path: Path) -> None:
    place = tmp_path / "out"
    put("directory", place, "old")
    (place / "config.json").chmod(0o600)
    with writing("directory", place, version_of(place)):
        pass
    assert text_of(place) == "new"
    assert (place / "config.json").stat().st_mode & 0o777 == 0o600


def test_what_killed_runs_left_is_named_and_removed(
    tmp_path: Path, heed: Callable[..., ExitStack]
) -> None:
    place, others = tmp_path / "out", tmp_path / ".out2.0123abcd.part"
    parts = [temporary(place), temporary(place), temporary(place, OLD)]
    for part, kind in zip(parts, ("file", "directory", "directory"), strict=True):
        put(kind, part, "half")
    for stays in (place, others):
        stays.touch()
    said: list[str] = []
    with heed(said.append):
        OutputPolicy(place, overwrite=True).check()
    assert names(tmp_path) == [others.name, "out"]
    assert len(said) == 3
    assert all(any(str(part) in line for line in said) for part in parts)


def test_what_a_living_run_writes_stays_and_the_other_is_told(tmp_path: Path) -> None:
    place = tmp_path / "out"
    with whole_directory(place) as stage:
        for overwrite in (False, True):
            with pytest.raises(ConfigError, match="out is in use: another run is wri"):
                OutputPolicy(place, overwrite).check()
        (stage / "config.json").write_text("new")
    with pytest.raises(ConfigError, match="exists"):
        OutputPolicy(place).check()


def test_a_run_that_was_killed_between_two_renames_is_put_right(
    tmp_path: Path, heed: Callable[..., ExitStack]
) -> None:
    place = tmp_path / "model"
    put("directory", temporary(place, OLD), "ours, old")
    put("directory", temporary(place), "ours, new")
    said: list[str] = []
    with heed(said.append), pytest.raises(ConfigError, match="exists"):
        OutputPolicy(place).check(MODEL)
    assert said[0] == f"{place}: put back: a run was killed while it replaced this"
    assert text_of(place) == "ours, old"
    assert names(tmp_path) == ["model"]


def test_readers_put_it_right_too(tmp_path: Path) -> None:
    for name in ("model", "corpus"):
        put("directory", temporary(tmp_path / name, OLD), "ours")
    assert local_copy(tmp_path / "model") == tmp_path / "model"
    assert Sample(str(tmp_path / "corpus")).is_directory
    assert names(tmp_path) == ["corpus", "model"]


def test_nothing_is_put_back_while_the_run_lives(tmp_path: Path) -> None:
    place = tmp_path / "model"
    old = temporary(place, OLD)
    put("directory", old, "ours")
    with held(old), pytest.raises(ConfigError, match="in use"):
        OutputPolicy(place).check(MODEL)
    assert names(tmp_path) == [old.name]


def test_a_directory_of_work_has_one_run(tmp_path: Path) -> None:
    place = OutputPolicy(tmp_path / "model.training", overwrite=True)
    with place.working_directory() as directory:
        (directory / "checkpoint").touch()
        with (
            pytest.raises(ConfigError, match=r"model\.training is in use"),
            place.working_directory(),
        ):
            raise AssertionError
        with pytest.raises(ConfigError, match="in use"):
            place.check_unfinished()
        assert names(directory) == ["checkpoint"]
    place.check_unfinished()


def test_hidden_names_are_those_that_are_looked_for(tmp_path: Path) -> None:
    for kind in (PART, OLD):
        name = temporary(tmp_path / "a [1].b", kind).name
        assert name.startswith(".a [1].b.")
        assert name.endswith(kind)
