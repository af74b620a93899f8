"""Plain text: one document a line that is not blank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TextIO

from tfner.corpus.formats.format import Format, rendered
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.document import Document
from tfner.errors import CorpusError
from tfner.schemes import is_tag
from tfner.storage.lines import read_lines, stem_of

PLAIN = ("", ".txt", ".text")
"""Suffixes that say nothing of what is in a file."""
ENDS = '.!?:;…"”’»)。！？」』）।؟'
"""Ends of sentences."""
LONG = 10
"""Characters of a line that may be a sentence."""
MOST_EQUAL, LEAST_WORDS = 0.9, 3
"""Share of lines with as many words that rows have, and words of a line of prose."""


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
    written = 0
    for _, line in rendered(documents, _line):
        stream.write(line)
        written += 1
    return written


def _line(document: Document) -> str:
    if "\n" in document.text:
        raise CorpusError(
            f"document {document.id!r} holds a line break; text files hold one "
            "document a line. Write jsonl"
        )
    return f"{document.text}\n"


def recognise_text(sample: Sample) -> str | None:
    """Recognise prose in files without a telling name: lines that are no rows."""
    if sample.is_directory or sample.suffix not in PLAIN or sample.value is not None:
        return None
    lines = sample.filled
    if not lines or any("\t" in line or line[0] in "<[{" for line in lines):
        return None
    cells = [line.split() for line in lines]
    tags = sum(is_tag(row[-1]) for row in cells)
    widths = Counter(map(len, cells))
    ends = sum(line.rstrip()[-1] in ENDS and len(line) >= LONG for line in lines)
    varies = widths.most_common(1)[0][1] < MOST_EQUAL * len(lines)
    words = sum(map(len, cells)) / len(lines)
    is_prose = 3 * ends >= len(lines) or (varies and words >= LEAST_WORDS)
    return "its lines of prose" if is_prose and 2 * tags < len(lines) else None


FORMAT = Format(
    name="text",
    about="one text a line, without entities",
    scan=scan_text,
    write=write_text,
    recognise=recognise_text,
)
