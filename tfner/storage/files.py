"""Bytes in and out: lines with their numbers, gzip, and files that appear whole.

Lines end at a line feed and nowhere else: `str.splitlines` would also cut at U+2028,
U+0085 and others that occur inside corpora.
"""

from __future__ import annotations

import gzip
import io
import logging
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TextIO

from tfner.errors import CorpusError, TfnerError
from tfner.storage import remote

logger = logging.getLogger(__name__)

STANDARD_STREAM = "-"
BOM = b"\xef\xbb\xbf"
GZIP_MAGIC = b"\x1f\x8b"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def stem_of(path: object) -> str:
    """File name without suffix and `.gz`: `data/train.bio.gz` -> `train`."""
    name = Path(str(path)).name.removesuffix(".gz")
    return "stdin" if name == STANDARD_STREAM else Path(name).stem


def check_readable(path: str) -> None:
    """Stop where a file is missing, a directory, or may not be read.

    Raises:
        CorpusError: says which of these.
    """
    if path == STANDARD_STREAM:
        return
    far = remote.is_remote(path)
    if remote.is_directory(path, CorpusError) if far else os.path.isdir(path):
        raise CorpusError("this is a directory; name a corpus file in it", path=path)
    if far:
        return
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise CorpusError(f"cannot be read: {error.strerror}", path=path) from error


def read_lines(
    path: str,
    *,
    keep_ends: bool = False,
    keep_bom: bool = False,
    announce: bool = True,
) -> Iterator[tuple[int, str]]:
    """Number and text of each line of a UTF-8 file, plain or gzip (by `.gz`).

    Args:
        path: a file, or "-" for standard input.
        keep_ends: leave line feed and carriage return in place.
        keep_bom: leave a byte order mark in place; else it is skipped.
        announce: log a byte order mark; off where a file is read again.

    Raises:
        CorpusError: bytes that are no UTF-8 (with their offset), damaged gzip.
    """
    with open_bytes(path) as stream:
        yield from decode_lines(
            _guarded(stream, path),
            path,
            keep_ends=keep_ends,
            keep_bom=keep_bom,
            announce=announce,
        )


def decode_lines(
    lines: Iterable[bytes],
    path: str,
    *,
    keep_ends: bool = False,
    keep_bom: bool = False,
    announce: bool = True,
) -> Iterator[tuple[int, str]]:
    """As `read_lines`, of the lines of a stream; `path` is its name in messages."""
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
def open_bytes(path: str) -> Iterator[IO[bytes]]:
    """The bytes of a file or of standard input, unpacked if its name ends in .gz.

    Raises:
        CorpusError: it cannot be read.
    """
    if path == STANDARD_STREAM:
        yield sys.stdin.buffer
        return
    check_readable(path)
    far = remote.is_remote(path)
    with remote.open_bytes(path, CorpusError) if far else open(path, "rb") as stream:
        if path.endswith(".gz"):
            with gzip.open(stream, "rb") as unpacked:
                yield io.BufferedReader(unpacked)
        else:
            yield stream


def _guarded(stream: IO[bytes], path: str) -> Iterator[bytes]:
    """The lines of a stream; damaged gzip and read errors become a CorpusError."""
    try:
        yield from stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CorpusError(
            f"damaged or no gzip ({error}). Fetch it again, or take .gz off its name",
            path=path,
        ) from error
    except OSError as error:
        raise CorpusError(f"cannot be read: {error.strerror}", path=path) from error


@contextmanager
def whole_file(path: str) -> Iterator[TextIO]:
    """A UTF-8 text stream whose file appears under `path` only when all is written.

    Written under a temporary name beside it and renamed; removed if anything fails.
    A name in `.gz` is compressed; "-" is standard output; devices are written directly.

    Raises:
        CorpusError: the place cannot be written, or the disk is full.
    """
    if path == STANDARD_STREAM:
        yield sys.stdout
        return
    if remote.is_remote(path):
        with _sent_file(path) as stream:
            yield stream
        return
    target = Path(path).resolve()
    if target.is_dir():
        raise CorpusError("this is a directory; name a file to write", path=path)
    direct = target.exists() and not target.is_file()
    part = target if direct else target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with _open_text(part, compress=path.endswith(".gz")) as stream:
            yield stream
        if not direct:
            os.replace(part, target)
    except OSError as error:
        raise CorpusError(f"cannot be written: {error.strerror}", path=path) from error
    except UnicodeEncodeError as error:
        raise CorpusError(_surrogate(error), path=path) from error
    finally:
        if not direct:
            with suppress(OSError):
                part.unlink(missing_ok=True)


@contextmanager
def _sent_file(path: str) -> Iterator[TextIO]:
    """As `whole_file`, for a remote path: written here, and then sent."""
    with tempfile.TemporaryDirectory(prefix="tfner-") as folder:
        file = Path(folder) / Path(path).name
        with whole_file(str(file)) as stream:
            yield stream
        remote.put(file, path, CorpusError)


@contextmanager
def _open_text(path: Path, *, compress: bool) -> Iterator[TextIO]:
    with open(path, "wb") as raw:
        # No name and no time in the gzip header: equal content gives equal bytes.
        packed = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if compress else raw
        with io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as stream:
            yield stream


@contextmanager
def whole_directory(
    directory: Path, error: type[TfnerError] = CorpusError
) -> Iterator[Path]:
    """A temporary directory that becomes `directory` if nothing fails.

    Whatever was there before stays until then; whether it may go is for the caller.

    Args:
        directory: a link goes on pointing where it points; may be remote.
        error: what a place that cannot be written or a full disk is reported as.

    Raises:
        TfnerError: `error`, as said.
    """
    if remote.is_remote(directory):
        with remote.published(directory, error) as stage:
            yield stage
        return
    directory = directory.resolve()
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(
            tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent)
        )
    except OSError as cause:
        raise error(f"{directory} cannot be written: {cause.strerror}.") from cause
    try:
        stage.chmod(0o755)
        yield stage
        move_into_place(stage, directory)
    except OSError as cause:
        raise error(f"{directory} cannot be written: {cause}.") from cause
    except UnicodeEncodeError as cause:
        raise error(f"{directory} cannot be written: {_surrogate(cause)}.") from cause
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def move_into_place(stage: Path, target: Path) -> None:
    """Rename a file or directory; what was there is back if that fails."""
    if not target.exists():
        stage.rename(target)
        return
    old = stage.with_name(f"{stage.name}.old")
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


def _surrogate(error: UnicodeEncodeError) -> str:
    code = ord(error.object[error.start])
    return f"UTF-8 cannot hold the lone surrogate U+{code:X} of the input"
