"""Checks of one document of any format but columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tfner.corpus.checks.borders import chunks_of, cut_words, edge_marks
from tfner.corpus.checks.findings import FileReport, name_character
from tfner.corpus.tagging import misaligned_entities
from tfner.corpus.tidying import tidy_words
from tfner.document import Document, Entity
from tfner.errors import counted
from tfner.marks import MARK, trimmed
from tfner.nesting import count_nested, split_crossing

REMEDY = (
    "`tfner train --misaligned` says whether to split the word, expand or drop the "
    "entity"
)


def check_document(report: FileReport, line: int | None, document: Document) -> None:
    """Report what is wrong or odd in a document as the file has it.

    Args:
        report: gets the findings.
        line: 1-based line of the document, if it has one.
        document: as the scan gives it, nothing of it tidied.
    """
    _check_marks(report, line, document)
    for entity, count in Counter(document.entities).items():
        _check_edges(report, line, document, entity)
        if count > 1:
            message = f"{_name(entity)} is listed {count} times; read once"
            report.add(line, "warning", "repeated-entity", message)
    entities = tuple(dict.fromkeys(_trimmed(document)))
    _check_borders(report, line, document, entities)
    _, crossing = split_crossing(entities)
    for left, right in crossing:
        message = (
            f"{_name(left)} and {_name(right)} cross; needs `tfner train --task span`"
        )
        report.add(line, "warning", "crossing", message)
    nested = count_nested(entities)
    report.nested += nested + len(crossing)
    if nested:
        inside = counted(nested, "entity", "entities")
        message = f"{inside} inside others; needs `tfner train --task span`"
        report.add(line, "note", "nested", message)
    labels = {entity.label for entity in entities}
    report.see(document.text, sorted(labels), line)


def _trimmed(document: Document) -> list[Entity]:
    """The entities as they are read, sorted."""
    found = []
    for entity in document.entities:
        start, end = trimmed(document.text, entity.start, entity.end)
        if (start, end) == (entity.start, entity.end):
            found.append(entity)
        elif start < end:
            found.append(replace(entity, start=start, end=end))
    if len(found) == 1 or found == list(document.entities):  # sorted as they are
        return found
    return sorted(found, key=lambda e: (e.start, -e.end, e.label))


def _check_marks(report: FileReport, line: int | None, document: Document) -> None:
    marks: Counter[str] = Counter()
    if MARK.search(document.text) is not None:
        places = [(entity.start, entity.end) for entity in document.entities]
        marks = edge_marks(document.text, [*chunks_of(document), *places])
    report.check_characters(line, document.text, known=marks)
    for mark, count in sorted(marks.items()):
        times = "" if count == 1 else f" {count} times"
        report.add(
            line,
            "note",
            "invisible-mark",
            f"{name_character(mark)}{times} at the edge of a word or entity; no part "
            "of it when reading",
        )


def _check_edges(
    report: FileReport, line: int | None, document: Document, entity: Entity
) -> None:
    text = document.text
    if not (text[entity.start].isspace() or text[entity.end - 1].isspace()):
        return
    start, end = trimmed(text, entity.start, entity.end)
    reading = f"read as {start}-{end}" if start < end else "there is nothing else in it"
    message = f"{_name(entity)} begins or ends with white space; {reading}"
    report.add(line, "warning", "white-space", message)


def _check_borders(
    report: FileReport,
    line: int | None,
    document: Document,
    entities: Sequence[Entity],
) -> None:
    if document.words is None:
        for entity in entities:
            for what in cut_words(document, entity):
                message = f"{_name(entity)} {what}; {REMEDY}"
                report.add(line, "warning", "word-border", message)
    elif entities:
        words = tidy_words(document.text, document.words)
        for entity in misaligned_entities(entities, words):
            message = f"{_name(entity)} does not begin and end with a word; {REMEDY}"
            report.add(line, "warning", "word-border", message)


def _name(entity: Entity) -> str:
    return f"entity {entity.start}-{entity.end} {entity.label}"
