"""The layout of column files: width, the columns of words and tags, the scheme."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import NamedTuple

from tfner.corpus.columns.profile import DOCUMENT_LINE, Profile
from tfner.corpus.columns.sentences import ColumnFile
from tfner.corpus.columns.survey import Survey, survey_conll
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.tags.schemes import TagCensus
from tfner.errors import CorpusError, counted, joined, shorten
from tfner.schemes import Scheme, find_scheme
from tfner.tag_syntax import (
    A_TAG,
    OTHER_OUTSIDES,
    READ_ONLY,
    TagSyntax,
    find_syntax,
)

logger = logging.getLogger(__name__)

WIDTH_REMEDY = (
    f"Mend or delete these lines, or write {DOCUMENT_LINE} where one opens a document; "
    "plain text is read with --from text."
)
PREFIX_REMEDY = "Mend these words, or read them as they are, without --language-prefix."

LONG = 500
"""Words of a sentence on average that let blank lines seem to be missing."""


class ColumnLayout(NamedTuple):
    """The places of words and tags in a file, and the spelling of its tags.

    Attributes:
        width: number of columns.
        word: column of the words, from 0.
        tags: columns of the tags that are read.
        place: column in which new tags are to be written; None after the last one.
        scheme: of the tags; None where none are read.
        syntax: spelling of the tags.
        language: a language stands before each word.
    """

    width: int
    word: int
    tags: tuple[int, ...]
    place: int | None
    scheme: Scheme | None
    syntax: TagSyntax
    language: bool

    @property
    def is_plain(self) -> bool:
        """True for a word and its tag, spelled as they are written again."""
        places = (self.width, self.word, self.place)
        return places == (2, 0, 1) and self.syntax.about is None and not self.language


def find_layout(file: ColumnFile, options: ReadOptions) -> ColumnLayout:
    """Find a file's layout and scheme, going through it once.

    Raises:
        CorpusError: no sentence, rows of different widths, tags of no scheme, or a
            given scheme that fits worse than another; all lines are named together.
    """
    survey = survey_conll(file, options)
    path, profile = file.path, file.profile
    syntax = syntax_of(survey, options)
    layout = layout_of(profile, survey, syntax, options)
    problems = _problems(path, profile, survey)
    if layout.tags:
        problems += _stranger_problems(path, survey.census, syntax)
    if problems:
        messages = [message for _, message in sorted(problems)]
        remedy = _remedy(survey, profile)
        raise CorpusError(f"{joined(messages)}\n{remedy}")
    for message in describe(profile, survey, layout, options):
        logger.info("%s: %s", path, message)
    if not layout.tags:
        return layout
    if survey.empty_tags:
        empty = counted(survey.empty_tags, "empty tag")
        logger.warning("%s: %s read as O", path, empty)
    if syntax.is_io:  # which has no transitions to judge it by
        return layout._replace(scheme=find_scheme(READ_ONLY["IO"]))
    census = survey.census.canonical(syntax)
    return layout._replace(scheme=settle_scheme(path, options.tag_scheme, census))


def syntax_of(survey: Survey, options: ReadOptions) -> TagSyntax:
    """The spelling of a file's tags."""
    tags = survey.census.tags()
    return find_syntax(tags, scheme=options.scheme, label=options.label)


def layout_of(
    profile: Profile, survey: Survey, syntax: TagSyntax, options: ReadOptions
) -> ColumnLayout:
    """The layout of a file, its scheme left open.

    Args:
        profile: of the file.
        survey: of the file.
        syntax: of its tags.
        options: where tags are optional, a column of anything else is none of tags.
    """
    tags = survey.tags
    place = tags[0] if len(tags) == 1 else None
    if options.tags == "optional" and syntax.strangers:
        masked = set(survey.census.tags()) <= {"", *OTHER_OUTSIDES}
        tags, place = (), place if masked else None
    return ColumnLayout(
        profile.width, survey.word, tags, place, None, syntax, options.language_prefix
    )


def describe(
    profile: Profile, survey: Survey, layout: ColumnLayout, options: ReadOptions
) -> Iterator[str]:
    """Sentences about how a file is read that may surprise.

    Args:
        profile: of the file.
        survey: of the file.
        layout: by which it is read.
        options: what they name goes without saying.
    """
    if survey.comments and options.comments is None:
        yield (
            f"{counted(survey.comments, 'line')} with # read as comments, as "
            f"{shorten(survey.first_comment)}; --no-comments reads them as words"
        )
    if profile.header:
        named = f"words from column {layout.word}"
        named += f", tags from {_listed(layout.tags)}" if layout.tags else ""
        yield f"the first row names the columns: {named}"
    elif profile.numbered and options.word_column is None:
        yield "column 0 numbers the words, which are column 1; --word-column 0 reads it"
    if len(layout.tags) > 1 and options.tag_columns is None:
        yield (
            f"columns {_listed(layout.tags)} hold tags, whose entities nest; "
            f"--tag-column {layout.tags[0]} reads one alone"
        )
    if layout.tags and layout.syntax.about is not None:
        yield layout.syntax.about
    if survey.tags and not layout.tags:
        yield f"read as words without tags: column {_listed(survey.tags)} holds none"
    if survey.rows > LONG * survey.sentences:
        yield (
            f"{counted(survey.sentences, 'sentence')} of {counted(survey.rows, 'word')}"
            ": blank lines are to stand between sentences"
        )
    if profile.language is not None and not options.language_prefix:
        yield (
            "each word begins with a language and a colon, as "
            f"{shorten(profile.language)}; --language-prefix takes them off"
        )


def _listed(columns: tuple[int, ...]) -> str:
    return " and ".join(map(str, columns))


def _problems(path: str, profile: Profile, survey: Survey) -> list[tuple[int, str]]:
    """Rows of another width, and words without the language that all should have."""
    width = profile.width
    problems = [
        (
            line,
            f"{path}:{line}: expected {width} columns, received {w}: {shorten(text)}",
        )
        for line, w, text in survey.odd_examples
    ]
    problems += [
        (line, f"{path}:{line}: no language and colon before {shorten(word)}")
        for line, word in survey.unprefixed_examples
    ]
    return problems


def _stranger_problems(
    path: str, census: TagCensus, syntax: TagSyntax
) -> list[tuple[int, str]]:
    if syntax.problem is not None:
        return [(0, f"{path}: {syntax.problem}")]
    return [
        (
            line,
            f"{path}:{line}: {shorten(tag)} is not a tag"
            + (f" ({count} times, here first)" if count > 1 else ""),
        )
        for tag, count, line in census.canonical(syntax).strangers()
    ]


def _remedy(survey: Survey, profile: Profile) -> str:
    """What to do about the problems of a file."""
    has_hashes = survey.hashes or any(
        t.startswith("#") for *_, t in survey.odd_examples
    )
    comments = " Lines with # are comments with --comments." if has_hashes else ""
    if survey.odd_rows:
        lines = counted(survey.odd_rows, "such line")
        return f"{lines}. {WIDTH_REMEDY}{comments}"
    if survey.unprefixed:
        words = counted(survey.unprefixed, "such word")
        return f"{words}. {PREFIX_REMEDY}"
    about = f"{A_TAG[0].upper()}{A_TAG[1:]}"
    return f"{about}. {column_remedy(profile, survey)}{comments}"


def column_remedy(profile: Profile, survey: Survey) -> str:
    """The advice for a column that holds no tags."""
    others = [column for column in profile.tagged if column not in survey.tags]
    if others:
        return f"Column {others[-1]} looks like one of tags: --tag-column {others[-1]}."
    return "Mend the lines, or name the right --tag-column."


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
