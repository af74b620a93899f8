"""Names and texts in EXPORT_DIR, local or remote."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfner.checkpoints.saved_graph import SAVED_MODEL
from tfner.storage import remote
from tfner.storage.atomic import exists, writing
from tfner.storage.locks import held


def names(directory: Path) -> list[str]:
    """Names of the files and directories in a directory, sorted; none if it is absent.

    Raises:
        StorageError: it cannot be read.
    """
    if not exists(directory):
        return []
    if remote.is_remote(directory):
        with remote.file_system(directory) as files:
            found = files.listdir(remote.address(directory))
        return sorted(name.rstrip("/") for name in found)
    with writing(directory):
        return sorted(os.listdir(directory))


def versions(model: Path) -> list[int]:
    """Numbers of the versions of a model, oldest first.

    Args:
        model: EXPORT_DIR/TASK_NAME.
    """
    return sorted(
        int(name)
        for name in _directories(model)
        if name.isdecimal() and exists(model / name / SAVED_MODEL)
    )


def models(export_dir: Path) -> dict[str, list[int]]:
    """Versions of every model in EXPORT_DIR, by its name."""
    found = {name: versions(export_dir / name) for name in _directories(export_dir)}
    return {name: numbers for name, numbers in found.items() if numbers}


def read_text(path: Path) -> str | None:
    """The text of a file, with signs in place of what is no UTF-8; None if absent.

    Raises:
        StorageError: it cannot be read.
    """
    if not exists(path):
        return None
    if remote.is_remote(path):
        with remote.open_remote(path) as file:
            content = file.read()
    else:
        with writing(path):
            content = path.read_bytes()
    return content.decode("utf-8", "replace")


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Wait for other exports into a local directory to have changed its files."""
    if remote.is_remote(directory):
        yield
        return
    with writing(directory), held(directory, wait=True):
        yield


def _directories(directory: Path) -> list[str]:
    """Those that may be a model or a version: no file has such a name."""
    return [
        name
        for name in names(directory)
        if not name.startswith(".")
        and (remote.is_remote(directory) or (directory / name).is_dir())
    ]
