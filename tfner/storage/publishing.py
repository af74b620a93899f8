"""Files and directories that take their place, and nothing else's.

What stood at a place when a run began is replaced, if that was asked for; what has
appeared or changed meanwhile stays, and the result is kept beside it.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from errno import ELOOP
from itertools import chain, count
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from tfner.errors import StorageError
from tfner.storage import remote
from tfner.storage.leftovers import OLD, remove, temporary
from tfner.storage.locks import held
from tfner.storage.remote import AnyPath
from tfner.storage.renames import exchange, rename_new

SYNCED = 1000
"""More files than these are synced together with all there is, which is faster."""


class Version(NamedTuple):
    """A state of a place that can be told from later ones.

    Args:
        kind: of what it is.
        changed: when its content was last changed, in nanoseconds.
        size: of a file, in bytes.
    """

    kind: str
    changed: int = 0
    size: int = 0


ANYTHING: Final = Version("anything")
"""Stands for whatever there may be."""


def version_of(path: AnyPath) -> Version | None:
    """Look at what stands at a place; None if nothing does.

    Two versions are equal if nobody has written there between the two looks; of remote
    places, if something was there both times.
    """
    if remote.is_remote(path):
        return Version("remote") if remote.exists(path) else None
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return Version("directory", found.st_mtime_ns)
    return Version("file", found.st_mtime_ns, found.st_size)


def real_place(path: AnyPath) -> Path:
    """Follow the links of a local place, of which the last may lead to nothing yet.

    Raises:
        OSError: the links make a ring.
    """
    place = Path(os.path.realpath(path))
    if place.is_symlink():
        raise OSError(ELOOP, os.strerror(ELOOP), os.fspath(path))
    return place


def refuse_mount(path: AnyPath) -> None:
    """Refuse a directory whose place no other can take, before the work is done.

    Raises:
        StorageError: a file system is mounted there, as the volume of a container is.
    """
    if not remote.is_remote(path) and os.path.ismount(os.path.realpath(path)):
        raise StorageError(
            "a file system is mounted here, so that nothing can take its place in one "
            f"step. Name a directory in it: {Path(path) / 'NAME'}",
            path=path,
        )


def _is_version(path: AnyPath, version: Version | None) -> bool:
    return version == ANYTHING or version_of(path) == version


def publish(stage: Path, target: AnyPath, replaces: Version | None = ANYTHING) -> None:
    """Move a file or directory into place.

    Args:
        stage: is flushed to the disk first.
        target: on the same file system, or remote. What is replaced there leaves its
            permissions to the new one, and stays if this fails.
        replaces: what may be replaced there, from `version_of`; None for nothing.

    Raises:
        StorageError: something else stands there. It stays, and what was to be moved
            is beside it.
        OSError: it cannot be moved.
    """
    if remote.is_remote(target):
        _send(stage, target, replaces)
        return
    target = real_place(target)
    sync(stage)
    if replaces is not None:
        _keep_mode(target, stage)
    if replaces == ANYTHING and stage.is_file():
        stage.replace(target)
        return
    try:
        rename_new(stage, target)
    except FileExistsError:
        if replaces is None:
            _give_way(stage, target)
        _replace(stage, target, replaces)


def _send(stage: Path, target: AnyPath, replaces: Version | None) -> None:
    if not _is_version(target, replaces):
        _give_way(stage, target)
    send = remote.publish if stage.is_dir() else remote.put
    send(stage, target)


def _replace(stage: Path, target: Path, replaces: Version) -> None:
    """Replace what is at a place, which is looked at once nobody can change it."""
    if not exchange(stage, target):
        _replace_in_two_steps(stage, target, replaces)
    elif _is_version(stage, replaces):
        remove(stage)
    else:
        exchange(stage, target)
        _give_way(stage, target)


def _replace_in_two_steps(stage: Path, target: Path, replaces: Version) -> None:
    if not _is_version(target, replaces):
        _give_way(stage, target)
    if stage.is_file() and target.is_file():
        stage.replace(target)
        return
    old = temporary(target, OLD)
    with held(target):  # as long as it is, nobody puts it back
        target.rename(old)
        try:
            rename_new(stage, target)
        except OSError:
            with suppress(FileExistsError):
                rename_new(old, target)
            raise
        remove(old)


def _give_way(stage: Path, target: AnyPath) -> NoReturn:
    """Keep a result beside its place.

    Raises:
        StorageError: says where.
    """
    place = _free_beside(target)
    publish(stage, place, None)
    raise StorageError(
        "something else has appeared here meanwhile, and stays. What was written is "
        f"in {remote.address(place)}.",
        path=remote.address(target),
    )


def _free_beside(target: AnyPath) -> Path:
    """The first place beside another one, of a longer name, where nothing is."""
    path = Path(target)
    names = chain([".new"], (f".new-{number}" for number in count(2)))
    places = (path.with_name(path.name + name) for name in names)
    return next(place for place in places if version_of(place) is None)


def _keep_mode(target: Path, stage: Path) -> None:
    """Give what is to be replaced and what replaces it the same permissions."""
    for new in [stage, *stage.rglob("*")]:
        old = target / new.relative_to(stage)
        with suppress(OSError):
            if old.is_dir() == new.is_dir():
                shutil.copymode(old, new)


def sync(path: Path) -> None:
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
