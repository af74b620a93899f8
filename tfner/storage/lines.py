"""Reading of local and remote files: bytes, gzip, and lines with their numbers.

Lines end at a line feed and nowhere else: `str.splitlines` would also cut at U+2028,
U+0085 and others that occur inside corpora. Only where the first block of a file holds
carriage returns and no line feed do these end its lines, as on old Macs.
"""

from __future__ import annotations

import gzip
import io
import logging
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO

from tfner.errors import CorpusError, StorageError
from tfner.storage import remote
from tfner.storage.encodings import BOM, SAMPLE, encoding_hint, refuse_binary
from tfner.storage.pointers import refuse_pointer
from tfner.storage.progress import progress_of
from tfner.storage.remote import AnyPath

logger = logging.getLogger(__name__)

STANDARD_STREAM = "-"
LINE_FEED, CARRIAGE_RETURN = b"\n", b"\r"
ANY_LINE = re.compile(r"[^\r\n]*(?:\r\n|[\r\n]|\Z)")
BLOCK = 1 << 16
"""Bytes read at once, and those that decide what ends the lines."""
MAX_LINE = 1 << 24
"""Bytes of the longest line: a reader may need twenty times as much for its columns."""


@lru_cache
def stem_of(path: str) -> str:
    """Return a file name without suffix and `.gz`: `data/train.bio.gz` -> `train`.

    Signs stand for what of it is no UTF-8, as no file of texts could hold that.
    """
    name = os.fsencode(Path(path).name).decode("utf-8", "replace").removesuffix(".gz")
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
        keep_ends: leave line feed and carriage return in place. Such lines are joined
            to the whole content, and may be of any length.
        keep_bom: leave a byte order mark in place; else it is skipped.
        announce: log a byte order mark, and line ends of a carriage return alone; off
            where a file is read again.

    Raises:
        CorpusError: bytes that are no UTF-8 (with their offset), damaged gzip, a line
            of more than `MAX_LINE` bytes.
        StorageError: the file cannot be read.
    """
    with _opened(path) as (stream, file), progress_of(path, file) as tick:
        yield from decode_lines(
            _guarded(stream, path, tick),
            path,
            keep_ends=keep_ends,
            keep_bom=keep_bom,
            announce=announce,
        )


def read_blocks(path: str) -> Iterator[bytes]:
    """Read a file or standard input, unpacked if it ends in .gz, piece by piece.

    Raises:
        CorpusError: damaged gzip.
        StorageError: the file cannot be read.
    """
    with open_bytes(path) as stream:
        yield from _guarded(stream, path)


def read_bytes(path: str) -> bytes:
    """Read a file or standard input; see `read_blocks`."""
    return b"".join(read_blocks(path))


def read_text(path: str) -> Iterator[str]:
    """Read a UTF-8 file, plain or gzip (by `.gz`), as text in blocks of any length.

    Args:
        path: a file, or "-" for standard input.

    Raises:
        CorpusError: bytes that are no UTF-8 (with their offset), damaged gzip.
        StorageError: the file cannot be read.
    """
    with _opened(path) as (stream, file), progress_of(path, file) as tick:
        yield from _decode_blocks(_guarded(stream, path, tick), path)


def _decode_blocks(blocks: Iterable[bytes], path: str) -> Iterator[str]:
    """The text of blocks, any of which may end inside a character."""
    head, held, offset, line = b"", b"", 0, 1
    for block in blocks:
        data = held + block
        if not offset and len(data) < len(BOM) and BOM.startswith(data):
            held = data
            continue
        if not offset:
            head = data[:SAMPLE]
            offset = _skip_bom(head, path, announce=True)
            data = data[offset:]
        if b"\0" in data:
            refuse_binary(data, head, path)
        text, held = _decode_block(data, path, offset, line, head)
        offset, line = offset + len(data) - len(held), line + text.count("\n")
        yield text
    if held:
        text, held = _decode_block(held, path, offset, line, head)
        if held:
            raise _not_utf8(held, 0, path, offset, line, head)
        yield text


def _decode_block(
    data: bytes, path: str, offset: int, line: int, head: bytes
) -> tuple[str, bytes]:
    """The text of a block, and the bytes of the character that it breaks off in."""
    try:
        return data.decode("utf-8"), b""
    except UnicodeDecodeError as error:
        start = error.start
        if start < len(data) - 3 or error.reason != "unexpected end of data":
            line += data.count(b"\n", 0, start)
            raise _not_utf8(data, start, path, offset, line, head) from None
        return data[:start].decode("utf-8"), data[start:]


def _not_utf8(
    data: bytes, start: int, path: str, offset: int, line: int, head: bytes
) -> CorpusError:
    rest = data[start : start + SAMPLE]
    return CorpusError(
        f"not UTF-8: byte 0x{data[start]:02x} at offset {offset + start:,} of the "
        f"file. {encoding_hint(rest, head)}",
        path=path,
        line=line,
    )


def decode_lines(
    blocks: Iterable[bytes],
    path: str,
    *,
    keep_ends: bool = False,
    keep_bom: bool = False,
    announce: bool = True,
) -> Iterator[tuple[int, str]]:
    """Decode the lines of a stream; see `read_lines` for the arguments.

    `blocks` is the stream, in lines or otherwise; `path` names it in messages.
    """
    number, offset, head = 1, 0, b""
    try:
        for data, ends in _whole_lines(blocks, MAX_LINE if not keep_ends else None):
            if not offset:
                head = data[:SAMPLE]
                skipped = 0 if keep_bom else _skip_bom(head, path, announce)
                offset, data = skipped, data[skipped:]
                if ends == CARRIAGE_RETURN and announce:
                    logger.info("%s: lines end in a carriage return alone", path)
            if b"\0" in data:
                refuse_binary(data, head, path)
            try:
                lines = _split(data.decode("utf-8"), ends, keep_ends)
            except UnicodeDecodeError as error:
                sound = data[: _last_end(data[: error.start], ends)]
                lines = _split(sound.decode("utf-8"), ends, keep_ends)
                yield from enumerate(lines, number)
                byte, at = data[error.start], offset + error.start
                rest = data[len(sound) : error.start + SAMPLE]
                raise CorpusError(
                    f"not UTF-8: byte 0x{byte:02x} at offset {at:,} of the file. "
                    f"{encoding_hint(rest, head)}",
                    path=path,
                    line=number + len(lines),
                ) from None
            yield from enumerate(lines, number)
            number, offset = number + len(lines), offset + len(data)
    except _EndlessLineError:
        raise CorpusError(
            f"a line of more than {MAX_LINE >> 20} MB. Give each sentence or record a "
            "line of its own, or check that this is the file that you mean.",
            path=path,
            line=number,
        ) from None


def _skip_bom(head: bytes, path: str, announce: bool) -> int:
    """The number of bytes of the byte order mark, which is announced."""
    if not head.startswith(BOM):
        return 0
    if announce:
        logger.info("%s: byte order mark skipped", path)
    return len(BOM)


class _EndlessLineError(Exception):
    """A line is longer than any line of text."""


def _whole_lines(
    blocks: Iterable[bytes], limit: int | None
) -> Iterator[tuple[bytes, bytes]]:
    """Regroup blocks so that each ends with a line; beside each the kind of line end.

    Raises:
        _EndlessLineError: a line has more bytes than the limit.
    """
    held: list[bytes] = []
    size, ends = 0, b""
    for block in blocks:
        if not ends:
            held, size = [*held, block], size + len(block)
            if b"\n" not in block and size < BLOCK:
                continue
            block, held, size = b"".join(held), [], 0
            ends = line_end(block)
        cut = _last_end(block, ends)
        if cut:
            yield b"".join([*held, block[:cut]]), ends
            held, size = [], 0
        held.append(block[cut:])
        size += len(block) - cut
        if limit is not None and size > limit:
            raise _EndlessLineError
    rest = b"".join(held)
    if rest:
        yield rest, ends or line_end(rest)


def line_end(beginning: bytes) -> bytes:
    """Tell by its first bytes what ends a file's lines: CR if there is one and no LF.

    Args:
        beginning: all of the file, or so much that a line surely ends in it.
    """
    beginning = beginning[:BLOCK]
    is_cr = CARRIAGE_RETURN in beginning and LINE_FEED not in beginning
    return CARRIAGE_RETURN if is_cr else LINE_FEED


def _last_end(block: bytes, ends: bytes) -> int:
    """The position after the last line that surely ends in a block."""
    last_feed = block.rfind(LINE_FEED)
    if ends == LINE_FEED:
        return last_feed + 1
    # A CR at the very end may be the first half of CR LF.
    return max(last_feed, block.rfind(CARRIAGE_RETURN, 0, -1)) + 1


def _split(text: str, ends: bytes, keep_ends: bool) -> list[str]:
    """The lines of a text; after CR as line end, LF and CR LF are line ends, too."""
    if ends == CARRIAGE_RETURN:
        lines = [line for line in ANY_LINE.findall(text) if line]
        return lines if keep_ends else [line.rstrip("\r\n") for line in lines]
    lines = text.split("\n")
    rest = lines.pop()
    if keep_ends:
        lines = [f"{line}\n" for line in lines]
    lines += [rest] if rest else []
    if not keep_ends and "\r" in text:
        return [line.rstrip("\r") for line in lines]
    return lines


@contextmanager
def open_bytes(path: AnyPath) -> Iterator[IO[bytes]]:
    """Open a file or standard input for reading bytes, unpacked if it ends in .gz.

    Raises:
        StorageError: it cannot be read.
    """
    with _opened(path) as (stream, _):
        yield stream


@contextmanager
def _opened(path: AnyPath) -> Iterator[tuple[IO[bytes], IO[bytes] | None]]:
    """A stream of bytes, and the file behind it, which knows its size and position."""
    if os.fspath(path) == STANDARD_STREAM:
        yield sys.stdin.buffer, None
        return
    check_readable(path)
    is_remote = remote.is_remote(path)
    with remote.open_remote(path) if is_remote else open(path, "rb") as file:
        if isinstance(file, io.BufferedReader):  # it need not be one that can seek
            refuse_pointer(file.peek(SAMPLE), path)
        if os.fspath(path).endswith(".gz"):
            with gzip.open(file, "rb") as unpacked:
                yield io.BufferedReader(unpacked), file
        else:
            yield file, file


def _guarded(
    stream: IO[bytes], path: str, tick: Callable[[], None] | None = None
) -> Iterator[bytes]:
    """The content of a stream as it comes, a line of a terminal at a time.

    Damaged gzip and read errors become one sentence; `tick` is called between blocks.
    """
    read = getattr(stream, "read1", stream.read)
    try:
        while block := read(BLOCK):
            yield block
            if tick is not None:
                tick()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CorpusError(
            f"damaged or no gzip ({error}). Fetch it again, or take .gz off its name",
            path=path,
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error
