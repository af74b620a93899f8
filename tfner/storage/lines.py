"""Reading of local and remote files: bytes, gzip, and lines with their numbers.

Lines end at a line feed and nowhere else: `str.splitlines` would also cut at U+2028,
U+0085 and others that occur inside corpora.
"""

from __future__ import annotations

import gzip
import io
import logging
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tfner.errors import CorpusError, StorageError
from tfner.storage import remote
from tfner.storage.remote import AnyPath

logger = logging.getLogger(__name__)

STANDARD_STREAM = "-"
BOM = b"\xef\xbb\xbf"
GZIP_MAGIC = b"\x1f\x8b"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def stem_of(path: object) -> str:
    """Return a file name without suffix and `.gz`: `data/train.bio.gz` -> `train`."""
    name = Path(str(path)).name.removesuffix(".gz")
    return "stdin" if name == STANDARD_STREAM else Path(name).stem


def check_readable(path: AnyPath) -> None:
    """Stop where a file is missing, a directory, or may not be read.

    Raises:
        StorageError: says which of these.
    """
    if os.fspath(path) == STANDARD_STREAM:
        return
    is_remote = remote.is_remote(path)
    if remote.is_directory(path) if is_remote else os.path.isdir(path):
        raise StorageError(
            "cannot be read: this is a directory. Name a file in it.", path=path
        )
    if is_remote:
        return
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise _unreadable(path, error) from error


def is_readable(value: str) -> bool:
    """Tell whether a value names a file that exists, or any remote one."""
    return remote.is_remote(value) or os.path.isfile(value)


def _unreadable(path: AnyPath, error: OSError) -> StorageError:
    return StorageError(
        f"cannot be read: {error.strerror or error}. Check the name.", path=path
    )


def read_lines(
    path: str,
    *,
    keep_ends: bool = False,
    keep_bom: bool = False,
    announce: bool = True,
) -> Iterator[tuple[int, str]]:
    """Read a UTF-8 file, plain or gzip (by `.gz`), as numbered lines.

    Args:
        path: a file, or "-" for standard input.
        keep_ends: leave line feed and carriage return in place.
        keep_bom: leave a byte order mark in place; else it is skipped.
        announce: log a byte order mark; off where a file is read again.

    Raises:
        CorpusError: bytes that are no UTF-8 (with their offset), damaged gzip.
        StorageError: the file cannot be read.
    """
    with open_bytes(path) as stream:
        yield from decode_lines(
            _guarded(stream, path),
            path,
            keep_ends=keep_ends,
            keep_bom=keep_bom,
            announce=announce,
        )


def read_bytes(path: str) -> bytes:
    """Read a file or standard input.

    Raises:
        CorpusError: damaged gzip.
        StorageError: the file cannot be read.
    """
    with open_bytes(path) as stream:
        return b"".join(_guarded(stream, path))


def decode_lines(
    lines: Iterable[bytes],
    path: str,
    *,
    keep_ends: bool = False,
    keep_bom: bool = False,
    announce: bool = True,
) -> Iterator[tuple[int, str]]:
    """Decode the lines of a stream; see `read_lines` for the arguments.

    `path` names the stream in messages.
    """
    offset = 0
    for number, line in enumerate(lines, 1):
        if number == 1 and line.startswith(BOM) and not keep_bom:
            if announce:
                logger.info("%s: byte order mark skipped", path)
            offset, line = len(BOM), line[len(BOM) :]
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"not UTF-8: byte 0x{line[error.start]:02x} at offset "
                f"{offset + error.start:,} of the file. {_encoding_hint(line)}",
                path=path,
                line=number,
            ) from None
        offset += len(line)
        yield number, text if keep_ends else text.rstrip("\r\n")


def _encoding_hint(line: bytes) -> str:
    if line.startswith(GZIP_MAGIC):
        return "This is gzip: end its name in .gz."
    if line.startswith(UTF16_BOMS):
        return "This looks like UTF-16: save the file as UTF-8."
    return "Save the file as UTF-8 (iconv -f OLD -t utf-8)."


@contextmanager
def open_bytes(path: AnyPath) -> Iterator[IO[bytes]]:
    """Open a file or standard input for reading bytes, unpacked if it ends in .gz.

    Raises:
        StorageError: it cannot be read.
    """
    if os.fspath(path) == STANDARD_STREAM:
        yield sys.stdin.buffer
        return
    check_readable(path)
    is_remote = remote.is_remote(path)
    with remote.open_remote(path) if is_remote else open(path, "rb") as stream:
        if os.fspath(path).endswith(".gz"):
            with gzip.open(stream, "rb") as unpacked:
                yield io.BufferedReader(unpacked)
        else:
            yield stream


def _guarded(stream: IO[bytes], path: str) -> Iterator[bytes]:
    """The lines of a stream, with one sentence for damaged gzip and read errors."""
    try:
        yield from stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CorpusError(
            f"damaged or no gzip ({error}). Fetch it again, or take .gz off its name",
            path=path,
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error
