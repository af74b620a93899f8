"""Everything that is wrong or odd in corpus files, with line numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tfner.corpus.conll import (
    Sentence,
    column_indices,
    read_sentences,
    settle_scheme,
    survey_conll,
    tag_of,
)
from tfner.corpus.detection import TagCensus
from tfner.corpus.files import BOM, read_lines
from tfner.corpus.findings import Finding
from tfner.corpus.formats import SCANS, find_format
from tfner.corpus.joining import text_key
from tfner.corpus.options import ReadOptions
from tfner.corpus.stats import count_nested
from tfner.corpus.tagging import off_borders
from tfner.document import Document, Entity
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

UNUSUAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]")


@dataclass
class FileReport:
    """What was found in one file; `texts` maps a text's hash to its first line."""

    path: str
    format: str
    scheme: str | None = None
    documents: int = 0
    findings: list[Finding] = field(default_factory=list)
    texts: dict[int, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    repeated: Counter[int] = field(default_factory=Counter)

    def add(self, line: int | None, severity: str, kind: str, message: str) -> None:
        """Note one finding."""
        self.findings.append(Finding(self.path, line, severity, kind, message))

    def add_error(self, error: CorpusError) -> None:
        """Note what stops the file from being read."""
        place = f"{error.path}:" + (f"{error.line}:" if error.line else "")
        message = str(error).removeprefix(f"{place} ")
        self.add(error.line, "error", "unreadable", message)

    def see(self, text: str, labels: Iterable[str], line: int) -> None:
        """Count one document and remember its text and labels."""
        self.documents += 1
        key = hash(text_key(text))
        if key in self.texts:
            self.repeated[key] += 1
        self.texts.setdefault(key, line)
        for label in labels:
            self.labels.setdefault(label, line)


def check_corpora(
    paths: Sequence[str], *, format: str | None = None, options: ReadOptions
) -> list[FileReport]:
    """Check files one by one, then against each other.

    Args:
        paths: corpus files; name train first, so that labels and sentences of the
            others are compared with it.
        format: of all files; None goes by each suffix.
        options: how to read them.
    """
    reports = [_check_file(path, format, options) for path in paths]
    for number, report in enumerate(reports):
        _compare_texts(reports[:number], report)
        if number and reports[0].labels:
            _compare_labels(reports[0], report)
    for report in reports:
        report.findings.sort(key=lambda finding: (finding.line or 0, finding.kind))
    return reports


def _check_file(path: str, format: str | None, options: ReadOptions) -> FileReport:
    report = FileReport(path, find_format(path, format))
    try:
        _check_line_ends(report)
        if report.format == "conll":
            _check_conll(report, options)
        else:
            _check_records(report, options)
    except CorpusError as error:
        report.add_error(error)
        return report
    if not report.documents:
        if not any(f.severity == "error" for f in report.findings):
            report.add(None, "error", "empty", "the file is empty: nothing to read")
    elif report.format != "text" and not report.labels:
        report.add(None, "warning", "no-entities", "the corpus holds no entity")
    if report.repeated:
        total = report.repeated.total()
        report.add(None, "note", "repeated", f"{total} sentences repeat an earlier one")
    return report


def _check_line_ends(report: FileReport) -> None:
    lines = returns = 0
    last = "\n"
    for _, last in read_lines(report.path, keep_ends=True, announce=False):
        lines += 1
        returns += last.endswith("\r\n")
    if lines and not report.path.endswith(".gz"):
        with open(report.path, "rb") as stream:
            if stream.read(len(BOM)) == BOM:
                report.add(1, "note", "bom", "byte order mark; skipped when reading")
    if returns:
        kind = "crlf" if returns == lines else "mixed-line-ends"
        report.add(None, "note", kind, f"{returns} of {lines} lines end in CR LF")
    if not last.endswith("\n"):
        report.add(lines, "note", "no-final-newline", "no newline after the last line")


def _check_characters(report: FileReport, line: int, text: str) -> None:
    found = sorted({f"U+{ord(c):04X}" for c in UNUSUAL.findall(text)})
    if found:
        what = "the whole token is" if len(text) == 1 else "holds"
        report.add(line, "note", "unusual-character", f"{what} {', '.join(found)}")


def _check_conll(report: FileReport, options: ReadOptions) -> None:
    by_width, width = survey_conll(report.path, options)
    word, tag = column_indices(report.path, options, width)
    scheme = None
    if tag is not None:
        scheme = _scheme_for(report, options, by_width[width].census)
    lines = read_lines(report.path, announce=False)
    for sentence in read_sentences(lines, comments=options.comments):
        fitting = _check_rows(report, sentence, width, word, tag)
        labels: set[str] = set()
        if scheme is not None and tag is not None:
            tags = [tag_of(row, tag) for row in fitting.rows]
            labels = {split_tag(t)[1] for t in tags if is_tag(t)} - {""}
            if all(map(is_tag, tags)):
                _check_transitions(report, tags, fitting.lines, scheme)
        if fitting.rows:
            text = "".join(row[word] for row in fitting.rows)
            report.see(text, labels, sentence.lines[0])


def _scheme_for(report: FileReport, options: ReadOptions, census: TagCensus) -> Scheme:
    try:
        scheme = settle_scheme(report.path, options.scheme, census)
    except CorpusError as error:
        report.add_error(error)
        scheme = find_scheme(options.scheme or "IOB2")
    report.scheme = scheme.name
    return scheme


def _check_rows(
    report: FileReport, sentence: Sentence, width: int, word: int, tag: int | None
) -> Sentence:
    """Findings in single rows; returns the sentence without rows of another width."""
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
    _check_characters(report, line, word)


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


def _check_transitions(
    report: FileReport, tags: Sequence[str], lines: Sequence[int], scheme: Scheme
) -> None:
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


def _check_records(report: FileReport, options: ReadOptions) -> None:
    census, tagged = TagCensus(), False
    ids: dict[str, int] = {}
    for line, document in _documents(report, options):
        if document.tags is not None:
            tagged = True
            census.add(document.tags, [line] * len(document.tags))
        if document.id in ids:
            first = ids[document.id]
            report.add(
                line, "warning", "repeated-id", f"id {document.id!r} as in line {first}"
            )
        ids.setdefault(document.id, line)
        _check_document(report, line, document)
        report.see(document.text, [e.label for e in document.entities], line)
    if tagged:
        scheme = _scheme_for(report, options, census)
        known = FileReport(report.path, report.format)  # the same findings again
        for line, document in _documents(known, options):
            tags = document.tags or ()
            _check_transitions(report, tags, [line] * len(tags), scheme)


def _documents(
    report: FileReport, options: ReadOptions
) -> Iterator[tuple[int, Document]]:
    # A given scheme is judged over the whole file, not line by line.
    options = replace(options, scheme=None)
    for line, content in SCANS[report.format](report.path, options):
        if isinstance(content, str):
            report.add(line, "error", "bad-record", content)
        else:
            yield line, content


def _check_document(report: FileReport, line: int, document: Document) -> None:
    _check_characters(report, line, document.text)
    for entity in document.entities:
        surface = document.surface(entity)
        if surface.strip() != surface:
            report.add(
                line,
                "warning",
                "white-space",
                f"{_place(entity)} begins or ends with white space",
            )
    for entity, count in Counter(document.entities).items():
        if count > 1:
            message = f"{_place(entity)} stands there {count} times"
            report.add(line, "warning", "repeated-entity", message)
    if document.words is not None:
        for entity in off_borders(document.entities, document.words):
            message = f"{_place(entity)} does not begin and end with a word"
            report.add(line, "warning", "word-border", message)
    for left, right in _crossing(document.entities):
        message = f"{_place(left)} and {_place(right)} cross"
        report.add(line, "warning", "crossing", message)
    nested = count_nested(document.entities)
    if nested:
        message = f"{nested} entities inside others; needs --task span"
        report.add(line, "note", "nested", message)


def _place(entity: Entity) -> str:
    return f"entity {entity.start}-{entity.end} {entity.label}"


def _crossing(entities: Sequence[Entity]) -> Iterator[tuple[Entity, Entity]]:
    for number, left in enumerate(entities):
        for right in entities[number + 1 :]:
            if right.start >= left.end:
                break
            if left.start < right.start and left.end < right.end:
                yield left, right


def _compare_texts(earlier: Sequence[FileReport], report: FileReport) -> None:
    """Sentences that an earlier file holds too: a score on them says nothing."""
    for other in earlier:
        shared = [
            (line, key) for key, line in report.texts.items() if key in other.texts
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
        for line, key in shared:
            place = f"{other.path}:{other.texts[key]}"
            message = f"this sentence also stands in {place}"
            report.add(line, "warning", "shared-sentence", message)


def _compare_labels(first: FileReport, report: FileReport) -> None:
    for label, line in report.labels.items():
        if label not in first.labels:
            message = f"label {label} does not occur in {Path(first.path).name}"
            report.add(line, "warning", "new-label", message)
