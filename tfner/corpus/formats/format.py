"""The interface of a corpus format, and reading of records by one scan of a file.

A *scan* yields, for each record, its line and either a Document or a message about what
is wrong with it, so that a reader can report all problems at once and a check can go on
after them. Where a corpus is a directory, the file stands beside the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.corpus.records.shapes import Shape
from tfner.document import Document
from tfner.errors import CorpusError, joined
from tfner.storage.lines import STANDARD_STREAM

Rendering = TypeVar("Rendering")
Scan = Callable[
    [str, ReadOptions],
    Iterator[tuple[int | tuple[str, int | None], Document | str]],
]


MOST_PROBLEMS = 10_000
"""Bad records after which a file is not worth reading to its end."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """One corpus format: how it is recognised, read and written.

    A format is one module with a `Format`, and one line in `FORMATS`.

    Attributes:
        name: its name in `--from` and `--to`.
        about: what it is and whose, in a few words.
        scan: yields its records, for reading and for checking; None where `read` does
            more than go from record to record.
        read: yields its documents; None reads by `scan`.
        shape: of its records, where they are JSON; `scan` is then `scan_records`.
        write: takes documents, a text stream and `scheme`, and returns how many it
            wrote.
        write_path: takes documents, the path and `replaces`, where a corpus is a
            directory or no text.
        recognise: tells from the beginning of a file, or from a directory, that it is
            of this format, and why, in words that follow "because of"; None if not.
        is_address: tells that a path which is no file or directory names a corpus of
            this format.
        suffixes: ends of file names, `.gz` aside, that mean this format where the
            content does not say, and where it is to be written.
        names: patterns of whole file names that mean this format.
        is_text: its files are lines of UTF-8.
        directories: its corpora may be directories.
        holds_tags: it is written with tags, and so in a scheme.
        holds_queries: it is written with a query for each label.
        takes_raw_text: a file of the same sentences as text may give the spaces
            between its words.
    """

    name: str
    about: str = ""
    scan: Scan | None = None
    read: Callable[[str, ReadOptions], Iterator[Document]] | None = None
    shape: Shape | None = None
    write: Callable[..., int] | None = None
    write_path: Callable[..., int] | None = None
    recognise: Callable[[Sample], str | None] = lambda sample: None
    is_address: Callable[[str], bool] = lambda path: False
    suffixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    is_text: bool = True
    directories: bool = False
    holds_tags: bool = False
    holds_queries: bool = False
    takes_raw_text: bool = False

    def is_named(self, path: str) -> bool:
        """Tell whether a path is named as files of this format are."""
        name = Path(path.removesuffix(".gz"))
        by_name = any(fnmatch(name.name, pattern) for pattern in self.names)
        return by_name or name.suffix.lower() in self.suffixes

    def documents(self, path: str, options: ReadOptions) -> Iterator[Document]:
        """Read the documents of a corpus, one at a time.

        Raises:
            CorpusError: while iterating, at the latest at the end: all problems.
        """
        if self.read is not None:
            return self.read(path, options)
        if self.scan is None:
            raise TypeError(f"format {self.name} has neither `read` nor `scan`")
        return read_records(path, options, scan=self.scan)


def rendered(
    documents: Iterable[Document], render: Callable[[Document], Rendering]
) -> Iterator[tuple[Document, Rendering]]:
    """Documents with what is to be written of them, for writers.

    Args:
        documents: may be an iterator; those that cannot be written are left out.
        render: raises CorpusError for a document that the format cannot hold.

    Raises:
        CorpusError: after the last document, all that could not be written.
    """
    problems: list[str] = []
    for document in documents:
        try:
            rendering = render(document)
        except CorpusError as error:
            problems.append(str(error))
        else:
            yield document, rendering
    if problems:
        raise CorpusError(joined(problems))


def located(path: str, where: int | tuple[str, int | None]) -> tuple[str, int | None]:
    """File and line of a record of the corpus `path`, as its scan yielded them."""
    return (path, where) if isinstance(where, int) else where


def read_records(path: str, options: ReadOptions, *, scan: Scan) -> Iterator[Document]:
    """Read the documents of a file up to its first bad record.

    After that the rest is read for further problems, up to `MOST_PROBLEMS`, except from
    a stream, which may never end; they are raised together.

    Args:
        path: the corpus, "-" for standard input.
        options: settings of the scan.
        scan: reads the format.

    Raises:
        CorpusError: bad records, all named; or no record at all.
    """
    problems: list[str] = []
    is_empty = True
    for where, content in scan(path, options):
        is_empty = False
        if isinstance(content, str):
            file, line = located(path, where)
            problems.append(str(CorpusError(content, path=file, line=line)))
            if path == STANDARD_STREAM or len(problems) == MOST_PROBLEMS:
                break
        elif not problems:
            yield content
    if problems:
        more = "\nThere may be more." if len(problems) == MOST_PROBLEMS else ""
        raise CorpusError(f"{joined(problems)}{more}")
    if is_empty:
        raise CorpusError("the file is empty: it holds no record", path=path)
