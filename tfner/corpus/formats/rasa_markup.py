r"""Rasa's marks for entities within a sentence, read and written.

    [text](label)    [text](label:value)    [text]{"entity": "label", "role": …}

A backslash before `[`, `]`, `\` or `<!--` makes it plain text; before anything else it
is itself plain. Brackets that no `(` or `{` follows need none: `see [1]`. Where
brackets could be a mark gone wrong, they are refused instead of guessed at.

Source: RasaHQ/rasa rasa/shared/nlu/training_data/entities_parser.py (the marks). Rasa
knows no backslash, and would take `[1\](x)` for an entity.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from tfner.corpus.formats.rasa_attributes import attributes_by_entity
from tfner.corpus.records.stream import DECODE, beyond_measure, is_cut
from tfner.document import Document, Entity
from tfner.errors import SHOWN_PROBLEMS, CorpusError, shorten

SPECIAL = re.compile(r"\\([\[\]\\]|<(?=!--))|([\[\]])")
TO_ESCAPE = re.compile(r"[\[\]\\]|<(?=!--)")
ROUND = re.compile(r"\(([^()\[\]]*)\)")
PLAIN_LABEL = re.compile(r"[^:()\[\]<\r\n]+")
PLAIN_VALUE = re.compile(r"[^()\[\]<\r\n]+")
SHOWN = 100
"""Characters of a mark gone wrong of which a message shows the first."""
REMEDY = r"write \[ and \] for brackets that are text"

Attributes = dict[str, Any]


class Markup(NamedTuple):
    """A sentence without its marks, and the entities that were marked."""

    text: str
    entities: list[tuple[Entity, Attributes]]


def parse_markup(line: str, *, column: int = 1) -> Markup:
    """Read the marks of one sentence.

    Args:
        line: the sentence with marks.
        column: at which it begins in the file's line, from 1.

    Raises:
        ValueError: brackets that do not match or nest, an empty text or label, bad
            JSON; all of them, each with its column.

    Example:
        >>> parse_markup("in [Oslo](city)").text
        'in Oslo'
    """
    parser = _Parser(line)
    parser.run()
    if parser.problems:
        shown = parser.problems[:SHOWN_PROBLEMS]
        problems = [f"column {column + at}: {what}" for at, what in shown]
        if len(parser.problems) > len(shown):
            problems.append(f"and {len(parser.problems) - len(shown)} more")
        raise ValueError("; ".join(problems))
    return Markup("".join(parser.pieces), parser.entities)


@dataclass
class _Open:
    """A `[` not closed yet: its index in the line, in the pieces and in the text."""

    at: int
    piece: int
    start: int
    holds_brackets: bool = False


class _MarkError(ValueError):
    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class _Parser:
    def __init__(self, line: str) -> None:
        self.line = line
        self.pieces: list[str] = []
        self.length = 0
        self.open: list[_Open] = []
        self.entities: list[tuple[Entity, Attributes]] = []
        self.problems: list[tuple[int, str]] = []

    def run(self) -> None:
        """Read the whole line."""
        at = 0
        while special := SPECIAL.search(self.line, at):
            self._add(self.line[at : special.start()])
            escaped, bracket = special.groups()
            at = special.end()
            if bracket == "]":
                at = self._close(at)
                continue
            if bracket == "[":
                if self.open:
                    self.open[-1].holds_brackets = True
                opening = _Open(special.start(), len(self.pieces), self.length)
                self.open.append(opening)
            self._add(escaped or bracket)
        self._add(self.line[at:])
        last = max(self.line.rfind("("), self.line.rfind("{"))
        if self.open and self.open[0].at < last:
            self._note(self.open[0].at, f"this [ is not closed; {REMEDY}")
        self.problems.sort()

    def _add(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)

    def _note(self, at: int, message: str) -> None:
        self.problems.append((at, message))

    def _close(self, at: int) -> int:
        """Take in a `]` that ends before `at`; return the index to read on from."""
        opened = self.open.pop() if self.open else None
        if not self.line.startswith(("(", "{", "[{"), at):
            self._add("]")
            return at
        try:
            label, attributes, end = _read_tail(self.line, at)
        except _MarkError as error:
            self._note(error.at, str(error))
            return at
        if opened is None:
            self._note(at - 1, f"no [ opens this mark; {REMEDY}")
        elif opened.holds_brackets:
            self._note(
                opened.at,
                f"brackets within a mark: entities cannot nest here; {REMEDY}",
            )
        elif opened.start + 1 == self.length:
            mark = shorten(self.line[opened.at : end])
            self._note(opened.at, f"an entity without text: {mark}")
        else:
            self.pieces[opened.piece] = ""
            self.length -= 1
            entity = Entity(opened.start, self.length, label)
            self.entities.append((entity, attributes))
        return end


def _read_tail(line: str, at: int) -> tuple[str, Attributes, int]:
    """Read the label and attributes after the `]` of a mark, and where they end."""
    if line[at] == "{":
        return _read_braces(line, at)
    if line[at] == "[":
        raise _MarkError(at, "several entities of one text are not read; keep one")
    parentheses = ROUND.match(line, at)
    if parentheses is None:
        raise _MarkError(
            at,
            "this ( is not closed, or holds brackets: "
            f"{shorten(line[at : at + SHOWN])}; {REMEDY}, "
            'or name the label as {"entity": …}',
        )
    label, colon, value = parentheses[1].partition(":")
    if not label.strip():
        raise _MarkError(at, f"an empty label: {shorten(parentheses[0])}")
    if colon and not value:
        raise _MarkError(at, f"an empty value: {shorten(parentheses[0])}")
    return label, {"value": value} if colon else {}, parentheses.end()


def _read_braces(line: str, at: int) -> tuple[str, Attributes, int]:
    try:
        attributes, end = _decode(line, at)
    except json.JSONDecodeError as error:
        raise _MarkError(
            at + error.pos,
            f"not JSON: {error.msg} in {shorten(line[at : at + SHOWN])}; {REMEDY}",
        ) from None
    except (ValueError, RecursionError) as error:
        raise _MarkError(at, beyond_measure(error)) from None
    if "\\u" in line[at:end]:
        _check_halves(attributes, at)
    label = attributes.pop("entity", None)
    if not isinstance(label, str) or not label:
        raise _MarkError(
            at, f'a mark in braces needs "entity", a label: {shorten(line[at:end])}'
        )
    return label, attributes, end


def _check_halves(attributes: Attributes, at: int) -> None:
    try:
        json.dumps(attributes, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _MarkError(
            at, "a lone surrogate, half a character, in this mark; remove it"
        ) from None


def _decode(line: str, at: int) -> tuple[Any, int]:
    """The JSON object at a place, and where it ends.

    It is looked for in as little of the line as holds it: an error counts the lines of
    all text before it, and there may be one at every mark.
    """
    size = 1 << 8
    while True:
        part = line[at : at + size]
        try:
            value, end = DECODE(part, 0)
        except json.JSONDecodeError as error:
            if at + size >= len(line) or not is_cut(part, error):
                raise
        else:
            return value, at + end
        size *= 2


def format_markup(document: Document) -> str:
    """A document's text with its entities marked.

    Raises:
        CorpusError: entities nest or overlap, or the text holds a line break.
    """
    name = f"document {document.id!r}"
    if "\n" in document.text or "\r" in document.text:
        raise CorpusError(
            f"{name} holds a line break; Rasa's formats hold one sentence a line. "
            "Write jsonl"
        )
    for outer, entity in pairwise(document.entities):
        if entity.start < outer.end:
            raise CorpusError(
                f"{name}: entity {entity.start}-{entity.end} {entity.label} lies "
                f"within or across {outer.start}-{outer.end} {outer.label}; Rasa's "
                "formats hold neither. Write jsonl"
            )
    attributes = attributes_by_entity(document)
    parts, done = [], 0
    for entity in document.entities:
        parts.append(_escape(document.text[done : entity.start]))
        parts.append(f"[{_escape(document.surface(entity))}]")
        parts.append(_tail(entity.label, attributes.get(entity, {})))
        done = entity.end
    return "".join([*parts, _escape(document.text[done:])])


def _escape(text: str) -> str:
    return TO_ESCAPE.sub(r"\\\g<0>", text)


def _tail(label: str, attributes: Attributes) -> str:
    """The label in the shortest form that is read back as it is."""
    if PLAIN_LABEL.fullmatch(label) and label.strip():
        if not attributes:
            return f"({label})"
        match list(attributes.items()):
            case [("value", str(value))] if PLAIN_VALUE.fullmatch(value):
                return f"({label}:{value})"
    record = {"entity": label} | attributes | {"entity": label}
    # JSON escapes line breaks itself; a comment may not begin in it either.
    return json.dumps(record, ensure_ascii=False).replace("<!--", "\\u003c!--")
