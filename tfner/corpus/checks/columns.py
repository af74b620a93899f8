"""Checks of column files, and of the tags of any format."""

from __future__ import annotations

from collections.abc import Sequence

from tfner.corpus.checks.borders import edge_marks
from tfner.corpus.checks.findings import FileReport, name_character
from tfner.corpus.formats.conll_layout import (
    column_indices,
    settle_scheme,
    survey_conll,
    tag_of,
)
from tfner.corpus.formats.conll_raw_text import (
    NumberedWords,
    find_differences,
    read_raw_text,
)
from tfner.corpus.formats.conll_sentences import ColumnFile, ColumnSentence
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.scheme_detection import TagCensus
from tfner.errors import CorpusError, shorten
from tfner.schemes import (
    OUTSIDE,
    Scheme,
    decode_tags,
    encode_spans,
    find_scheme,
    invalid_positions,
    is_tag,
    split_tag,
)


def check_conll(report: FileReport, options: ReadOptions) -> None:
    """Check a column file, and compare it with its raw text if one is given.

    Args:
        report: gets the findings.
        options: how to read the file.

    Raises:
        CorpusError: there is no sentence, or not the columns named.
    """
    file = ColumnFile(report.path, comments=bool(options.comments))
    by_width, width = survey_conll(file, options.given_tag_column)
    word, tag = column_indices(report.path, options, width)
    scheme = None
    if tag is not None:
        scheme = scheme_for(report, options, census=by_width[width].census)
    numbered = []
    for sentence in file:
        fitting = _check_rows(report, sentence, width, word, tag)
        labels: set[str] = set()
        if scheme is not None and tag is not None:
            tags = [tag_of(row, tag) for row in fitting.rows]
            labels = {split_tag(t)[1] for t in tags if is_tag(t)} - {""}
            if all(map(is_tag, tags)):
                check_transitions(report, tags, fitting.lines, scheme=scheme)
        if fitting.rows:
            words = [row[word] for row in fitting.rows]
            report.see("".join(words), labels, sentence.lines[0])
            if options.raw_text is not None:
                numbered.append(NumberedWords(sentence.lines[0], words))
    if options.raw_text is not None:
        lines_of_text = read_raw_text(options.raw_text)
        for path, line, message in find_differences(
            report.path, numbered, options.raw_text, lines_of_text
        ):
            report.add(line, "error", "raw-text", message, path=path)


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
    report: FileReport, sentence: ColumnSentence, width: int, word: int, tag: int | None
) -> ColumnSentence:
    """Check single rows; return the sentence without rows of another width."""
    rows, lines = [], []
    for row, line in zip(sentence.rows, sentence.lines, strict=True):
        if len(row) != width:
            report.add(
                line,
                "error",
                "wrong-columns",
                f"expected {width} columns, received {len(row)}: {shorten(row[0])}",
            )
            continue
        rows.append(row)
        lines.append(line)
        _check_word(report, line, row[word])
        if tag is not None:
            _check_tag(report, line, row[tag].strip(" "))
    return sentence._replace(rows=rows, lines=lines)


def _check_word(report: FileReport, line: int, word: str) -> None:
    if not word:
        report.add(
            line, "warning", "empty-token", "empty token; read as a word of length 0"
        )
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


def _check_tag(report: FileReport, line: int, tag: str) -> None:
    if not tag:
        report.add(
            line, "warning", "empty-tag", "empty tag; read as O; --repair writes O"
        )
    elif not is_tag(tag):
        report.add(
            line,
            "error",
            "unknown-prefix",
            f"{shorten(tag)} is not a tag; a tag is O or one of B I E L S U, a hyphen "
            "and a label",
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
