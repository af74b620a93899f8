"""Temporary names beside a place, and what runs that were killed have left there.

    .NAME.0123abcd.part   what is being written, held by the run that writes it
    .NAME.0123abcd.old    what is being replaced, where that takes two steps

What no run holds any more is removed by the next run into the same place. Where a run
was killed between the two steps, what it was replacing is put back by whatever opens
the place next.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tfner.storage.locks import held
from tfner.storage.renames import rename_new

logger = logging.getLogger(__name__)

PART, OLD = "part", "old"
NO_UTF8 = re.compile("[\udc80-\udcff]")
"""Bytes of a file's name that are none, as Python holds them."""
REMOVED = "removed what a killed run had left: %s"
PARTS = f".*.{PART}"
"""Pattern of the names of what is being written."""


def temporary(target: Path, kind: str = PART) -> Path:
    """A name beside a place that nothing has, in UTF-8: TensorFlow knows no other."""
    return target.with_name(f".{_in_utf8(target)}.{os.urandom(4).hex()}.{kind}")


def _in_utf8(target: Path) -> str:
    return NO_UTF8.sub(lambda byte: f"%{ord(byte[0]) & 0xFF:02X}", target.name)


@contextmanager
def new_part(target: Path, *, is_directory: bool) -> Iterator[Path]:
    """Make a temporary file or directory, which is gone at the end of the block.

    Args:
        target: it lies beside this.
        is_directory: else it is a file.

    Raises:
        OSError: it cannot be made.
    """
    made = False
    while not made:
        part = temporary(target)
        part.mkdir() if is_directory else part.touch(exist_ok=False)
        with held(part, wait=True):
            made = part.exists()  # or was taken for a leftover before it was held
            if made:
                try:
                    yield part
                finally:
                    remove(part)


def remove(path: Path) -> None:
    """Remove a file or directory, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def clear(target: Path) -> bool:
    """Remove what killed runs have left beside a place, and name it.

    Args:
        target: a local place.

    Returns:
        Whether a run that is alive is writing there.
    """
    in_use = False
    for path in [*_beside(target, PART), *_beside(target, OLD)]:
        with suppress(OSError), held(path) as mine:
            in_use |= mine is False
            if mine:
                remove(path)
                logger.info(REMOVED, path)
    return in_use


def put_back(target: Path) -> None:
    """Put back what a run was replacing when it was killed, if nothing is there now.

    Args:
        target: a local place.
    """
    if os.path.lexists(target) or not target.name:
        return
    for path in sorted(_beside(target, OLD), key=_when_renamed, reverse=True):
        with suppress(OSError), held(path) as mine:
            if mine is not False:  # else a run is about to put the new one there
                rename_new(path, target)
                logger.warning(
                    "%s: put back: a run was killed while it replaced this", target
                )
                return


def remove_parts(directory: Path) -> None:
    """Remove the temporary files below a directory that a killed process left."""
    for part in list(directory.rglob(PARTS)):
        remove(part)
        logger.info(REMOVED, part)


def _beside(target: Path, kind: str) -> list[Path]:
    form = re.compile(rf"\.{re.escape(_in_utf8(target))}\.[0-9a-f]{{8}}\.{kind}")
    with suppress(OSError), os.scandir(target.parent) as entries:
        return [Path(entry.path) for entry in entries if form.fullmatch(entry.name)]
    return []


def _when_renamed(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_ctime_ns
    return 0
