"""Checks of column files, and of the tags of any format."""

from __future__ import annotations

from collections.abc import Sequence

from tfner.corpus.checks.borders import edge_marks
from tfner.corpus.checks.findings import FileReport, name_character
from tfner.corpus.columns.layout import (
    ColumnLayout,
    column_remedy,
    describe,
    layout_of,
    settle_scheme,
    syntax_of,
)
from tfner.corpus.columns.profile import LANGUAGE, fits
from tfner.corpus.columns.raw_text import (
    NumberedWords,
    find_differences,
    read_raw_text,
)
from tfner.corpus.columns.sentences import ColumnFile, ColumnSentence
from tfner.corpus.columns.survey import survey_conll
from tfner.corpus.formats.conll import tags_in, words_in
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.tags.schemes import TagCensus
from tfner.document import Entity
from tfner.errors import CorpusError, shorten
from tfner.nesting import count_nested
from tfner.schemes import (
    OUTSIDE,
    Scheme,
    Span,
    decode_tags,
    encode_spans,
    find_scheme,
    invalid_positions,
    is_tag,
    split_tag,
)
from tfner.tag_syntax import A_TAG, READ_ONLY, TagSyntax

NO_TAG = "\n"
"""Stands for a cell that holds no tag."""


def check_conll(report: FileReport, options: ReadOptions) -> None:
    """Check a column file, and compare it with its raw text if one is given.

    Args:
        report: gets the findings.
        options: how to read the file.

    Raises:
        CorpusError: there is no sentence, or not the columns named.
    """
    file = ColumnFile(report.path, options)
    survey = survey_conll(file, options)
    syntax = syntax_of(survey, options)
    layout = layout_of(file.profile, survey, syntax, options)
    for message in describe(file.profile, survey, layout, options):
        report.add(None, "note", "layout", message)
    if layout.tags:
        if syntax.problem is not None:
            remedy = column_remedy(file.profile, survey)
            report.add(None, "error", "no-tags", f"{syntax.problem}. {remedy}")
        elif syntax.is_io:
            layout = layout._replace(scheme=find_scheme(READ_ONLY["IO"]))
            report.scheme = "IO"
        else:
            census = survey.census.canonical(syntax)
            layout = layout._replace(scheme=scheme_for(report, options, census=census))
    numbered = []
    for sentence in file:
        fitting = _check_rows(report, sentence, layout)
        if not fitting.rows:
            continue
        words = words_in(fitting.rows, layout)
        labels = _check_tags(report, fitting, layout)
        report.see("".join(words), labels, sentence.lines[0])
        if options.raw_text is not None:
            numbered.append(NumberedWords(sentence.lines[0], words))
    if options.raw_text is not None:
        lines_of_text = read_raw_text(options.raw_text)
        for path, line, message in find_differences(
            report.path, numbered, options.raw_text, lines_of_text
        ):
            report.add(line, "error", "raw-text", message, path=path)


def _check_tags(
    report: FileReport, sentence: ColumnSentence, layout: ColumnLayout
) -> list[str]:
    """Check the transitions in each column of tags; return the labels there."""
    labels: set[str] = set()
    spans: list[Span] = []
    for column in layout.tags:
        tags = tags_in(sentence.rows, column, layout, stranger=NO_TAG)
        if layout.scheme is not None and NO_TAG not in tags:
            check_transitions(report, tags, sentence.lines, scheme=layout.scheme)
        labels |= {split_tag(tag)[1] for tag in set(tags) if is_tag(tag)}
        if len(layout.tags) > 1:
            spans += decode_tags(tags)
    if spans:
        entities = [Entity(*span) for span in dict.fromkeys(spans)]
        report.nested += count_nested(sorted(entities, key=lambda e: (e.start, -e.end)))
    return sorted(labels - {""})


def scheme_for(
    report: FileReport, options: ReadOptions, *, census: TagCensus
) -> Scheme:
    """The scheme that a file's tags are held against.

    Args:
        report: gets the scheme's name, and a finding if the tags contradict it.
        options: may name the scheme.
        census: the tags of the file; they decide where no scheme is named.
    """
    try:
        scheme = settle_scheme(report.path, options.tag_scheme, census)
    except CorpusError as error:
        report.add_error(error)
        scheme = find_scheme(options.tag_scheme or "IOB2")
    report.scheme = scheme.name
    return scheme


def _check_rows(
    report: FileReport, sentence: ColumnSentence, layout: ColumnLayout
) -> ColumnSentence:
    """Check single rows; return the sentence without rows of another width."""
    rows, lines = [], []
    width = layout.width
    for row, line in zip(sentence.rows, sentence.lines, strict=True):
        if len(row) != width and not fits(row, width):
            report.add(
                line,
                "error",
                "wrong-columns",
                f"expected {width} columns, received {len(row)}: {shorten(row[0])}",
            )
            continue
        rows.append(row)
        lines.append(line)
        word = row[layout.word]
        if layout.language:
            word = _check_language(report, line, word)
        _check_word(report, line, word)
        for column in layout.tags:
            cell = row[column].strip(" ")
            if not cell or cell not in layout.syntax.table:
                _check_tag(report, line, cell, layout.syntax)
    return sentence._replace(rows=rows, lines=lines)


def _check_language(report: FileReport, line: int, word: str) -> str:
    """Check that a language stands before a word; return the word without it."""
    if LANGUAGE.match(word) is None:
        message = f"no language and colon before {shorten(word)}"
        report.add(line, "error", "no-language", message)
    return word.partition(":")[2]


def _check_word(report: FileReport, line: int, word: str) -> None:
    if not word:
        report.add(
            line, "warning", "empty-token", "empty token; read as a word of length 0"
        )
    elif not word.strip():
        report.add(line, "note", "blank-token", "a token of white space alone")
    elif word.split() != [word]:
        report.add(
            line, "warning", "white-space", f"white space in the token {shorten(word)}"
        )
    if word.isascii() and word.isprintable():
        return
    marks = edge_marks(word, [(0, len(word))])
    report.check_characters(line, word, known=marks)
    for mark in sorted(marks):
        message = f"{name_character(mark)} at the edge of the word {shorten(word)}"
        reading = "no part of it when reading"
        report.add(line, "note", "invisible-mark", f"{message}; {reading}")


def _check_tag(report: FileReport, line: int, tag: str, syntax: TagSyntax) -> None:
    if not tag:
        report.add(
            line, "warning", "empty-tag", "empty tag; read as O; --repair writes O"
        )
    elif syntax.problem is None:
        report.add(
            line, "error", "unknown-prefix", f"{shorten(tag)} is not a tag; {A_TAG}"
        )


def check_transitions(
    report: FileReport, tags: Sequence[str], lines: Sequence[int], *, scheme: Scheme
) -> None:
    """Report every transition that the scheme does not allow, and how it is read.

    Args:
        report: gets the findings.
        tags: of one sentence.
        lines: line number of each tag.
        scheme: decides which tag may follow which.
    """
    wrong = invalid_positions(tags, scheme)
    if not wrong:
        return
    spans = decode_tags(tags)
    starts, ends = {s.start for s in spans}, {s.end for s in spans}
    repaired = encode_spans(spans, len(tags), scheme)
    for position in wrong:
        previous = tags[position - 1] if position else OUTSIDE
        now = tags[position] if position < len(tags) else "the end"
        if position in starts:
            reading = "the start of an entity"
        elif position in ends:
            reading = "the end of the entity"
        else:
            reading = "inside the entity"
        changes = " and ".join(
            f"{repaired[i]} for {tags[i]} (line {lines[i]})"
            for i in (position - 1, position)
            if 0 <= i < len(tags) and repaired[i] != tags[i]
        )
        report.add(
            lines[min(position, len(tags) - 1)],
            "warning",
            "invalid-transition",
            f"{now} after {previous} is not {scheme.name}: read as {reading}; "
            f"--repair writes {changes}",
        )
