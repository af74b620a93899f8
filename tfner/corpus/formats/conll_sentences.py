"""The sentences of column files: rows of columns between two blank lines.

Columns are cut at tabs where a line has one, else at runs of blanks, and at nothing
else: U+3000, U+200B and U+00A0 are words like any other. A line `-DOCSTART-` opens a
document.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tfner.storage.lines import decode_lines, is_readable, read_bytes, read_lines

DOCUMENT_LINE = "-DOCSTART-"


class ColumnSentence(NamedTuple):
    """Rows between two blank lines, their line numbers, and the lines before them."""

    rows: list[list[str]]
    lines: list[int]
    document_lines: list[str]
    comments: list[str]
    separator: str


class ColumnFile:
    """The sentences of a column file, which may be gone through several times.

    A file is read again each time, in constant memory: to hold its sentences takes 23
    times its size, and longer. Standard input and pipes, which cannot be read again,
    are held as bytes.

    Args:
        path: the file, "-" or a pipe.
        comments: lines that start with `# ` are comments.
        lines: of the first reading, with their numbers; None reads the file.
    """

    def __init__(
        self,
        path: str,
        *,
        comments: bool = False,
        lines: Iterable[tuple[int, str]] | None = None,
    ) -> None:
        self.path, self.comments = path, comments
        self._first = lines
        self._announce = lines is None
        self._held = None if is_readable(path) else read_bytes(path)

    def __iter__(self) -> Iterator[ColumnSentence]:
        """The sentences, from the first one."""
        lines, self._first = self._first or self._lines(), None
        return read_sentences(lines, comments=self.comments)

    def _lines(self) -> Iterator[tuple[int, str]]:
        announce, self._announce = self._announce, False
        if self._held is None:
            return read_lines(self.path, announce=announce)
        return decode_lines(io.BytesIO(self._held), self.path, announce=announce)


def split_row(line: str) -> list[str]:
    """The columns of one line."""
    if "\t" in line:
        return line.split("\t")
    # str.split() without argument would also cut at U+3000 and other white space.
    return [column for column in line.split(" ") if column]


def read_sentences(
    lines: Iterable[tuple[int, str]], *, comments: bool = False
) -> Iterator[ColumnSentence]:
    """Group numbered lines into sentences; nothing is checked here."""
    sentence = ColumnSentence([], [], [], [], "\t")
    for number, line in lines:
        opens_document = line.startswith(DOCUMENT_LINE)
        if opens_document or not line.strip(" \t"):
            if sentence.rows:
                yield sentence
                sentence = ColumnSentence([], [], [], [], "\t")
            if opens_document:
                sentence.document_lines.append(line)
        elif comments and line.startswith("# "):
            sentence.comments.append(line)
        else:
            if not sentence.rows and "\t" not in line:
                sentence = sentence._replace(separator=" ")
            sentence.rows.append(split_row(line))
            sentence.lines.append(number)
    if sentence.rows:
        yield sentence
