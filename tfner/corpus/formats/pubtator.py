"""PubTator: a title, an abstract and the entities in them.

    12345|t|Mira syndrome in adults.
    12345|a|We report four cases.
    12345<TAB>0<TAB>13<TAB>Mira syndrome<TAB>Disease<TAB>D000001
    12345<TAB>CID<TAB>D000002<TAB>D000001                    a relation

The text is the title, one space and the abstract; offsets count its characters, ends
are exclusive, and the quoted text must be the one that stands there. Relations and
concept identifiers are left out and counted. A Document without a title is written as
one.

Source: https://biocreative.bioinformatics.udel.edu/tasks/biocreative-v/track-3-cdr/
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TextIO

from tfner.corpus.formats.format import Format, rendered
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.corpus.records.spans import excerpt, stands_at
from tfner.document import Document, Entity
from tfner.errors import CorpusError, counted, shorten
from tfner.storage.lines import read_lines

logger = logging.getLogger(__name__)

TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.S)
ANNOTATION = re.compile(r"([^\t]+)\t([0-9]{1,15})\t([0-9]{1,15})\t(.*)", re.S)
RELATION = re.compile(r"([^\t]+)\t[^\t]*[^\t0-9][^\t]*(?:\t[^\t]+){2,}+\t?")
UNSAFE = re.compile(r"[\s|\x00-\x1f]")
TITLE = "title"
"""The key of a document's metadata."""

Found = tuple[int, Document | str]


class _Document:
    """The lines of one document so far.

    Args:
        line: its first one.
        identifier: begins all its lines.
        title: without the space after it.
        left_out: counts what is left out.
    """

    def __init__(
        self, line: int, identifier: str, title: str, left_out: Counter[str]
    ) -> None:
        self.line, self.id, self.title = line, identifier, title
        self.text = title
        self.entities: list[Entity] = []
        self.is_sound, self._left_out = True, left_out

    def add(self, line: str) -> None:
        """Add a line of its abstract, of an entity or of a relation.

        Raises:
            ValueError: says what is wrong with it.
        """
        part, annotation = TEXT.fullmatch(line), ANNOTATION.fullmatch(line)
        match = annotation or part or RELATION.fullmatch(line)
        if match is None:
            raise ValueError(
                "expected ID<TAB>START<TAB>END<TAB>TEXT<TAB>LABEL, received "
                f"{shorten(line)}"
            )
        if match[1] != self.id:
            raise ValueError(
                f"a line of {shorten(match[1])} stands in document {shorten(self.id)}; "
                "put a blank line and a title between documents"
            )
        if annotation:
            self._add_entity(annotation)
        elif part:
            self._add_abstract(part[3])
        else:
            self._left_out["relations"] += 1

    def _add_abstract(self, abstract: str) -> None:
        if self.text != self.title:
            raise ValueError("a document has one abstract; this is a second one")
        self.text = f"{self.title} {abstract}" if abstract else self.title

    def _add_entity(self, match: re.Match[str]) -> None:
        start, end, rest = int(match[2]), int(match[3]), match[4]
        if not 0 <= start < end <= len(self.text):
            raise ValueError(
                f"entity {start}-{end} must satisfy 0 <= start < end <= "
                f"{len(self.text)}, the text's length"
            )
        quoted, size = rest[: end - start], end - start
        if rest[size : size + 1] != "\t" or not stands_at(
            quoted, self.text, start, end
        ):
            raise ValueError(
                f"entity {start}-{end} is {excerpt(self.text, start, end)} in the "
                f"text, not "
                f"{shorten(rest.partition(chr(9))[0])}; offsets count the characters "
                "of title, one space and abstract"
            )
        label, _, concept = rest[size + 1 :].partition("\t")
        if not label.strip():
            raise ValueError(f"entity {start}-{end} has no label")
        self._left_out["concept identifiers"] += bool(concept.strip())
        self.entities.append(Entity(start, end, label.strip()))

    def document(self) -> Document:
        """The document as it stands in the lines."""
        is_split = self.text != self.title
        metadata = {TITLE: self.title} if is_split else {}
        return Document(self.id, self.text, tuple(self.entities), metadata=metadata)


def scan_pubtator(path: str, options: ReadOptions) -> Iterator[Found]:
    """Yield messages about bad lines, and each sound document with its first line."""
    del options  # nothing to choose
    left_out: Counter[str] = Counter()
    current: _Document | None = None
    is_apart = True
    for number, line in read_lines(path):
        if not line.strip():
            is_apart = True
            continue
        head = TEXT.fullmatch(line)
        if head is not None and head[2] == "t":
            yield from _finished(current)
            current = _Document(number, head[1], head[3], left_out)
        elif current is None or (is_apart and not line.startswith(current.id)):
            yield number, f"expected ID|t|TITLE, received {shorten(line)}"
        else:
            try:
                current.add(line)
            except ValueError as error:
                current.is_sound = False
                yield number, str(error)
        is_apart = False
    yield from _finished(current)
    if counts := ", ".join(f"{n:,} {kind}" for kind, n in left_out.items() if n):
        logger.warning("%s: left out: %s", path, counts)


def _finished(current: _Document | None) -> Iterator[Found]:
    if current is not None and current.is_sound:
        yield current.line, current.document()


def write_pubtator(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write documents, with the titles that they were read with.

    Args:
        documents: may be an iterator; white space and bars in ids become `_`.
        stream: gets the lines.
        scheme: not used; entities need none.

    Returns:
        Number of documents written.

    Raises:
        CorpusError: a line break in a text, or a tab in a label; all are named.
    """
    del scheme
    written = renamed = 0
    for document, content in rendered(documents, _content):
        stream.write(content)
        written += 1
        renamed += _identifier(document) != document.id
    if renamed:
        ids = counted(renamed, "id")
        logger.warning("%s with white space or bars, which became _", ids)
    return written


def _content(document: Document) -> str:
    if problem := _problem(document):
        raise CorpusError(f"document {document.id!r}: {problem}; write jsonl")
    identifier, (title, abstract) = _identifier(document), _parts(document)
    lines = [f"{identifier}|t|{title}", f"{identifier}|a|{abstract}"]
    for entity in document.entities:
        fields = (entity.start, entity.end, document.surface(entity), entity.label)
        lines.append("\t".join([identifier, *map(str, fields)]))
    return "\n".join([*lines, "", ""])


def _identifier(document: Document) -> str:
    return UNSAFE.sub("_", document.id) or "_"


def _problem(document: Document) -> str | None:
    if re.search(r"[\r\n]", document.text):
        return "a line break in the text, which pubtator cannot hold"
    for entity in document.entities:
        if re.search(r"[\t\r\n]", entity.label) or entity.label.strip() != entity.label:
            return f"white space in the label {shorten(entity.label)}"
    return None


def _parts(document: Document) -> tuple[str, str]:
    """Title and abstract; all is title if the document does not tell them apart."""
    title = document.metadata.get(TITLE)
    if isinstance(title, str) and document.text.startswith(f"{title} "):
        return title, document.text[len(title) + 1 :]
    return document.text, ""


def _recognise(sample: Sample) -> str | None:
    head = TEXT.fullmatch(sample.filled[0]) if sample.filled else None
    return "its ID|t|TITLE line" if head is not None and head[2] == "t" else None


FORMAT = Format(
    name="pubtator",
    about="PubTator: title, abstract and entities",
    scan=scan_pubtator,
    write=write_pubtator,
    recognise=_recognise,
    suffixes=(".pubtator",),
)
