"""Formats of independent records: one scan of the file serves reading and checking.

A *scan* yields, for each record, its line and either a Document or what is wrong with
it, so that a reader can report all problems at once and a check can go on after them.
Where a corpus is a directory, the file stands beside the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tfner.corpus.formats.options import ReadOptions
from tfner.document import Document
from tfner.errors import CorpusError, joined
from tfner.storage.files import STANDARD_STREAM

Scan = Callable[
    [str, ReadOptions],
    Iterator[tuple[int | tuple[str, int | None], Document | str]],
]


def located(path: str, place: int | tuple[str, int | None]) -> tuple[str, int | None]:
    """File and line of a record of the corpus `path`."""
    return (path, place) if isinstance(place, int) else place


def read_records(path: str, options: ReadOptions, *, scan: Scan) -> Iterator[Document]:
    """Documents of a file, as long as there is no problem; then all the problems.

    After a first bad record the rest is read for further ones, except from a stream,
    which may never end.

    Raises:
        CorpusError: bad records, all named; or no record at all.
    """
    problems: list[str] = []
    found = False
    for place, content in scan(path, options):
        found = True
        if isinstance(content, str):
            file, line = located(path, place)
            problems.append(str(CorpusError(content, path=file, line=line)))
            if path == STANDARD_STREAM:
                break
        elif not problems:
            yield content
    if problems:
        raise CorpusError(joined(problems))
    if not found:
        raise CorpusError("the file is empty: it holds no record", path=path)
