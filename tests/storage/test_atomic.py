"""Files and directories are replaced by whole new ones, or stay as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tfner.errors import StorageError
from tfner.storage import renames
from tfner.storage.atomic import (
    move_to_new,
    whole_directory,
    whole_files,
    write_text,
)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """An existing directory with one file."""
    directory = tmp_path / "place" / "model"
    directory.mkdir(parents=True)
    (directory / "old").write_text("old")
    return directory


def write(directory: Path) -> None:
    with whole_directory(directory) as stage:
        (stage / "new").write_text("new")


def contents(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*"))


def test_a_new_directory_and_its_parents_are_made(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b")
    assert contents(tmp_path) == ["a", "a/b", "a/b/new"]


def test_an_existing_directory_is_replaced_and_nothing_is_left(target: Path) -> None:
    write(target)
    assert contents(target.parent) == ["model", "model/new"]


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    with whole_directory(tmp_path / "model"):
        assert not (tmp_path / "model").exists()
    assert (tmp_path / "model").is_dir()


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (OSError(28, "No space left on device"), StorageError),
        (ValueError("a shape"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_failure_leaves_the_old_directory_whole(
    target: Path, failure: BaseException, expected: type[BaseException]
) -> None:
    def fail() -> None:
        with whole_directory(target) as stage:
            (stage / "new").write_text("half")
            raise failure

    with pytest.raises(expected) as caught:
        fail()
    assert contents(target.parent) == ["model", "model/old"]
    if expected is StorageError:
        assert "cannot be written" in str(caught.value)
        assert "No space left" in str(caught.value)


def test_a_failing_rename_brings_the_old_directory_back(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail(self: Path, to: Path) -> Path:
        if (self / "new").exists():
            raise OSError(5, "Input/output error")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", fail)
    monkeypatch.setattr(renames, "_renameat2", lambda *_: False)
    with pytest.raises(StorageError, match="Input/output error"):
        write(target)
    assert contents(target.parent) == ["model", "model/old"]


def test_a_link_stays_one_and_what_it_points_to_is_replaced(
    target: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(target)
    write(link)
    assert link.is_symlink()
    assert contents(target.parent) == ["model", "model/new"]


def test_a_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("a file")
    write(tmp_path / "model")
    assert contents(tmp_path) == ["model", "model/new"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file/model: cannot be written"):
        write(tmp_path / "file" / "model")


def test_a_file_that_fails_in_it_is_told_of_the_directory(target: Path) -> None:
    with (
        pytest.raises(StorageError, match="model: cannot be written: File name too"),
        whole_directory(target) as stage,
    ):
        write_text(stage / ("n" * 300), "text")
    assert contents(target.parent) == ["model", "model/old"]


def test_parents_that_were_made_go_if_nothing_comes(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_directory(tmp_path / "a" / "b" / "model"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert contents(tmp_path) == []


def test_files_join_those_of_a_directory(target: Path) -> None:
    (target / "kept").mkdir()
    (target / "figures").mkdir()
    (target / "figures" / "old").touch()
    with whole_files(target) as stage:
        (stage / "old").write_text("new")
        (stage / "figures").mkdir()
        (stage / "figures" / "new").touch()
        assert (target / "old").read_text() == "old"
    assert (target / "old").read_text() == "new"
    assert contents(target) == ["figures", "figures/new", "kept", "old"]


def test_files_that_fail_change_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_files(tmp_path / "a" / "b") as stage:
            (stage / "new").touch()
            raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="a/b: cannot be written: No space"):
        fail()
    assert contents(tmp_path) == []


def test_a_directory_in_the_place_of_a_file_stays(target: Path) -> None:
    (target / "old").unlink()
    (target / "old").mkdir()
    with (
        pytest.raises(StorageError, match="model/old: cannot be written: Is a dir"),
        whole_files(target) as stage,
    ):
        (stage / "old").write_text("new")
    assert contents(target) == ["old"]


def test_what_moves_into_place_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
    write_text(tmp_path / "a", "text")
    write(tmp_path / "b")
    files = [tmp_path / "a", tmp_path / "b" / "new"]
    assert synced == [path.stat().st_ino for path in files]


def test_a_new_version_takes_no_place_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "stage").mkdir()
    (tmp_path / "1").mkdir()
    assert not move_to_new(tmp_path / "stage", tmp_path / "1")
    assert move_to_new(tmp_path / "stage", tmp_path / "2")
    assert contents(tmp_path) == ["1", "2"]
