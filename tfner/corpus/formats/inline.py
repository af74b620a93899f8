"""Inline tags: a text a line, with the entities in tags, which may nest.

    <PER>Ada</PER> met <ORG><LOC>London</LOC> Zoo</ORG> &amp; friends.
    <ENAMEX TYPE="PERSON">Ada</ENAMEX> left.            the label is the TYPE
    <START:person> Ada <END> left .                     as OpenNLP has it

`&amp;`, `&lt;`, `&gt;`, `&quot;`, `&apos;` and numbers such as `&#13;` are the
characters that they name; any other `&` or `<` stands for itself. In OpenNLP's lines
nothing is replaced, and the blanks inside its tags are no part of the text.

Source: https://opennlp.apache.org/docs/ (Name Finder Training); MUC-7 Named Entity Task
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TextIO

from tfner.corpus.formats.format import Format, rendered
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.document import Document, Entity
from tfner.errors import CorpusError, shorten
from tfner.nesting import split_crossing
from tfner.storage.lines import read_lines, stem_of

NAME = r"[^\W\d][\w.:-]{0,80}"
ATTRIBUTE = (
    r"""\s+([\w:-]{1,40})\s{0,9}=\s{0,9}(?:"([^"<>]{0,200})"|'([^'<>]{0,200})')"""
)
ATTRIBUTES = re.compile(ATTRIBUTE)
MARK = re.compile(
    rf"<(?P<close>/?)(?P<name>{NAME})"
    rf"(?P<attributes>(?:{re.sub(r'[(](?![?])', '(?:', ATTRIBUTE)}){{0,8}})\s*"
    r"(?P<empty>/?)>"
    r"|&(?P<entity>amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});"
)
OPENNLP = re.compile(r"<START(?::(?P<label>[^\s<>]{1,80}))?>[ ]?|(?P<end>[ ]?<END>)")
ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\ufeff": "&#65279;"}
LABEL_KEY, DEFAULT_LABEL = "type", "default"
MARKUP = re.compile(
    "a|b|body|br|center|code|div|em|font|h[1-6]|head|html|i|img|li|ol|p|pre|s|small|"
    "span|strong|sub|sup|table|td|th|title|tr|tt|u|ul"
)
"""Names of tags of pages, by which no corpus is recognised."""
RECOGNISED_LINES = 200
SOUND, TAGGED = 0.9, 0.05
"""Shares of lines without an error, and with an entity, in what is recognised."""


def scan_inline(
    path: str, options: ReadOptions
) -> Iterator[tuple[int, Document | str]]:
    """Yield, line by line, the document or a message about what is wrong with it."""
    stem = stem_of(path)
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            text, entities = parse_line(line, options)
        except ValueError as error:
            yield number, str(error)
        else:
            yield number, Document(f"{stem}:{number}", text, tuple(entities))


def parse_line(line: str, options: ReadOptions) -> tuple[str, list[Entity]]:
    """The text of a line without its tags, and the entities.

    Args:
        line: without its line end.
        options: `tags_key`, the attribute with the label, and `label` are used.

    Raises:
        ValueError: tags that are not closed, not opened, or empty.
    """
    builder = _Builder(line, options)
    if OPENNLP.search(line):
        for match in OPENNLP.finditer(line):
            builder.copy_until(match)
            if match["end"] is None:
                label = match["label"] or options.label or DEFAULT_LABEL
                builder.open(label)
            else:
                builder.close(match[0])
    else:
        for match in MARK.finditer(line):
            builder.copy_until(match)
            builder.take(match)
    return builder.finish()


class _Builder:
    """The text and the entities of one line so far."""

    def __init__(self, line: str, options: ReadOptions) -> None:
        self._line, self._key = line, options.tags_key or LABEL_KEY
        self._parts: list[str] = []
        self._length = self._at = 0
        self._open: list[tuple[str, str, int]] = []
        self._entities: list[Entity] = []

    def copy_until(self, match: re.Match[str]) -> None:
        """Add the text between the mark before and this one."""
        self._add(self._line[self._at : match.start()])
        self._at = match.end()

    def _add(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def take(self, match: re.Match[str]) -> None:
        """Add what a mark stands for, or open or close an entity.

        Raises:
            ValueError: see `parse_line`.
        """
        if match["entity"] is not None:
            self._add(_character(match))
        elif match["empty"]:
            raise ValueError(f"the tag {shorten(match[0])} holds no text; remove it")
        elif match["close"]:
            self.close(match[0], match["name"])
        else:
            given = {
                key.lower(): single or double
                for key, single, double in ATTRIBUTES.findall(match["attributes"])
            }
            label = given.get(self._key.lower()) or match["name"]
            self.open(label, match["name"])

    def open(self, label: str, name: str = "") -> None:
        """Begin an entity; `name` must be that of the tag that closes it."""
        self._open.append((name, label, self._length))

    def close(self, tag: str, name: str = "") -> None:
        """End the entity that was opened last.

        Raises:
            ValueError: it has another name, or there is none, or it has no text.
        """
        tag = tag.strip()
        if not self._open:
            raise ValueError(f"{tag} closes a tag that is not open")
        opened, label, start = self._open.pop()
        if opened != name:
            raise ValueError(
                f"{tag} stands where <{opened}> is open; close tags in the reverse "
                "order"
            )
        if start == self._length:
            raise ValueError(f"the tag closed by {tag} holds no text; remove it")
        self._entities.append(Entity(start, self._length, label))

    def finish(self) -> tuple[str, list[Entity]]:
        """The whole text, and the entities.

        Raises:
            ValueError: a tag is still open.
        """
        if self._open:
            name = self._open[-1][0] or f"START:{self._open[-1][1]}"
            raise ValueError(
                f"<{name}> is not closed in this line; write &lt; for a < that begins "
                "no tag"
            )
        self._add(self._line[self._at :])
        return "".join(self._parts), self._entities


def _character(match: re.Match[str]) -> str:
    """The character that an entity names, or its text if there is none."""
    entity = match["entity"]
    if entity in ENTITIES:
        return ENTITIES[entity]
    digits = entity[1:]
    code = int(digits[1:], 16) if digits[0] == "x" else int(digits)
    is_one = 0 < code < 0xD800 or 0xDFFF < code < 0x110000
    return chr(code) if is_one else match[0]


def write_inline(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write texts, one a line, with a tag for each entity.

    Args:
        documents: may be an iterator.
        stream: gets the lines.
        scheme: not used; entities need none.

    Returns:
        Number of documents written.

    Raises:
        CorpusError: what the lines cannot hold, in all documents.
    """
    del scheme
    written = 0
    for _, line in rendered(documents, _line):
        stream.write(line)
        written += 1
    return written


def _line(document: Document) -> str:
    if problem := _problem(document):
        raise CorpusError(f"document {document.id!r}: {problem}; write jsonl")
    return f"{_tagged(document)}\n"


def _problem(document: Document) -> str | None:
    if "\n" in document.text or not document.text.strip():
        return "its text must be one line that is not blank"
    for entity in document.entities:
        if not re.fullmatch(NAME, entity.label) or entity.label in ("START", "END"):
            return f"the label {shorten(entity.label)} cannot be the name of a tag"
    _, crossing = split_crossing(document.entities)
    for left, right in crossing:
        return f"{left.start}-{left.end} and {right.start}-{right.end} cross"
    return None


def _tagged(document: Document) -> str:
    text, parts, at = document.text, list[str](), 0
    open_tags: list[Entity] = []
    marks = [(e.start, e) for e in document.entities]  # in order, outer ones first
    for start, entity in [*marks, (len(text), None)]:
        while open_tags and open_tags[-1].end <= start:
            inner = open_tags.pop()
            parts += [_escaped(text[at : inner.end]), f"</{inner.label}>"]
            at = inner.end
        if entity is not None:
            parts += [_escaped(text[at:start]), f"<{entity.label}>"]
            open_tags.append(entity)
            at = start
    return "".join([*parts, _escaped(text[at:])])


def _escaped(text: str) -> str:
    return re.sub("[&<>\r\ufeff]", lambda match: ESCAPED[match[0]], text)


def _recognise(sample: Sample) -> str | None:
    """Most lines have sound tags, some of them entities, and it is no JSON or XML."""
    lines = sample.filled[:RECOGNISED_LINES]
    if not lines or sample.record or re.match("<[?!]", lines[0]):
        return None
    options, found, sound = ReadOptions(), 0, 0
    for number, line in enumerate(lines):
        try:
            _, entities = parse_line(line, options)
        except ValueError:
            if number == 0:
                return None
            continue
        sound += 1
        found += any(not MARKUP.fullmatch(e.label.lower()) for e in entities)
    if sound < SOUND * len(lines) or found < max(1, TAGGED * len(lines)):
        return None
    is_opennlp = any(OPENNLP.search(line) for line in lines)
    return f"its {'<START> and <END>' if is_opennlp else 'inline tags'}"


FORMAT = Format(
    name="inline",
    about="a text a line, entities in tags: <PER>Ada</PER>",
    scan=scan_inline,
    write=write_inline,
    recognise=_recognise,
    suffixes=(".inline",),
)
