"""Pointers, which Git LFS leaves where it has not fetched a file."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tfner.errors import StorageError
from tfner.storage.remote import AnyPath

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
        refuse_pointer(head, path)


def refuse_pointer(head: bytes, path: AnyPath) -> None:
    """Refuse a file that begins as pointers do.

    Args:
        head: its first bytes.
        path: for the message.

    Raises:
        StorageError: it is a pointer.
    """
    if head.startswith(HEAD):
        raise StorageError(
            "a pointer of Git LFS, not the file itself. Fetch it with `git lfs pull`.",
            path=path,
        )
