"""Plain text: one document a line that is not blank."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.document import Document
from tfner.errors import CorpusError, joined
from tfner.storage.lines import read_lines, stem_of


def scan_text(path: str, options: ReadOptions) -> Iterator[tuple[int, Document]]:
    """Documents without words and entities; the id is the number of the line."""
    del options  # nothing in plain text to choose
    stem = stem_of(path)
    for number, line in read_lines(path):
        if line.strip():
            yield number, Document(f"{stem}:{number}", line)


def write_text(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write the texts alone, one a line.

    Args:
        documents: may be an iterator.
        stream: gets the text.
        scheme: not used; plain text has no tags.

    Returns:
        Number of documents written.

    Raises:
        CorpusError: a text holds a line break; all such documents are named.
    """
    del scheme
    problems: list[str] = []
    written = 0
    for document in documents:
        if "\n" in document.text:
            problems.append(
                f"document {document.id!r} holds a line break; text files hold one "
                "document a line. Write jsonl"
            )
            continue
        stream.write(f"{document.text}\n")
        written += 1
    if problems:
        raise CorpusError(joined(problems))
    return written


FORMAT = Format(
    name="text",
    about="one text a line, without entities",
    scan=scan_text,
    write=write_text,
)
