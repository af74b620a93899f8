"""Raw text for pretraining: articles, which are runs of lines between blank ones.

Read are plain text, JSON lines with the key `text`, the output of WikiExtractor (its
`<doc …>` files and its JSON), each also as gzip, and directories of such files.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from tfner.errors import CorpusError, StorageError, joined, shorten
from tfner.storage.lines import STANDARD_STREAM, check_readable, read_lines

Article = list[str]

ARTICLE_END = ""
DOC_START, DOC_END = "<doc ", "</doc>"
LONGEST_ARTICLE = 1_000_000
"""Characters after which an article is cut at a line: a file without blank lines must
not be held in memory."""


def find_files(inputs: Sequence[str]) -> list[str]:
    """List files, and those below directories in the order of their paths.

    Raises:
        StorageError: something cannot be read, or a directory holds no file; all such
            inputs are named.
    """
    paths: list[str] = []
    problems: list[str] = []
    for name in inputs:
        files = _files_below(name) if os.path.isdir(name) else [name]
        if not files:
            problems.append(f"{name}: the directory holds no file")
        for file in files:
            try:
                check_readable(file)
            except StorageError as error:
                problems.append(str(error))
        paths += files
    if problems:
        raise StorageError(joined(problems))
    return paths


def _files_below(directory: str) -> list[str]:
    return sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(directory)
        for name in names
        if not name.startswith(".")
    )


def read_text(path: str) -> Iterator[str]:
    """Read the lines of a file of raw text; a blank one ends an article.

    Raises:
        CorpusError: bytes that are no UTF-8, or a bad record of JSON lines.
    """
    return text_lines(read_lines(path), path)


def text_lines(lines: Iterable[tuple[int, str]], path: str) -> Iterator[str]:
    """The lines of text in numbered lines, which are JSON lines or plain text.

    They are JSON lines if the first one that is not blank opens an object.
    """
    numbered = iter(lines)
    before: list[tuple[int, str]] = []
    for item in numbered:
        before.append(item)
        if item[1].strip():
            break
    whole = chain(before, numbered)
    if before and before[-1][1].lstrip().startswith("{"):
        yield from _json_texts(whole, path)
    else:
        for _, line in whole:
            yield line


def _json_texts(lines: Iterable[tuple[int, str]], path: str) -> Iterator[str]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise CorpusError(f"no JSON ({error})", path=path, line=number) from None
        text = record.get("text") if isinstance(record, dict) else None
        if not isinstance(text, str):
            raise CorpusError(
                "a record of raw text must be an object with a string under 'text'. "
                f"Received: {shorten(line)}",
                path=path,
                line=number,
            )
        # A lone surrogate, which JSON can spell, is no character of any text.
        text = text.encode("utf-8", "replace").decode("utf-8")
        yield from text.split("\n")
        yield ARTICLE_END


def read_articles(path: str) -> Iterator[Article]:
    """Read the articles of a file: their lines, stripped, none of them blank.

    WikiExtractor's `<doc …>` and `</doc>` lines end an article, too, and the title
    after `<doc …>` is left out. An article of more than a million characters is cut at
    a line.

    Raises:
        CorpusError: see `read_text`.
    """
    return articles_of(read_text(path))


def articles_of(lines: Iterable[str]) -> Iterator[Article]:
    """Group lines into articles; see `read_articles`."""
    article: Article = []
    length = 0
    for line in without_markup(lines):
        line = line.strip()
        if article and (not line or length > LONGEST_ARTICLE):
            yield article
            article, length = [], 0
        if line:
            article.append(line)
            length += len(line)
    if article:
        yield article


def without_markup(
    lines: Iterable[str], counts: Counter[str] | None = None
) -> Iterator[str]:
    """Put a blank line in place of `<doc …>` and `</doc>`; leave the title line out.

    Args:
        lines: of one file.
        counts: gets the numbers of removed lines, as `doc_markup` and `title`.
    """
    counts = Counter() if counts is None else counts
    expect_title = False
    for line in lines:
        bare = line.strip()
        if bare.startswith(DOC_START) or bare == DOC_END:
            counts["doc_markup"] += 1
            expect_title = bare != DOC_END
            yield ARTICLE_END
        elif expect_title and bare:
            counts["title"] += 1
            expect_title = False
        else:
            expect_title = False
            yield line


def check_streams(inputs: Sequence[str]) -> None:
    """Refuse standard input where the text is read more than once.

    Raises:
        CorpusError: one of the inputs is "-".
    """
    if STANDARD_STREAM in inputs:
        raise CorpusError(
            "the text is read twice, which standard input cannot be; write it to a file"
        )
