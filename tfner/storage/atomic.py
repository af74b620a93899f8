"""Writing of files and directories that appear whole or not at all.

Everything is written under a temporary name beside its place, `.NAME.XXXXXXXX.part`,
flushed to the disk, and renamed; until then what is there stays. Remote places work
too: their temporary files are local, and are sent.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TextIO

from tfner.errors import StorageError
from tfner.storage import remote
from tfner.storage.lines import STANDARD_STREAM
from tfner.storage.progress import show_progress
from tfner.storage.remote import AnyPath

REMEDY = "Make room, or choose another place."
PARTS = ".*.part"
"""Pattern of the temporary names."""
SYNCED = 1000
"""More files than these are synced together with all there is, which is faster."""


@contextmanager
def whole_file(path: AnyPath, *, remedy: str = REMEDY) -> Iterator[TextIO]:
    """Open a UTF-8 text stream whose file appears under `path` when it is complete.

    A name in `.gz` is compressed; "-" is standard output; devices are written directly.

    Args:
        path: an existing file is replaced.
        remedy: what to do where it cannot be written.

    Raises:
        StorageError: the place cannot be written, or the disk is full.
    """
    if os.fspath(path) == STANDARD_STREAM:
        if sys.stdout.isatty():
            show_progress(False)  # it would stand among the lines
        yield sys.stdout
        return
    with whole_bytes(path, remedy=remedy) as raw:
        compress = os.fspath(path).endswith(".gz")
        # No name and no time in the gzip header: equal content gives equal bytes.
        packed = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if compress else raw
        with io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as stream:
            yield stream


@contextmanager
def whole_bytes(path: AnyPath, *, remedy: str = REMEDY) -> Iterator[IO[bytes]]:
    """Open a binary stream; see `whole_file`."""
    with _whole_path(path, remedy=remedy) as part, part.open("wb") as file:
        yield file


@contextmanager
def _whole_path(path: AnyPath, *, remedy: str) -> Iterator[Path]:
    with writing(path, remedy):
        if remote.is_remote(path):
            with tempfile.TemporaryDirectory(prefix="tfner-") as folder:
                part = Path(folder) / Path(path).name
                yield part
                remote.put(part, path)
            return
        target = Path(path).resolve()
        if target.is_dir():
            raise StorageError(
                "cannot be written: this is a directory. Name a file.", path=path
            )
        if target.exists() and not target.is_file():
            yield target  # a device or a pipe
            return
        part = _temporary(target)
        try:
            yield part
            _sync(part)
            part.replace(target)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


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
def whole_directory(directory: AnyPath) -> Iterator[Path]:
    """Make a temporary directory that becomes `directory` if nothing fails.

    What was there before is replaced; whether it may be is for the caller to ask. A
    link goes on pointing where it points.

    Raises:
        StorageError: the place cannot be written, or the disk is full.
    """
    with staging(directory) as stage:
        yield stage
        move_into_place(stage, directory)


@contextmanager
def whole_files(directory: AnyPath) -> Iterator[Path]:
    """Make a temporary directory whose content joins `directory` if nothing fails.

    Files and directories of the same names are replaced; others stay.

    Raises:
        StorageError: the place cannot be written, or the disk is full.
    """
    with staging(directory, inside=True) as stage:
        yield stage
        for path in sorted(stage.iterdir(), key=remote.is_marker):
            move_into_place(path, Path(directory) / path.name)


@contextmanager
def staging(directory: AnyPath, *, inside: bool = False) -> Iterator[Path]:
    """Make a temporary directory that is gone at the end of the block.

    Args:
        directory: the temporary one lies beside it, or anywhere if this is remote.
        inside: it lies in this directory.

    Raises:
        StorageError: something in the block cannot be written.
    """
    made: list[Path] = []
    with writing(directory):
        if remote.is_remote(directory):
            remote.check_place(directory)
            stage = Path(tempfile.mkdtemp(prefix="tfner-"))
        else:
            place = Path(directory).resolve()
            stage = _temporary(place / "files" if inside else place)
            made = [folder for folder in stage.parents if not folder.exists()]
            stage.mkdir(parents=True)
        try:
            yield stage
        except StorageError as error:
            if not Path(str(error.path)).is_relative_to(stage):
                raise
            raise StorageError(error.message, path=remote.address(directory)) from error
        finally:
            shutil.rmtree(stage, ignore_errors=True)
            with suppress(OSError):  # they are in use by now
                for folder in made:
                    folder.rmdir()


def move_into_place(stage: Path, target: AnyPath) -> None:
    """Move a file or directory; what was there is replaced, or stays if that fails.

    Args:
        stage: is flushed to the disk first.
        target: on the same file system, or remote.
    """
    if remote.is_remote(target):
        send = remote.publish if stage.is_dir() else remote.put
        send(stage, target)
        return
    target = Path(target).resolve()
    _sync(stage)
    if stage.is_file():
        stage.replace(target)
    elif target.exists():
        _swap(stage, target)
    else:
        stage.rename(target)


def _swap(stage: Path, target: Path) -> None:
    """Replace what is at a place by a directory; it is back if that fails."""
    old = _temporary(target)
    target.rename(old)
    try:
        stage.rename(target)
    except OSError:
        old.rename(target)
        raise
    if old.is_dir():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.unlink()


def move_to_new(stage: Path, target: Path) -> bool:
    """Move a directory to a local or remote place, unless something is there.

    Returns:
        Whether it was moved: False if there is something.
    """
    if exists(target):  # renaming onto an empty directory would succeed
        return False
    if remote.is_remote(target):
        remote.publish(stage, target)
        return True
    _sync(stage)
    try:
        stage.rename(target)
    except OSError:
        if target.exists():
            return False
        raise
    return True


def exists(path: AnyPath) -> bool:
    """Tell whether there is a local or remote file or directory of this name."""
    return remote.exists(path) if remote.is_remote(path) else Path(path).exists()


def remove_parts(directory: Path) -> None:
    """Remove the temporary files below a directory that a killed process left."""
    for part in list(directory.rglob(PARTS)):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.urandom(4).hex()}.part")


def _sync(path: Path) -> None:
    """Flush a file, or all files of a directory, to the disk."""
    files = [file for file in path.rglob("*") if file.is_file()]
    if len(files) > SYNCED:
        os.sync()
        return
    for file in files if path.is_dir() else [path]:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
        code = ord(error.object[error.start])
        raise StorageError(
            f"cannot be written: UTF-8 cannot hold the lone surrogate U+{code:X} of "
            "the input. Correct the text.",
            path=remote.address(path),
        ) from error
