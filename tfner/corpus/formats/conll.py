"""Column files: a word a line with its tag, a blank line after each sentence.

A file is gone through twice, first for its layout, scheme and defects.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from tfner.corpus.formats.conll_layout import (
    ColumnLayout,
    find_layout,
    tag_of,
)
from tfner.corpus.formats.conll_raw_text import NumberedWords, texts_of
from tfner.corpus.formats.conll_sentences import ColumnFile, ColumnSentence
from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.joining import join_words, place_words, words_of
from tfner.corpus.spacing import Spacing, spacing_of_file
from tfner.corpus.tagging import tags_of
from tfner.corpus.tidying import tidy_words
from tfner.document import Document, Entity, Word
from tfner.errors import CorpusError, counted, joined, shorten
from tfner.marks import trimmed
from tfner.schemes import decode_tags
from tfner.storage.lines import stem_of

logger = logging.getLogger(__name__)

PLAIN_COLUMNS = (2, 0, 1)


def read_conll(path: str, options: ReadOptions) -> Iterator[Document]:
    """Read a column file: a document a sentence, with its tags unrepaired.

    Metadata: `scheme`; `document` and `document_lines` where the file has
    `-DOCSTART-` lines; `comments`; `columns` with whole rows, `word_column` and
    `tag_column` where there is more than a word and its tag.

    Raises:
        CorpusError: see `find_layout`; or a raw text that differs, see `texts_of`.
    """
    yield from documents_of(ColumnFile(path, comments=bool(options.comments)), options)


def documents_of(file: ColumnFile, options: ReadOptions) -> Iterator[Document]:
    """The documents of a column file; see `read_conll`."""
    layout, path = find_layout(file, options), file.path
    texts = None
    if options.raw_text is not None:
        numbered = (
            NumberedWords(sentence.lines[0], _words(sentence, layout))
            for sentence in file
        )
        texts = texts_of(path, numbered, options.raw_text)
    spacing = Spacing("space")
    if texts is None:
        sentences = (_words(sentence, layout) for sentence in file)
        spacing = spacing_of_file(sentences, options.join, path=path)
    stem, opened = stem_of(path), 0
    for number, sentence in enumerate(file, 1):
        opened += len(sentence.document_lines)
        surfaces = _words(sentence, layout)
        if texts is None:
            text, placed = join_words(surfaces, spacing)
        else:
            text = texts[number - 1]
            placed = place_words(surfaces, text)
        document = f"{stem}#{opened}" if opened else None
        metadata = _metadata(sentence, layout, document)
        words = tidy_words(text, tuple(placed))
        if words != tuple(placed):  # the file's own words are written again
            metadata |= _columns(sentence, layout)
        tags = None
        if layout.tag is not None:
            tags = tuple([tag_of(row, layout.tag) for row in sentence.rows])
        entities = entities_of(tags or (), words)
        yield Document(f"{stem}:{number}", text, entities, words, tags, metadata)


def _words(sentence: ColumnSentence, layout: ColumnLayout) -> list[str]:
    return [row[layout.word] for row in sentence.rows]


def _metadata(
    sentence: ColumnSentence, layout: ColumnLayout, document: str | None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if document is not None:
        metadata["document"] = document
    if sentence.document_lines:
        metadata["document_lines"] = sentence.document_lines
    if sentence.comments:
        metadata["comments"] = sentence.comments
    if layout.scheme is not None:
        metadata["scheme"] = layout.scheme.name
    if sentence.separator != "\t":
        metadata["separator"] = sentence.separator
    if (layout.width, layout.word, layout.tag) != PLAIN_COLUMNS:
        metadata |= _columns(sentence, layout)
    return metadata


def _columns(sentence: ColumnSentence, layout: ColumnLayout) -> dict[str, Any]:
    places = {"word_column": layout.word, "tag_column": layout.tag}
    return {"columns": sentence.rows, **places}


def entities_of(tags: Sequence[str], words: Sequence[Word]) -> tuple[Entity, ...]:
    """Entities of tags over words; empty words neither begin nor end one."""
    entities = []
    for start, end, label in decode_tags(tags):
        filled = [word for word in words[start:end] if word.start < word.end]
        if filled:
            entities.append(Entity(filled[0].start, filled[-1].end, label))
    return tuple(entities)


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
        CorpusError: entities or words that columns cannot hold; all are named.
    """
    problems: list[str] = []
    written = wordless = 0
    for document in documents:
        try:
            lines = document_lines(document, scheme=scheme)
        except CorpusError as error:
            problems.append(str(error))
            continue
        stream.writelines(f"{line}\n" for line in lines)
        written += bool(lines)
        wordless += not lines
    if problems:
        raise CorpusError(joined(problems))
    if wordless:
        logger.warning("left out: %s without a word", counted(wordless, "document"))
    return written


def document_lines(document: Document, *, scheme: str | None = None) -> list[str]:
    """Write one document as lines of columns; none where it has no word.

    Args:
        document: other columns, comments and document lines that it was read with stay.
        scheme: None keeps its tags as they are, see `tags_of`.

    Raises:
        CorpusError: columns cannot hold its entities or words.
    """
    rows = _rows_of(document, tags_of(document, scheme))
    if not rows:
        return []
    lines: list[str] = []
    for line in _strings(document.metadata.get("document_lines")):
        lines += [line, ""]
    lines += _strings(document.metadata.get("comments"))
    return [*lines, *sentence_lines(rows, separator=_separator(document, rows))]


def sentence_lines(
    rows: Iterable[Sequence[str]], *, separator: str = "\t"
) -> Iterator[str]:
    """Write the rows of a sentence, and the blank line after it."""
    yield from map(separator.join, rows)
    yield ""


def _rows_of(document: Document, tags: list[str]) -> list[list[str]]:
    surfaces = [document.surface(word) for word in words_of(document)]
    for surface in surfaces:
        if "\t" in surface or "\n" in surface:
            raise CorpusError(
                f"document {document.id!r}: a tab or line break in the word "
                f"{shorten(surface)}; columns cannot hold it. Write jsonl"
            )
    rows, tag = _kept_rows(document, surfaces)
    if rows is None:
        return [list(row) for row in zip(surfaces, tags, strict=True)]
    if tag is None:  # a file without tags gains a last column
        return [[*row, new] for row, new in zip(rows, tags, strict=True)]
    return [
        [*row[:tag], new, *row[tag + 1 :]] for row, new in zip(rows, tags, strict=True)
    ]


def _kept_rows(
    document: Document, surfaces: list[str]
) -> tuple[list[list[str]] | None, int | None]:
    """Rows as they were read, and their tag column; None if the words have changed.

    Metadata of other formats may use the same keys for something else.
    """
    rows, word, tag = (
        document.metadata.get(key) for key in ("columns", "word_column", "tag_column")
    )
    if not isinstance(rows, list) or not isinstance(word, int):
        return None, None
    if not isinstance(tag, int | None):
        return None, None
    same = len(rows) == len(surfaces) and all(
        len(_strings(row)) > max(word, tag or 0) and _same(row[word], surface)
        for row, surface in zip(rows, surfaces, strict=True)
    )
    return (rows, tag) if same else (None, None)


def _same(word: str, surface: str) -> bool:
    """Whether a word of the file is that of a document, which has no marks at ends."""
    start, end = trimmed(word, 0, len(word))
    return surface in (word, word[start:end])


def _strings(value: object) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return []


def _separator(document: Document, rows: list[list[str]]) -> str:
    if document.metadata.get("separator") != " ":
        return "\t"
    return "\t" if any(not c or " " in c for row in rows for c in row) else " "


FORMAT = Format(
    name="conll",
    about="columns: a word a line with its tag",
    read=read_conll,
    write=write_conll,
    suffixes=(".bio", ".iob", ".iob2", ".conll", ".tsv", ".txt"),
    holds_tags=True,
    takes_raw_text=True,
)
