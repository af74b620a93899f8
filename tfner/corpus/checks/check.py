"""`tfner corpus check`: all that is wrong or odd in corpus files, with line numbers."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tfner.corpus.checks.columns import check_conll, check_transitions, scheme_for
from tfner.corpus.checks.findings import FileReport, Location, show_location
from tfner.corpus.corpora import check_raw_text, recognise
from tfner.corpus.formats import FORMATS
from tfner.corpus.formats.format import Scan, located
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.scheme_detection import TagCensus
from tfner.corpus.tagging import misaligned_entities
from tfner.document import Document, Entity
from tfner.errors import CorpusError, StorageError, counted
from tfner.nesting import count_nested, crossing_pairs
from tfner.storage.lines import is_readable, read_lines

BOM = "\ufeff"


def check_corpora(
    paths: Sequence[str], *, format: str | None = None, options: ReadOptions
) -> list[FileReport]:
    """Check files one by one, then against each other.

    Args:
        paths: corpus files; name train first, so that labels and sentences of the
            others are compared with it.
        format: of all files; None goes by each suffix.
        options: how to read them.

    Raises:
        ConfigError: an unknown format, or a raw text for one that has its own.
        CorpusError: no format has the suffix of a file.
    """
    reports = [_check_file(path, format, options) for path in paths]
    for number, report in enumerate(reports):
        _compare_texts(reports[:number], report)
        if number and reports[0].labels:
            _compare_labels(reports[0], report)
    for report in reports:
        report.findings.sort(
            key=lambda f: (f.path != report.path, f.path, f.line or 0, f.kind)
        )
    return reports


def _check_file(path: str, format: str | None, options: ReadOptions) -> FileReport:
    report = FileReport(path, format or "")
    try:
        report.format = _find_format(report, format)
        check_raw_text(options.raw_text, report.format)
        scan = FORMATS[report.format].scan
        lines = None
        if is_readable(path) and FORMATS[report.format].is_text:  # else once at most
            lines = _lines(report)
        if scan is None:
            check_conll(report, options, lines=lines)
        else:
            deque(lines or (), maxlen=0)
            _check_records(report, options, scan)
    except (CorpusError, StorageError) as error:
        report.add_error(error)
        return report
    if not report.documents:
        if not any(f.severity == "error" for f in report.findings):
            report.add(None, "error", "empty", "the file is empty: nothing to read")
    elif report.format != "text" and not report.labels:
        report.add(None, "warning", "no-entities", "the corpus holds no entity")
    if report.repeated:
        total = report.repeated.total()
        message = f"{counted(total, 'sentence')} in repetition of an earlier one"
        report.add(None, "note", "repeated", message)
    return report


def _find_format(report: FileReport, format: str | None) -> str:
    """The format of a file; what in it shows that format is noted."""
    found, reason = recognise(report.path, format)
    if reason is not None and not found.is_named(report.path):
        message = f"read as {found.name} because of {reason}; --from names another"
        report.add(None, "note", "format", message)
    return found.name


def _lines(report: FileReport) -> Iterator[tuple[int, str]]:
    """The lines of a file; at their end, what is odd about their ends is reported."""
    lines = returns = 0
    last = "\n"
    for number, last in read_lines(report.path, keep_ends=True, keep_bom=True):
        line = last.rstrip("\r\n")
        if number == 1 and line.startswith(BOM):
            report.add(1, "note", "bom", "byte order mark; skipped when reading")
            line = line.removeprefix(BOM)
        lines += 1
        returns += last.endswith("\r\n")
        yield number, line
    if returns:
        kind = "crlf" if returns == lines else "mixed-line-ends"
        report.add(None, "note", kind, f"{returns} of {lines} lines end in CR LF")
    if not last.endswith("\n"):
        report.add(lines, "note", "no-final-newline", "no newline after the last line")
    elif report.format == "conll" and last.strip():
        message = "no blank line after the last sentence; some readers lose it"
        report.add(lines, "note", "no-final-blank-line", message)


def _check_records(report: FileReport, options: ReadOptions, scan: Scan) -> None:
    census, tagged = TagCensus(), list[tuple[int | None, tuple[str, ...]]]()
    ids: dict[str, Location] = {}
    for line, document in _documents(report, options, scan):
        if document.tags is not None:
            tagged.append((line, document.tags))
            census.add(document.tags, [line or 0] * len(document.tags))
        if document.id in ids:
            message = f"id {document.id!r} as in {show_location(ids[document.id])}"
            report.add(line, "warning", "repeated-id", message)
        ids.setdefault(document.id, (report.reading, line))
        _check_document(report, line, document)
        report.see(document.text, [e.label for e in document.entities], line)
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


def _check_document(report: FileReport, line: int | None, document: Document) -> None:
    report.check_characters(line, document.text)
    for entity in document.entities:
        surface = document.surface(entity)
        if surface.strip() != surface:
            report.add(
                line,
                "warning",
                "white-space",
                f"{_name(entity)} begins or ends with white space",
            )
    for entity, count in Counter(document.entities).items():
        if count > 1:
            message = f"{_name(entity)} is listed {count} times"
            report.add(line, "warning", "repeated-entity", message)
    if document.words is not None:
        for entity in misaligned_entities(document.entities, document.words):
            message = f"{_name(entity)} does not begin and end with a word"
            report.add(line, "warning", "word-border", message)
    for left, right in crossing_pairs(document.entities):
        message = f"{_name(left)} and {_name(right)} cross"
        report.add(line, "warning", "crossing", message)
    nested = count_nested(document.entities)
    if nested:
        inside = counted(nested, "entity", "entities")
        message = f"{inside} inside others; needs --task span"
        report.add(line, "note", "nested", message)


def _name(entity: Entity) -> str:
    return f"entity {entity.start}-{entity.end} {entity.label}"


def _compare_texts(earlier: Sequence[FileReport], report: FileReport) -> None:
    """Report sentences that an earlier file holds too: scores on them mislead."""
    for other in earlier:
        shared = [
            (location, other.texts[key])
            for key, location in report.texts.items()
            if key in other.texts
        ]
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
        for (path, line), twin in shared:
            message = f"this sentence also stands in {show_location(twin)}"
            report.add(line, "warning", "shared-sentence", message, path=path)


def _compare_labels(first: FileReport, report: FileReport) -> None:
    for label, (path, line) in report.labels.items():
        if label not in first.labels:
            message = f"label {label} does not occur in {Path(first.path).name}"
            report.add(line, "warning", "new-label", message, path=path)
