"""`tfner corpus check`: all that is wrong or odd in corpus files, with line numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tfner.corpus.checks.columns import check_conll, check_transitions, scheme_for
from tfner.corpus.checks.documents import check_document
from tfner.corpus.checks.findings import FileReport, Location, show_location
from tfner.corpus.corpora import check_raw_text, recognise
from tfner.corpus.formats import FORMATS
from tfner.corpus.formats.format import Scan, located
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.tags.schemes import TagCensus
from tfner.document import Document
from tfner.errors import CorpusError, StorageError, counted, shorten
from tfner.storage.line_ends import survey_line_ends
from tfner.storage.lines import is_readable


def check_corpora(
    paths: Sequence[str],
    *,
    format: str | None = None,
    options: ReadOptions,
    keep: int | None = None,
) -> list[FileReport]:
    """Check files one by one, then against each other.

    Args:
        paths: corpus files; name train first, so that labels and sentences of the
            others are compared with it.
        format: of all files; None goes by each suffix.
        options: how to read them.
        keep: number of findings of each kind and file that are kept; all are counted.
            None keeps all.

    Raises:
        ConfigError: an unknown format, or a raw text for one that has its own.
        CorpusError: no format has the suffix of a file.
    """
    reports = [_check_file(path, format, options, keep) for path in paths]
    for number, report in enumerate(reports):
        _compare_texts(reports[:number], report)
        if number and reports[0].labels:
            _compare_labels(reports[0], report)
    for report in reports:
        report.findings.sort(
            key=lambda f: (f.path != report.path, f.path, f.line or 0, f.kind)
        )
    return reports


def _check_file(
    path: str, format: str | None, options: ReadOptions, keep: int | None
) -> FileReport:
    report = FileReport(path, format or "", keep=keep)
    try:
        report.format = _find_format(report, format)
        check_raw_text(options.raw_text, report.format)
        chosen = FORMATS[report.format]
        if chosen.scan is None:
            check_conll(report, options)
        else:
            _check_records(report, options, chosen.scan)
        if is_readable(path) and chosen.is_text:  # a stream can be read but once
            _check_line_ends(report)
    except (CorpusError, StorageError) as error:
        report.add_error(error)
        return report
    if not report.documents:
        if not report.severities["error"]:
            report.add(None, "error", "empty", "the file is empty: nothing to read")
    elif report.format != "text" and not report.labels:
        report.add(None, "warning", "no-entities", "the corpus holds no entity")
    if report.repeated:
        message = f"{counted(report.repeated, 'sentence')} in repetition of an earlier"
        report.add(None, "note", "repeated", f"{message} one")
    return report


def _find_format(report: FileReport, format: str | None) -> str:
    """The format of a file; what in it shows that format is noted."""
    found, reason = recognise(report.path, format)
    if reason is not None and not found.is_named(report.path):
        message = f"read as {found.name} because of {reason}; --from names another"
        report.add(None, "note", "format", message)
    return found.name


def _check_line_ends(report: FileReport) -> None:
    """Report what is odd about the ends of a file's lines."""
    ends = survey_line_ends(report.path)
    if ends.has_bom:
        report.add(1, "note", "bom", "byte order mark; skipped when reading")
    if ends.old_mac:
        message = "lines end in CR alone, as on old Macs; read as line ends"
        report.add(None, "note", "cr", message)
    elif ends.windows:
        kind = "crlf" if ends.windows == ends.lines else "mixed-line-ends"
        message = f"{ends.windows} of {ends.lines} lines end in CR LF"
        report.add(None, "note", kind, message)
    if not ends.has_last:
        message = "no newline after the last line"
        report.add(ends.lines, "note", "no-final-newline", message)
    elif report.format == "conll" and not ends.last_is_blank:
        message = "no blank line after the last sentence; some readers lose it"
        report.add(ends.lines, "note", "no-final-blank-line", message)


def _check_records(report: FileReport, options: ReadOptions, scan: Scan) -> None:
    census, tagged = TagCensus(), list[tuple[int | None, tuple[str, ...]]]()
    ids: dict[int, Location | int] = {}
    for line, document in _documents(report, options, scan):
        if document.tags is not None:
            tagged.append((line, tuple(map(sys.intern, document.tags))))
            census.add(document.tags, [line or 0] * len(document.tags))
        key = hash(document.id)
        if key in ids:
            twin = show_location(report.unpack(ids[key]))
            message = f"id {shorten(document.id)} as in {twin}"
            report.add(line, "warning", "repeated-id", message)
        else:
            ids[key] = report.pack(line)
        check_document(report, line, document)
    if tagged:
        scheme = scheme_for(report, options, census=census)
        for line, tags in tagged:
            check_transitions(report, tags, [line or 0] * len(tags), scheme=scheme)


def _documents(
    report: FileReport, options: ReadOptions, scan: Scan
) -> Iterator[tuple[int | None, Document]]:
    # A given scheme is judged over the whole file, not line by line.
    options = replace(options, scheme=None)
    for where, content in scan(report.path, options):
        report.reading, line = located(report.path, where)
        if isinstance(content, str):
            report.add(line, "error", "bad-record", content)
        else:
            yield line, content
    report.reading = report.path


def _compare_texts(earlier: Sequence[FileReport], report: FileReport) -> None:
    """Report sentences that an earlier file holds too: scores on them mislead."""
    for other in earlier:
        shared = [key for key in report.texts if key in other.texts]
        if shared:
            report.add(
                None,
                "warning",
                "shared-sentences",
                f"{len(shared)} of {len(report.texts)} different sentences also stand "
                f"in {other.path}",
            )
        if len(shared) == len(report.texts):
            continue
        for key in shared:
            path, line = report.unpack(report.texts[key])
            twin = show_location(other.unpack(other.texts[key]))
            message = f"this sentence also stands in {twin}"
            report.add(line, "warning", "shared-sentence", message, path=path)


def _compare_labels(first: FileReport, report: FileReport) -> None:
    for label, (path, line) in report.labels.items():
        if label not in first.labels:
            message = f"label {label} does not occur in {Path(first.path).name}"
            report.add(line, "warning", "new-label", message, path=path)
