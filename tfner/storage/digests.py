"""Digests of a model's files, by which a copy shows that it is whole and unchanged.

They tell of damage and of mistakes. Whoever changes a model on purpose can change them,
too: where a model comes from is for a signature of the whole to say.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from tfner.errors import StorageError, joined, shorten
from tfner.storage.atomic import write_json
from tfner.storage.foreign_files import check_files, read_json
from tfner.storage.schema import read_record

DIGESTS = "digests.json"
REMEDY = f"Restore them, or take {DIGESTS} away to have them read as they are."


@dataclass(frozen=True)
class DigestRecord:
    """The content of `digests.json`: a digest by the path of each file."""

    algorithm: Literal["sha256"]
    files: dict[str, str]


def write_digests(directory: Path) -> None:
    """Note the digests of all files of a directory in one more.

    Raises:
        StorageError: it cannot be written.
    """
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    digests = {
        path.relative_to(directory).as_posix(): digest_of(path)
        for path in files
        if path != directory / DIGESTS
    }
    record = {"algorithm": "sha256", "files": digests}
    write_json(directory / DIGESTS, record)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_digests(model: Path, *, remedy: str = REMEDY) -> None:
    """Compare the files of a directory with the digests in it, if there are any.

    Files that were added since are not looked at.

    Args:
        model: its directory, or what the names of its files begin with, as those of
            TensorFlow's checkpoints do.
        remedy: what to do about files that differ.

    Raises:
        StorageError: names the files that are missing or changed.
    """
    directory = model if model.is_dir() else model.parent
    place = directory / DIGESTS
    if not place.exists() and not place.is_symlink():
        return
    found = read_record(DigestRecord, read_json(place), place=place)
    problems = [
        problem
        for name, digest in found.files.items()
        if (problem := _problem(directory, name, digest))
    ]
    if problems:
        said = joined(problems, what="files are not as they were saved")
        raise StorageError(
            f"{said}\n{remedy}" if "\n" in said else f"{said} {remedy}", path=directory
        )


def _problem(directory: Path, name: str, digest: str) -> str | None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        return f"{shorten(name)} is no file of this directory."
    if not (directory / path).is_file():
        return f"{name} is missing, which was saved with the others."
    check_files(directory / path)
    if digest_of(directory / path) != digest:
        return f"{name} has changed since it was saved."
    return None
