"""A directory is replaced by a whole new one, or stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfner.errors import StorageError
from tfner.storage.atomic import whole_directory


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
