"""The layout of column files: widths, the word and tag columns, the scheme."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from tfner.corpus.formats.conll_sentences import (
    DOCUMENT_LINE,
    ColumnFile,
    ColumnSentence,
)
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.scheme_detection import TagCensus
from tfner.errors import SHOWN_PROBLEMS, CorpusError, counted, joined, shorten
from tfner.schemes import OUTSIDE, Scheme, find_scheme

logger = logging.getLogger(__name__)

WIDTH_REMEDY = (
    f"Mend or delete these lines, or write {DOCUMENT_LINE} where one opens a document; "
    "plain text is read with --from text."
)
STRANGER_REMEDY = (
    "A tag is O, or one of B I E L S U, a hyphen and a label. Mend the lines, or name "
    "the right --tag-column."
)


class ColumnLayout(NamedTuple):
    """Number of columns, those of words and tags (from 0), and the tags' scheme."""

    width: int
    word: int
    tag: int | None
    scheme: Scheme | None


def tag_of(row: Sequence[str], column: int) -> str:
    """The tag of a row; an empty one is read as O."""
    return row[column].strip(" ") or OUTSIDE


class RowCounts:
    """Counts of the rows that have one number of columns."""

    def __init__(self) -> None:
        self.count, self.empty_tags = 0, 0
        self.examples: list[tuple[int, str]] = []
        self.census = TagCensus()


def survey_conll(
    file: ColumnFile, tag_column: int | None
) -> tuple[dict[int, RowCounts], int]:
    """Count the rows of a file.

    Returns:
        The counts by number of columns, and the most frequent number.

    Raises:
        CorpusError: the file holds no sentence.
    """
    by_width: dict[int, RowCounts] = defaultdict(RowCounts)
    for sentence in file:
        _count_sentence(sentence, by_width, tag_column)
    if not by_width:
        raise CorpusError("the file is empty: it holds no sentence", path=file.path)
    return by_width, max(by_width, key=lambda w: (by_width[w].count, w))


def find_layout(file: ColumnFile, options: ReadOptions) -> ColumnLayout:
    """Find a file's layout and scheme, going through it once.

    Raises:
        CorpusError: no sentence, rows of different widths, tags of no scheme, or a
            given scheme that fits worse than another; all lines are named together.
    """
    by_width, width = survey_conll(file, options.given_tag_column)
    path = file.path
    problems = _width_problems(path, by_width, width)
    word, tag = column_indices(path, options, width)
    rows = by_width[width]
    if tag is not None:
        problems += _stranger_problems(path, rows.census)
    if problems:
        messages = [message for _, message in sorted(problems)]
        odd = sum(rows.count for w, rows in by_width.items() if w != width)
        lines = counted(odd, "such line")
        remedy = f"{lines}. {WIDTH_REMEDY}" if odd else STRANGER_REMEDY
        raise CorpusError(f"{joined(messages)}\n{remedy}")
    if rows.empty_tags:
        empty = counted(rows.empty_tags, "empty tag")
        logger.warning("%s: %s read as O", path, empty)
    if tag is None:
        return ColumnLayout(width, word, None, None)
    return ColumnLayout(
        width, word, tag, settle_scheme(path, options.tag_scheme, rows.census)
    )


def _count_sentence(
    sentence: ColumnSentence, by_width: dict[int, RowCounts], column: int | None
) -> None:
    for width in {len(row) for row in sentence.rows}:
        numbered = zip(sentence.rows, sentence.lines, strict=True)
        fitting = [pair for pair in numbered if len(pair[0]) == width]
        counts = by_width[width]
        counts.count += len(fitting)
        if len(counts.examples) < SHOWN_PROBLEMS:
            counts.examples += [(line, row[0]) for row, line in fitting]
        if column is not None and -width <= column < width:
            tags = [tag_of(row, column) for row, _ in fitting]
            counts.empty_tags += sum(not row[column].strip(" ") for row, _ in fitting)
            counts.census.add(tags, [line for _, line in fitting])


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
    """Word and tag column counted from 0; the latter is None in files without tags.

    Args:
        path: the file, for messages.
        options: names the columns, negative ones from the end.
        width: number of columns of the file.

    Raises:
        CorpusError: the file lacks a column, or both are the same one.
    """
    chosen = {
        "word_column": options.word_column or 0,
        "tag_column": options.given_tag_column,
    }
    for name, column in chosen.items():
        if column is not None and not -width <= column < width:
            raise CorpusError(
                f"{name} must be one of the file's {width} columns (0 to {width - 1}, "
                f"or negative from the end). Received: {name}={column}",
                path=path,
            )
    word = (options.word_column or 0) % width
    tag = chosen["tag_column"]
    tag = None if tag is None else tag % width
    if word == tag:
        raise CorpusError(
            f"words and tags cannot both be column {word} of {width}. Name another "
            "--tag-column; words without tags are read by `tfner predict` and by "
            "`corpus convert --no-tags`, plain text with --from text",
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
    """The scheme given, or the one that fits best, which is announced in the log.

    Args:
        path: the file, for messages.
        given: name of a scheme; None takes the one that fits best.
        census: the tags of the file.

    Raises:
        CorpusError: another scheme fits better than the one given.
    """
    best = census.best()
    if given is None:
        logger.info(
            "%s: read as %s (%s that it does not allow)",
            path,
            best.name,
            counted(census.invalid(best), "transition"),
        )
        return best
    scheme = find_scheme(given)
    wrong, fewest = census.invalid(scheme), census.invalid(best)
    if wrong > fewest:
        first = census.first_invalid(scheme)
        raise CorpusError(
            f"{first.tag} after {first.previous} contradicts the scheme {given} "
            f"({wrong} such places; {best.name} leaves {fewest}). Name {best.name}, or "
            "no scheme to have it found",
            path=path,
            line=first.line,
        )
    if wrong:
        transitions = counted(wrong, "transition")
        logger.warning("%s: %s that %s does not allow", path, transitions, given)
    return scheme
