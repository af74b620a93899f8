"""Pointers, which Git LFS leaves where it has not fetched a file."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tfner.errors import StorageError

HEAD = b"version https://git-lfs"


def refuse_pointers(*paths: Path) -> None:
    """Refuse files of which Git has fetched no more than pointers.

    Args:
        *paths: those that do not exist are passed over.

    Raises:
        StorageError: one is a pointer.
    """
    for path in paths:
        head = b""
        with contextlib.suppress(OSError), path.open("rb") as file:
            head = file.read(len(HEAD))
        if head == HEAD:
            raise StorageError(
                "a pointer of Git LFS, not the file itself. Fetch it with "
                "`git lfs pull`.",
                path=path,
            )
