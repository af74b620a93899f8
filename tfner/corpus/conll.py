"""Column files: a word a line with its tag, a blank line after each sentence.

Columns are cut at tabs where a line has one, else at runs of blanks, and at nothing
else: U+3000, U+200B and U+00A0 are words like any other. A line `-DOCSTART-` opens a
document. A file is read twice, first for its layout, scheme and defects.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TextIO

from tfner.corpus.detection import TagCensus
from tfner.corpus.files import STANDARD_STREAM, read_lines, stem_of
from tfner.corpus.joining import join_words, words_of
from tfner.corpus.options import ReadOptions
from tfner.corpus.tagging import tags_of
from tfner.document import Document, Entity, Word
from tfner.errors import SHOWN_PROBLEMS, CorpusError, joined, shorten
from tfner.schemes import OUTSIDE, Scheme, decode_tags, find_scheme

logger = logging.getLogger(__name__)

DOCUMENT_LINE = "-DOCSTART-"
PLAIN_COLUMNS = (2, 0, 1)
WIDTH_REMEDY = (
    f"Mend or delete these lines, or write {DOCUMENT_LINE} where one opens a document; "
    "plain text is read with --from text."
)
STRANGER_REMEDY = (
    "A tag is O, or one of B I E L S U, a hyphen and a label. Mend the lines, or name "
    "the right --tag-column."
)


class Sentence(NamedTuple):
    """Rows between two blank lines, their line numbers, and what stood before them."""

    rows: list[list[str]]
    lines: list[int]
    document_lines: list[str]
    comments: list[str]
    separator: str


class Layout(NamedTuple):
    """What the first reading finds: columns from 0; `tag` is None without tags."""

    width: int
    word: int
    tag: int | None
    scheme: Scheme | None


def split_row(line: str) -> list[str]:
    """The columns of one line."""
    if "\t" in line:
        return line.split("\t")
    # str.split() without argument would also cut at U+3000 and other white space.
    return [column for column in line.split(" ") if column]


def read_sentences(
    lines: Iterable[tuple[int, str]], *, comments: bool = False
) -> Iterator[Sentence]:
    """Sentences of numbered lines; nothing is checked here."""
    sentence = Sentence([], [], [], [], "\t")
    for number, line in lines:
        is_border = line.startswith(DOCUMENT_LINE)
        if is_border or not line.strip(" \t"):
            if sentence.rows:
                yield sentence
                sentence = Sentence([], [], [], [], "\t")
            if is_border:
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


def tag_of(row: Sequence[str], column: int) -> str:
    """The tag of a row; an empty one is read as O."""
    return row[column].strip(" ") or OUTSIDE


class RowCounts:
    """What the rows of one width hold."""

    def __init__(self) -> None:
        self.count, self.empty_tags = 0, 0
        self.examples: list[tuple[int, str]] = []
        self.census = TagCensus()


def survey_conll(path: str, options: ReadOptions) -> tuple[dict[int, RowCounts], int]:
    """Read a file once: what its rows of each width hold, and the usual width.

    Raises:
        CorpusError: the file holds no sentence.
    """
    by_width: dict[int, RowCounts] = defaultdict(RowCounts)
    for sentence in read_sentences(read_lines(path), comments=options.comments):
        _count_sentence(sentence, by_width, options.tag_column)
    if not by_width:
        raise CorpusError("the file is empty: it holds no sentence", path=path)
    return by_width, max(by_width, key=lambda w: (by_width[w].count, w))


def scan_conll(path: str, options: ReadOptions) -> Layout:
    """Read a file once for its layout and scheme.

    Raises:
        CorpusError: no sentence, rows of different widths, tags of no scheme, or a
            given scheme that fits worse than another; all lines are named together.
    """
    by_width, width = survey_conll(path, options)
    problems = _width_problems(path, by_width, width)
    word, tag = column_indices(path, options, width)
    rows = by_width[width]
    if tag is not None:
        problems += _stranger_problems(path, rows.census)
    if problems:
        messages = [message for _, message in sorted(problems)]
        odd = sum(found.count for w, found in by_width.items() if w != width)
        remedy = f"{odd} such lines. {WIDTH_REMEDY}" if odd else STRANGER_REMEDY
        raise CorpusError(f"{joined(messages)}\n{remedy}")
    if rows.empty_tags:
        logger.warning("%s: %d empty tags read as O", path, rows.empty_tags)
    if tag is None:
        return Layout(width, word, None, None)
    return Layout(width, word, tag, settle_scheme(path, options.scheme, rows.census))


def _count_sentence(
    sentence: Sentence, by_width: dict[int, RowCounts], column: int | None
) -> None:
    for width in {len(row) for row in sentence.rows}:
        numbered = zip(sentence.rows, sentence.lines, strict=True)
        fitting = [pair for pair in numbered if len(pair[0]) == width]
        found = by_width[width]
        found.count += len(fitting)
        if len(found.examples) < SHOWN_PROBLEMS:
            found.examples += [(line, row[0]) for row, line in fitting]
        if column is not None and -width <= column < width:
            tags = [tag_of(row, column) for row, _ in fitting]
            found.empty_tags += sum(not row[column].strip(" ") for row, _ in fitting)
            found.census.add(tags, [line for _, line in fitting])


def _width_problems(
    path: str, by_width: dict[int, RowCounts], width: int
) -> list[tuple[int, str]]:
    return [
        (
            line,
            f"{path}:{line}: expected {width} columns, received {w}: {shorten(text)}",
        )
        for w, rows in by_width.items()
        if w != width
        for line, text in rows.examples[:SHOWN_PROBLEMS]
    ]


def column_indices(
    path: str, options: ReadOptions, width: int
) -> tuple[int, int | None]:
    """Word and tag column counted from 0.

    Raises:
        CorpusError: a column the file has not, or the same one twice.
    """
    wanted = {"word_column": options.word_column, "tag_column": options.tag_column}
    for name, column in wanted.items():
        if column is not None and not -width <= column < width:
            raise CorpusError(
                f"{name} must be one of the file's {width} columns (0 to {width - 1}, "
                f"or negative from the end). Received: {name}={column}",
                path=path,
            )
    word = options.word_column % width
    tag = None if options.tag_column is None else options.tag_column % width
    if word == tag:
        raise CorpusError(
            f"words and tags cannot both be column {word} of {width}. Name another "
            "--tag-column; for words without tags --no-tags, for plain text "
            "--from text",
            path=path,
        )
    return word, tag


def _stranger_problems(path: str, census: TagCensus) -> list[tuple[int, str]]:
    return [
        (
            line,
            f"{path}:{line}: {shorten(tag)} is not a tag"
            + (f" ({count} times, here first)" if count > 1 else ""),
        )
        for tag, count, line in census.strangers()
    ]


def settle_scheme(path: str, given: str | None, census: TagCensus) -> Scheme:
    """The scheme given or found, announced in the log.

    Raises:
        CorpusError: another scheme fits better than the one given.
    """
    best = census.best()
    if given is None:
        logger.info(
            "%s: read as %s (%d transitions it does not allow)",
            path,
            best.name,
            census.invalid(best),
        )
        return best
    scheme = find_scheme(given)
    wrong, fewest = census.invalid(scheme), census.invalid(best)
    if wrong > fewest:
        step = census.first_invalid(scheme)
        raise CorpusError(
            f"{step.tag} after {step.previous} contradicts the scheme {given} ({wrong} "
            f"such places; {best.name} leaves {fewest}). Name {best.name}, or no "
            "scheme to have it found",
            path=path,
            line=step.line,
        )
    if wrong:
        logger.warning("%s: %d transitions that %s does not allow", path, wrong, given)
    return scheme


def read_conll(path: str, options: ReadOptions) -> Iterator[Document]:
    """Documents of a column file, one a sentence, tags unrepaired in `tags`.

    Metadata: `scheme`; `document` and `document_lines` where the file has
    `-DOCSTART-` lines; `comments`; `columns` with whole rows, `word_column` and
    `tag_column` where there is more than a word and its tag.

    Raises:
        CorpusError: see `scan_conll`.
    """
    if path == STANDARD_STREAM or not os.path.isfile(path):
        raise CorpusError(
            "a column file is read twice and cannot come from a pipe. "
            "Write it to a file first, or convert it to jsonl",
            path=path,
        )
    layout = scan_conll(path, options)
    stem, borders = stem_of(path), 0
    lines = read_lines(path, announce=False)
    sentences = read_sentences(lines, comments=options.comments)
    for number, sentence in enumerate(sentences, 1):
        borders += len(sentence.document_lines)
        document = f"{stem}#{borders}" if borders else None
        yield make_document(
            f"{stem}:{number}", sentence, layout, join=options.join, document=document
        )


def make_document(
    identifier: str,
    sentence: Sentence,
    layout: Layout,
    *,
    join: str = "auto",
    document: str | None = None,
) -> Document:
    """One sentence as a Document; `document` names the one it belongs to."""
    surfaces = [row[layout.word] for row in sentence.rows]
    text, words = join_words(surfaces, join)
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
        metadata["columns"] = sentence.rows
        metadata["word_column"], metadata["tag_column"] = layout.word, layout.tag
    if layout.tag is None:
        return Document(identifier, text, (), tuple(words), None, metadata)
    tags = tuple([tag_of(row, layout.tag) for row in sentence.rows])
    entities = entities_of(tags, words)
    return Document(identifier, text, entities, tuple(words), tags, metadata)


def entities_of(tags: Sequence[str], words: Sequence[Word]) -> tuple[Entity, ...]:
    """Entities of tags over words; empty words neither begin nor end one."""
    found = []
    for start, end, label in decode_tags(tags):
        filled = [word for word in words[start:end] if word.start < word.end]
        if filled:
            found.append(Entity(filled[0].start, filled[-1].end, label))
    return tuple(found)


def write_conll(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write documents as columns, other columns and document lines as they were read.

    Returns:
        Number of documents written; those without a word cannot be and are logged.

    Raises:
        CorpusError: entities or words that columns cannot hold; all are named.
    """
    problems: list[str] = []
    written = wordless = 0
    for document in documents:
        try:
            rows = _rows_of(document, tags_of(document, scheme))
        except CorpusError as error:
            problems.append(str(error))
            continue
        if not rows:
            wordless += 1
            continue
        separator = _separator(document, rows)
        for line in _strings(document.metadata.get("document_lines")):
            stream.write(f"{line}\n\n")
        for line in _strings(document.metadata.get("comments")):
            stream.write(f"{line}\n")
        stream.writelines(f"{separator.join(row)}\n" for row in rows)
        stream.write("\n")
        written += 1
    if problems:
        raise CorpusError(joined(problems))
    if wordless:
        logger.warning("%d documents without a word were left out", wordless)
    return written


def _rows_of(document: Document, tags: list[str]) -> list[list[str]]:
    surfaces = [document.surface(word) for word in words_of(document)]
    for surface in surfaces:
        if "\t" in surface or "\n" in surface:
            raise CorpusError(
                f"document {document.id!r}: a tab or line break in the word "
                f"{shorten(surface)}; column files cannot hold it. Write jsonl"
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
    """Rows as read and their tag column; None where they are not those of the words.

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
        len(_strings(row)) > max(word, tag or 0) and row[word] == surface
        for row, surface in zip(rows, surfaces, strict=True)
    )
    return (rows, tag) if same else (None, None)


def _strings(value: object) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return []


def _separator(document: Document, rows: list[list[str]]) -> str:
    if document.metadata.get("separator") != " ":
        return "\t"
    return "\t" if any(not c or " " in c for row in rows for c in row) else " "
