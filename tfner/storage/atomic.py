"""Writing of files and directories that appear whole or not at all.

Everything is written under a temporary name beside its place, `.NAME.XXXXXXXX.part`,
flushed to the disk, and renamed; until then what is there stays. Remote places work
too: their temporary files are local, and are sent.

What may be replaced is an argument of all that writes where a user has said: `replaces`
is what `version_of` gave when the run began, and by default anything, which is right
for files in directories of our own.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOTDIR
from pathlib import Path
from typing import IO, Any, TextIO

from tfner.errors import StorageError
from tfner.storage import leftovers, remote
from tfner.storage.lines import STANDARD_STREAM
from tfner.storage.progress import show_progress
from tfner.storage.publishing import (
    ANYTHING,
    Version,
    publish,
    real_place,
    refuse_mount,
    sync,
)
from tfner.storage.remote import AnyPath
from tfner.storage.renames import rename_new

REMEDY = "Make room, or choose another place."
INSIDE = "files"
"""In the name of a temporary directory whose content joins the one around it."""


@contextmanager
def whole_file(
    path: AnyPath, *, replaces: Version | None = ANYTHING, remedy: str = REMEDY
) -> Iterator[TextIO]:
    """Open a UTF-8 text stream whose file appears under `path` when it is complete.

    A name in `.gz` is compressed; "-" is standard output; devices are written directly.

    Args:
        path: of the file; the one that it replaces leaves it its permissions.
        replaces: what may be replaced, see `tfner.storage.publishing.publish`.
        remedy: what to do where it cannot be written.

    Raises:
        StorageError: the place cannot be written, the disk is full, or something else
            has appeared there.
    """
    if os.fspath(path) == STANDARD_STREAM:
        if sys.stdout.isatty():
            show_progress(False)  # it would stand among the lines
        yield sys.stdout
        return
    with whole_bytes(path, replaces=replaces, remedy=remedy) as raw:
        compress = os.fspath(path).endswith(".gz")
        # No name and no time in the gzip header: equal content gives equal bytes.
        packed = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if compress else raw
        with io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as stream:
            yield stream


@contextmanager
def whole_bytes(
    path: AnyPath, *, replaces: Version | None = ANYTHING, remedy: str = REMEDY
) -> Iterator[IO[bytes]]:
    """Open a binary stream; see `whole_file`."""
    with _whole_path(path, replaces, remedy) as part, part.open("wb") as file:
        yield file


@contextmanager
def _whole_path(path: AnyPath, replaces: Version | None, remedy: str) -> Iterator[Path]:
    with writing(path, remedy):
        if remote.is_remote(path):
            with tempfile.TemporaryDirectory(prefix="tfner-") as folder:
                part = Path(folder) / Path(path).name
                yield part
                publish(part, path, replaces)
            return
        if Path(path).is_dir():
            raise StorageError(
                "cannot be written: this is a directory. Name a file.", path=path
            )
        if is_stream(path):
            yield Path(path)
            return
        target = real_place(path)
        with leftovers.new_part(target, is_directory=False) as part:
            yield part
            publish(part, target, replaces)


def write_bytes(path: AnyPath, content: bytes, *, remedy: str = REMEDY) -> None:
    """Write a whole file of bytes; see `whole_file`."""
    with whole_bytes(path, remedy=remedy) as file:
        file.write(content)


def write_text(path: AnyPath, content: str, *, remedy: str = REMEDY) -> None:
    """Write a whole file of text; see `whole_file`."""
    with whole_file(path, remedy=remedy) as file:
        file.write(content)


def write_json(path: AnyPath, record: Any) -> None:
    """Write one indented JSON file; see `whole_file`."""
    write_text(path, json.dumps(record, ensure_ascii=False, indent=2) + "\n")


@contextmanager
def whole_directory(
    directory: AnyPath, *, replaces: Version | None = ANYTHING
) -> Iterator[Path]:
    """Make a temporary directory that becomes `directory` if nothing fails.

    A link goes on pointing where it points.

    Args:
        directory: local or remote.
        replaces: what may be replaced, see `tfner.storage.publishing.publish`.

    Raises:
        StorageError: the place cannot be written or replaced, the disk is full, or
            something else has appeared there.
    """
    refuse_mount(directory)
    with staging(directory) as stage:
        yield stage
        publish(stage, directory, replaces)


@contextmanager
def whole_files(directory: AnyPath, *, overwrite: bool = True) -> Iterator[Path]:
    """Make a temporary directory whose content joins `directory` if nothing fails.

    Args:
        directory: local or remote; files of other names stay.
        overwrite: files and directories of the same names are replaced.

    Raises:
        StorageError: the place cannot be written, the disk is full, or a file is there
            that may not be replaced.
    """
    with staging(directory, inside=True) as stage:
        yield stage
        for path in sorted(stage.iterdir(), key=remote.is_marker):
            target = Path(directory) / path.name
            publish(path, target, ANYTHING if overwrite else None)


@contextmanager
def staging(directory: AnyPath, *, inside: bool = False) -> Iterator[Path]:
    """Make a temporary directory that is gone at the end of the block.

    Args:
        directory: the temporary one lies beside it, or anywhere if this is remote.
        inside: it lies in this directory.

    Raises:
        StorageError: something in the block cannot be written.
    """
    with writing(directory), _stage(directory, inside=inside) as stage:
        try:
            yield stage
        except StorageError as error:
            if not Path(str(error.path)).is_relative_to(stage):
                raise
            raise StorageError(error.message, path=remote.address(directory)) from error


@contextmanager
def _stage(directory: AnyPath, *, inside: bool) -> Iterator[Path]:
    if remote.is_remote(directory):
        remote.check_place(directory)
        with tempfile.TemporaryDirectory(prefix="tfner-") as folder:
            yield Path(folder)
        return
    place = real_place(directory)
    target = place / INSIDE if inside else place
    made = [folder for folder in target.parents if not folder.exists()]
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:  # where a directory should be
            raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR)) from error
        leftovers.clear(target)
        with leftovers.new_part(target, is_directory=True) as stage:
            yield stage
    finally:
        with suppress(OSError):  # they are in use by now
            for parent in made:
                parent.rmdir()


def move_to_new(stage: Path, target: Path) -> bool:
    """Move a directory to a local or remote place, unless something is there.

    Returns:
        Whether it was moved: False if there is something.
    """
    if not remote.is_remote(target):
        sync(stage)
        try:
            rename_new(stage, target)
        except FileExistsError:
            return False
        return True
    if not remote.exists(target):
        remote.publish(stage, target)
        return True
    return False


def is_stream(path: AnyPath) -> bool:
    """Tell whether a local place is a device or a pipe, which is written directly.

    The names of pipes, `/dev/stdout` and `/dev/fd/63`, are links to what is no path.
    """
    place = Path(path)
    return place.exists() and not (place.is_file() or place.is_dir())


def exists(path: AnyPath) -> bool:
    """Tell whether there is a local or remote file or directory of this name."""
    return remote.exists(path) if remote.is_remote(path) else Path(path).exists()


@contextmanager
def writing(path: AnyPath, remedy: str = REMEDY) -> Iterator[None]:
    """Report what cannot be written in the block in one sentence.

    Raises:
        StorageError: for an OSError, and for text that UTF-8 cannot hold.
    """
    try:
        yield
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}. {remedy}"
        place = error.filename2 or remote.address(path)  # of two, where it was to go
        raise StorageError(message, path=place) from error
    except UnicodeEncodeError as error:
        if not _is_utf8(path):
            raise StorageError(
                "cannot be written: the name is no UTF-8, and TensorFlow takes no "
                "other. Choose another place.",
                path=path,
            ) from error
        code = ord(error.object[error.start])
        raise StorageError(
            f"cannot be written: UTF-8 cannot hold the lone surrogate U+{code:X} of "
            "the input. Correct the text.",
            path=remote.address(path),
        ) from error


def _is_utf8(path: AnyPath) -> bool:
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True
