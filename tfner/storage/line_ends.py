"""Counts of what ends the lines of a file, without reading it as text."""

from __future__ import annotations

from typing import NamedTuple

from tfner.storage.encodings import BOM
from tfner.storage.lines import CARRIAGE_RETURN, LINE_FEED, line_end, read_blocks

TAIL = 1 << 12
"""Bytes at the end of a file that are looked at."""


class LineEnds(NamedTuple):
    """Counts of line ends.

    Attributes:
        lines: number of lines; the last one may have no end.
        windows: those that end in CR LF.
        old_mac: lines end in a carriage return alone.
        has_bom: the file begins with a byte order mark.
        has_last: the last line has an end.
        last_is_blank: there is nothing but white space in the last line.
    """

    lines: int
    windows: int
    old_mac: bool
    has_bom: bool
    has_last: bool
    last_is_blank: bool


def survey_line_ends(path: str) -> LineEnds:
    """Count the line ends of a file in constant memory.

    Raises:
        CorpusError: damaged gzip.
        StorageError: the file cannot be read.
    """
    feeds = returns = windows = 0
    head = tail = b""
    for block in read_blocks(path):
        head = head if LINE_FEED in head else head + block[: 1 << 16]
        feeds += block.count(LINE_FEED)
        returns += block.count(CARRIAGE_RETURN)
        windows += block.count(b"\r\n")
        windows += tail.endswith(b"\r") and block.startswith(b"\n")
        tail = (tail + block)[-TAIL:]
    old_mac = line_end(head) == CARRIAGE_RETURN
    ends = feeds + returns - windows if old_mac else feeds
    has_last = tail.endswith((b"\r", b"\n") if old_mac else b"\n") or not tail
    separator = b"\r" if old_mac else b"\n"
    last = tail.removesuffix(b"\n").removesuffix(b"\r").rpartition(separator)[2]
    return LineEnds(
        lines=ends + (not has_last),
        windows=windows,
        old_mac=old_mac,
        has_bom=head.startswith(BOM),
        has_last=has_last,
        last_is_blank=not last.strip(),
    )
