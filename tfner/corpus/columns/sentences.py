"""The sentences of column files: rows of columns between two blank lines.

Columns are cut at tabs where a line has one, else at runs of blanks, and at nothing
else: U+3000, U+200B and U+00A0 are words like any other. A line `-DOCSTART-` opens a
document, and so does `#begin document`, where lines with # are no words.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from tfner.corpus.columns.profile import (
    DOCUMENT_LINE,
    HEAD_CHARACTERS,
    HEAD_LINES,
    Profile,
    find_profile,
    split_row,
)
from tfner.corpus.formats.options import ReadOptions
from tfner.storage.lines import decode_lines, is_readable, read_bytes, read_lines

HASH_LINES = HASH_BEGIN, _ = ("#begin document", "#end document")


class ColumnSentence(NamedTuple):
    """Rows between two blank lines, their line numbers, and the lines beside them.

    An empty string among `document_lines` and `comments` is a blank line. The lines
    after the last sentence of a file are its `closing_lines`.
    """

    rows: list[list[str]]
    lines: list[int]
    document_lines: list[str]
    comments: list[str]
    separator: str
    closing_lines: list[str]

    @property
    def opens(self) -> int:
        """The number of documents that begin before the sentence."""
        return sum(
            line.startswith((DOCUMENT_LINE, HASH_BEGIN)) for line in self.document_lines
        )


class ColumnFile:
    """The sentences of a column file, which may be gone through several times.

    A file is read again each time, in constant memory: to hold its sentences takes 23
    times its size, and longer. Standard input and pipes, which cannot be read again,
    are held as bytes.

    Args:
        path: the file, "-" or a pipe.
        options: how to read it.

    Attributes:
        profile: what the first lines show of the file.
    """

    def __init__(self, path: str, options: ReadOptions) -> None:
        self.path = path
        self._announce = True
        self._held = None if is_readable(path) else read_bytes(path)
        first = self._lines()
        head = list(_head(first))
        self.profile: Profile = find_profile(head, options)
        self._first: Iterable[tuple[int, str]] | None = chain(head, first)

    def __iter__(self) -> Iterator[ColumnSentence]:
        """The sentences, from the first one."""
        lines, self._first = self._first or self._lines(), None
        return read_sentences(lines, self.profile)

    def _lines(self) -> Iterator[tuple[int, str]]:
        announce, self._announce = self._announce, False
        if self._held is None:
            return read_lines(self.path, announce=announce)
        return decode_lines(io.BytesIO(self._held), self.path, announce=announce)


def _head(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The first lines, of which few are taken where they are long."""
    characters = 0
    for number, line in islice(lines, HEAD_LINES):
        yield number, line
        characters += len(line)
        if characters > HEAD_CHARACTERS:
            return


def read_sentences(
    lines: Iterable[tuple[int, str]], profile: Profile
) -> Iterator[ColumnSentence]:
    """Group numbered lines into sentences; nothing is checked here."""
    sentence, whole = _new_sentence(), None
    header = {number for number, _ in profile.header}
    has_comments = profile.comments is not False
    borders = (DOCUMENT_LINE, *(HASH_LINES if has_comments else ()))
    for number, line in lines:
        if not line.strip(" \t"):
            if sentence.rows:
                if whole is not None:
                    yield whole
                sentence, whole = _new_sentence(), sentence
            else:
                _keep_blank(sentence)
        elif line.startswith(borders):
            if sentence.rows:
                if whole is not None:
                    yield whole
                sentence, whole = _new_sentence(), sentence
            _keep_document_line(sentence, line)
        elif (
            has_comments
            and line.startswith("#")
            and profile.is_comment(line, at_head=not sentence.rows)
        ):
            sentence.comments.append(line)
        elif number not in header:
            if not sentence.rows and "\t" not in line:
                sentence = sentence._replace(separator=" ")
            sentence.rows.append(split_row(line))
            sentence.lines.append(number)
    yield from _last(whole, sentence)


def _new_sentence() -> ColumnSentence:
    return ColumnSentence([], [], [], [], "\t", [])


def _keep_blank(sentence: ColumnSentence) -> None:
    """Keep a blank line after a comment, by which it is written as it was read."""
    kept = sentence.comments or sentence.document_lines
    if kept and kept[-1] and not kept[-1].startswith(DOCUMENT_LINE):
        kept.append("")


def _keep_document_line(sentence: ColumnSentence, line: str) -> None:
    """Keep a line that opens or ends a document, after the comments before it."""
    sentence.document_lines.extend([*sentence.comments, line])
    sentence.comments.clear()


def _last(
    whole: ColumnSentence | None, rest: ColumnSentence
) -> Iterator[ColumnSentence]:
    """The last sentences of a file; lines after them belong to the last one."""
    if whole is not None and not rest.rows:
        whole.closing_lines.extend([*rest.document_lines, *rest.comments])
    if whole is not None:
        yield whole
    if rest.rows:
        yield rest
