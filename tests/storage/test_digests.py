"""Digests tell which files of a model are not as they were saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tfner.errors import StorageError
from tfner.storage.digests import DIGESTS, check_digests, write_digests


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "inner" / "b.bin").write_bytes(bytes(range(256)))
    write_digests(tmp_path)
    return tmp_path


def test_files_as_they_were_saved_pass(directory: Path) -> None:
    check_digests(directory)
    (directory / "README.md").write_text("added")
    check_digests(directory)
    write_digests(directory)
    record = json.loads((directory / DIGESTS).read_text())
    assert list(record["files"]) == ["README.md", "a.txt", "inner/b.bin"]


def test_a_model_may_be_named_by_what_its_files_begin_with(directory: Path) -> None:
    check_digests(directory / "a")
    (directory / "a.txt").write_text("b")
    with pytest.raises(StorageError, match=r"a\.txt has changed"):
        check_digests(directory / "a")


def test_models_without_digests_pass(directory: Path) -> None:
    (directory / DIGESTS).unlink()
    (directory / "a.txt").unlink()
    check_digests(directory)


def test_every_file_that_differs_is_named(directory: Path) -> None:
    (directory / "a.txt").write_text("b")
    with pytest.raises(StorageError, match=r"a\.txt has changed since it was"):
        check_digests(directory)
    (directory / "inner" / "b.bin").unlink()
    with pytest.raises(StorageError, match="2 files are not as they were saved"):
        check_digests(directory)


def test_a_bit_is_enough(directory: Path) -> None:
    content = bytearray((directory / "inner" / "b.bin").read_bytes())
    content[77] ^= 1
    (directory / "inner" / "b.bin").write_bytes(content)
    with pytest.raises(StorageError, match=r"inner/b\.bin has changed"):
        check_digests(directory)


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "inner/../../a", "a\0"])
def test_files_elsewhere_are_not_looked_at(directory: Path, name: str) -> None:
    record = {"algorithm": "sha256", "files": {name: "0"}}
    (directory / DIGESTS).write_text(json.dumps(record))
    with pytest.raises(StorageError, match="is no file of this directory"):
        check_digests(directory)


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"algorithm": "md5", "files": {}}', '{"files": 3}']
)
def test_damaged_digests_are_one_sentence(directory: Path, content: str) -> None:
    (directory / DIGESTS).write_text(content)
    with pytest.raises(StorageError, match=DIGESTS):
        check_digests(directory)


def test_a_device_in_the_place_of_a_file_is_not_read(directory: Path) -> None:
    (directory / "a.txt").unlink()
    (directory / "a.txt").symlink_to("/dev/zero")
    with pytest.raises(StorageError, match=r"a\.txt"):
        check_digests(directory)
