"""Documents as lines of columns, all else as it was read."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TextIO

from tfner.corpus.columns.profile import DOCUMENT_LINE
from tfner.corpus.joining import words_of
from tfner.corpus.tagging import entities_of, tags_of, word_spans
from tfner.document import Document, Word
from tfner.errors import CorpusError, counted, joined, shorten
from tfner.marks import trimmed
from tfner.schemes import OUTSIDE, Span, decode_tags, encode_spans, find_scheme

logger = logging.getLogger(__name__)

Rows = Sequence[Sequence[str]]


class _Kept(NamedTuple):
    """Rows as they were read, their columns of tags, and the tags spelled otherwise."""

    rows: list[list[str]]
    tags: list[int]
    spelled: Mapping[str, str]

    def read(self, column: int) -> list[str]:
        cells = [row[column].strip(" ") or OUTSIDE for row in self.rows]
        return [self.spelled.get(cell, cell) for cell in cells]


def write_conll(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write documents as columns, other columns and document lines as they were read.

    Args:
        documents: may be an iterator.
        stream: gets the lines.
        scheme: scheme of the tags; None keeps each document's own, else IOB2.

    Returns:
        Number of documents written; those without a word cannot be and are logged.

    Raises:
        CorpusError: entities or words that columns cannot hold, all named; or tags
            that have changed among others of another spelling.
    """
    problems: list[str] = []
    written = wordless = 0
    spellings: Counter[bool] = Counter()
    for document in documents:
        try:
            rows = _rows_of(document, scheme)
        except CorpusError as error:
            problems.append(str(error))
            continue
        if "tags_as_read" in document.metadata:
            spellings[rows is document.metadata.get("columns")] += 1
        lines = _lines_of(document, rows)
        if lines and not written:
            lines = [*header_lines(document), *lines]
        stream.writelines(f"{line}\n" for line in lines)
        written += bool(lines)
        wordless += not lines
    if len(spellings) > 1:
        problems.append(
            f"{counted(spellings[False], 'document')} with other tags than were read, "
            "while the rest is spelled as the file was. Spell all alike: "
            "`corpus convert --scheme IOB2`"
        )
    if problems:
        raise CorpusError(joined(problems))
    if wordless:
        logger.warning("left out: %s without a word", counted(wordless, "document"))
    return written


def header_lines(document: Document) -> list[str]:
    """The lines of a file that name its columns, for whoever writes its first row."""
    return _strings(document.metadata.get("header"))


def document_lines(document: Document, *, scheme: str | None = None) -> list[str]:
    """Write one document as lines of columns; none where it has no word.

    Args:
        document: other columns, comments and document lines that it was read with stay.
        scheme: None keeps its tags as they are, see `tags_of`.

    Raises:
        CorpusError: columns cannot hold its entities or words.
    """
    return _lines_of(document, _rows_of(document, scheme))


def _lines_of(document: Document, rows: Rows) -> list[str]:
    if not rows:
        return []
    lines: list[str] = []
    for line in _strings(document.metadata.get("document_lines")):
        lines += [line, ""] if line.startswith(DOCUMENT_LINE) else [line]
    lines += _strings(document.metadata.get("comments"))
    lines += sentence_lines(rows, separator=_separator(document, rows))
    return lines + _strings(document.metadata.get("closing_lines"))


def sentence_lines(
    rows: Iterable[Sequence[str]], *, separator: str = "\t"
) -> Iterator[str]:
    """Write the rows of a sentence, and the blank line after it."""
    yield from map(separator.join, rows)
    yield ""


def _rows_of(document: Document, scheme: str | None) -> Rows:
    words = words_of(document)
    kept = _kept_rows(document, words)
    if kept is not None and len(kept.tags) > 1:
        rows = _layered_rows(document, words, kept, scheme)
        if rows is not None:
            return rows
    tags = tags_of(document, scheme)
    if kept is None:
        surfaces = [_checked(document, word) for word in words]
        return [list(row) for row in zip(surfaces, tags, strict=True)]
    if not kept.tags:  # a file without tags gains a last column
        return [[*row, new] for row, new in zip(kept.rows, tags, strict=True)]
    if scheme is None and kept.read(kept.tags[0]) == tags and len(kept.tags) == 1:
        return kept.rows
    outside = [OUTSIDE] * len(tags)
    layers = [tags, *(outside for _ in kept.tags[1:])]
    return _with_tags(kept, layers)


def _checked(document: Document, word: Word) -> str:
    surface = document.surface(word)
    if "\t" in surface or "\n" in surface:
        raise CorpusError(
            f"document {document.id!r}: a tab or line break in the word "
            f"{shorten(surface)}; columns cannot hold it. Write jsonl"
        )
    return surface


def _with_tags(kept: _Kept, layers: Sequence[Sequence[str]]) -> Rows:
    """The rows with other tags in the columns of tags."""
    rows = [list(row) for row in kept.rows]
    for column, tags in zip(kept.tags, layers, strict=True):
        for row, tag in zip(rows, tags, strict=True):
            row[column] = tag
    return rows


def _layered_rows(
    document: Document, words: Sequence[Word], kept: _Kept, scheme: str | None
) -> Rows | None:
    """Rows with several columns of tags; None where one has all entities.

    Raises:
        CorpusError: more entities lie in each other than there are columns.
    """
    if document.tags is not None:
        return None
    layers = [kept.read(column) for column in kept.tags]
    read = {entity for tags in layers for entity in entities_of(tags, words)}
    if read == set(document.entities):
        if scheme is None:
            return kept.rows
        spans = [decode_tags(tags) for tags in layers]
    else:
        if len(word_spans(document.entities, words)) != len(document.entities):
            return None  # whose error says which
        spans = _spread(word_spans(document.entities, words), len(layers))
    if len(spans) > len(layers):
        raise CorpusError(
            f"document {document.id!r}: entities lie in each other more deeply than "
            f"{len(layers)} columns of tags can hold. Write jsonl"
        )
    chosen = find_scheme(scheme or document.metadata.get("scheme") or "IOB2")
    return _with_tags(kept, [encode_spans(s, len(words), chosen) for s in spans])


def _spread(spans: Iterable[Span], least: int) -> list[list[Span]]:
    """Spans in layers without overlap, longer ones first; at least so many layers."""
    layers: list[list[Span]] = [[] for _ in range(least)]
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        for layer in layers:
            if not layer or layer[-1].end <= span.start:
                layer.append(span)
                break
        else:
            layers.append([span])
    return layers


def _kept_rows(document: Document, words: Sequence[Word]) -> _Kept | None:
    """Rows as they were read; None if the words have changed.

    Metadata of other formats may use the same keys for something else.
    """
    rows, word, tag, tags, spelled = (
        document.metadata.get(key)
        for key in (
            *("columns", "word_column", "tag_column", "tag_columns", "tags_as_read"),
        )
    )
    if not isinstance(rows, list) or not isinstance(word, int):
        return None
    tags = ([] if tag is None else [tag]) if tags is None else tags
    if not isinstance(tags, list) or not all(isinstance(tag, int) for tag in tags):
        return None
    surfaces = [document.surface(word) for word in words]
    has_language = document.metadata.get("language_prefix") is True
    same = len(rows) == len(surfaces) and all(
        len(_strings(row)) > max(word, 0, *tags)
        and _same(row[word], surface, has_language)
        for row, surface in zip(rows, surfaces, strict=True)
    )
    spelled = spelled if isinstance(spelled, Mapping) else {}
    return _Kept(rows, tags, spelled) if same else None


def _same(word: str, surface: str, has_language: bool) -> bool:
    """Whether a word of the file is that of a document, which has no marks at ends."""
    if has_language:
        word = word.partition(":")[2]
    start, end = trimmed(word, 0, len(word))
    return surface in (word, word[start:end])


def _strings(value: object) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return []


def _separator(document: Document, rows: Rows) -> str:
    if document.metadata.get("separator") != " ":
        return "\t"
    return "\t" if any(not c or " " in c for row in rows for c in row) else " "
