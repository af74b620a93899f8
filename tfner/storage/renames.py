"""Renames that lose nothing: onto free places alone, and exchanges in one step."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

NO_REPLACE, EXCHANGE = 1, 2
"""Flags of Linux's renameat2."""
HERE = -100
"""AT_FDCWD: relative paths begin at the working directory."""
UNABLE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
"""What kernels and file systems say of flags that they do not know."""


def rename_new(source: Path, target: Path) -> None:
    """Rename a file or directory to a place where nothing is.

    Raises:
        FileExistsError: something is there, were it an empty directory.
    """
    if _renameat2(source, target, NO_REPLACE):
        return
    if source.is_dir():
        _rename_directory(source, target)
    elif not _link(source, target):
        os.close(os.open(target, os.O_CREAT | os.O_EXCL))  # claims the place
        source.replace(target)


def exchange(one: Path, other: Path) -> bool:
    """Let two files or directories change places in one step.

    Returns:
        Whether it was done: False where the system cannot.

    Raises:
        OSError: one of them is not there, or may not be moved.
    """
    return _renameat2(one, other, EXCHANGE)


def _rename_directory(source: Path, target: Path) -> None:
    target.mkdir()  # claims the place: what has got content meanwhile is not replaced
    try:
        source.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise FileExistsError(errno.EEXIST, "File exists", str(target)) from error
        with suppress(OSError):
            target.rmdir()
        raise


def _link(source: Path, target: Path) -> bool:
    """Rename a file by a second name; returns False where files have one alone."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        return False
    source.unlink()
    return True


def _renameat2(source: Path, target: Path, flag: int) -> bool:
    call = _system_call()
    if call is None:
        return False
    if not call(HERE, os.fsencode(source), HERE, os.fsencode(target), flag):
        return True
    number = ctypes.get_errno()
    if number in UNABLE:
        return False
    raise OSError(number, os.strerror(number), str(source), None, str(target))


@functools.cache
def _system_call() -> Callable[..., int] | None:
    """The function of the C library, if it has one."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return None
    path, number = ctypes.c_char_p, ctypes.c_int
    call.argtypes = (number, path, number, path, ctypes.c_uint)
    return call
