"""One reading of a whole column file, which counts its tags and finds odd rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tfner.corpus.columns.profile import (
    LANGUAGE,
    TAG_NAMES,
    WORD_NAMES,
    Profile,
    fits,
)
from tfner.corpus.columns.sentences import ColumnFile, ColumnSentence
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.tags.schemes import TagCensus
from tfner.errors import SHOWN_PROBLEMS, CorpusError

EMPTY = "the file is empty: it holds no sentence"


@dataclass
class Survey:
    """The counts of a file.

    Attributes:
        word: column of the words.
        tags: columns of the tags.
        sentences: how many there are.
        rows: how many there are.
        census: the tags, as they are spelled.
        empty_tags: cells without a tag.
        odd_rows: how many rows have another width, and the first of them with lines.
        unprefixed: how many words have no language, and the first of them with lines.
        comments: how many lines are comments, and the first one.
        hashes: sentences that begin with a row with #.
        has_wider_rows: some row has a cell in a column that is empty in the first ones.
    """

    word: int
    tags: tuple[int, ...]
    sentences: int = 0
    rows: int = 0
    census: TagCensus = field(default_factory=TagCensus)
    empty_tags: int = 0
    odd_rows: int = 0
    odd_examples: list[tuple[int, int, str]] = field(default_factory=list)
    unprefixed: int = 0
    unprefixed_examples: list[tuple[int, str]] = field(default_factory=list)
    comments: int = 0
    first_comment: str = ""
    hashes: int = 0
    has_wider_rows: bool = False

    def count_prefixes(self, rows: Sequence[Sequence[str]], lines: list[int]) -> None:
        """Count the words that have no language before them."""
        for row, line in zip(rows, lines, strict=True):
            if LANGUAGE.match(row[self.word]) is None:
                self.unprefixed += 1
                if len(self.unprefixed_examples) < SHOWN_PROBLEMS:
                    self.unprefixed_examples.append((line, row[self.word]))

    def count_comments(self, lines: Sequence[str]) -> None:
        """Count lines that stand before a sentence or after the last one."""
        comments = [line for line in lines if line.startswith("#")]
        if comments and not self.comments:
            self.first_comment = comments[0]
        self.comments += len(comments)


def survey_conll(file: ColumnFile, options: ReadOptions) -> Survey:
    """Count the rows and tags of a file.

    Args:
        file: is gone through once, or twice where its first lines mislead.
        options: name the columns.

    Raises:
        CorpusError: the file holds no sentence, or not the columns named.
    """
    if not file.profile.has_rows and next(iter(file), None) is None:
        raise CorpusError(EMPTY, path=file.path)
    survey = _survey(file, options)
    if survey.has_wider_rows:
        file.profile = replace(file.profile, width=file.profile.widened, layers=())
        survey = _survey(file, options)
    if not survey.sentences:
        raise CorpusError(EMPTY, path=file.path)
    return survey


def _survey(file: ColumnFile, options: ReadOptions) -> Survey:
    profile = file.profile
    word, tags = find_columns(file.path, profile, options)
    survey = Survey(word, tags)
    width, widened = profile.width, profile.widened
    for sentence in file:
        survey.sentences += 1
        survey.rows += len(sentence.rows)
        if sentence.comments or sentence.closing_lines:
            survey.count_comments([*sentence.comments, *sentence.closing_lines])
        rows, lines = sentence.rows, sentence.lines
        if {width} != set(map(len, rows)):
            rows, lines = _fitting(sentence, width, widened, survey)
        if rows and rows[0][0].startswith("#"):
            survey.hashes += 1
        if options.language_prefix:
            survey.count_prefixes(rows, lines)
        for column in tags:
            spelled = [row[column].strip(" ") for row in rows]
            survey.empty_tags += spelled.count("")
            survey.census.add(spelled, lines)
    return survey


def _fitting(
    sentence: ColumnSentence, width: int, widened: int, survey: Survey
) -> tuple[list[list[str]], list[int]]:
    """The rows of the file's width; the others are counted."""
    rows, lines = [], []
    for row, line in zip(sentence.rows, sentence.lines, strict=True):
        if fits(row, width):
            rows.append(row)
            lines.append(line)
            continue
        survey.odd_rows += 1
        survey.has_wider_rows |= width < len(row) <= widened
        if len(survey.odd_examples) < SHOWN_PROBLEMS:
            survey.odd_examples.append((line, len(row), row[0]))
    return rows, lines


def find_columns(
    path: str, profile: Profile, options: ReadOptions
) -> tuple[int, tuple[int, ...]]:
    """The columns of words and of tags, counted from 0; the latter may be none.

    Args:
        path: the file, for messages.
        profile: of the file.
        options: name the columns, negative ones from the end.

    Raises:
        CorpusError: the file lacks a column, or words and tags are the same one.
    """
    width = profile.width
    word, tags = options.word_column, options.tag_columns
    given = {"word_column": () if word is None else (word,), "tag_column": tags or ()}
    for name, columns in given.items():
        for column in columns:
            if not -width <= column < width:
                raise CorpusError(
                    f"{name} must be one of the file's {width} columns (0 to "
                    f"{width - 1}, or negative from the end). Received: "
                    f"{name}={column}",
                    path=path,
                )
    if word is None:
        word = _named(profile, WORD_NAMES, 1 if profile.numbered else 0)
    word %= width
    if options.tags == "none":
        return word, ()
    if tags is None:
        tags = profile.layers or (_named(profile, TAG_NAMES, width - 1),)
        if options.tags == "optional" and word in tags:
            return word, ()
    tags = tuple(dict.fromkeys(column % width for column in tags))
    if word in tags:
        raise CorpusError(
            f"words and tags cannot both be column {word} of {width}. Name another "
            "--tag-column; words without tags are read by `tfner predict` and by "
            "`corpus convert --no-tags`, plain text with --from text",
            path=path,
        )
    return word, tags


def _named(profile: Profile, names: set[str], default: int) -> int:
    """The column that the header calls by one of the names."""
    return next((n for n, name in enumerate(profile.names) if name in names), default)
