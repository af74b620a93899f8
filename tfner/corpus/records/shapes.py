"""Reading of JSON records, each by its own shape, whatever the file is named.

A *shape* tells by its keys which records are its own, and makes documents of them. A
record that no shape knows has no entities; but where it holds what looks like
annotations, that is an error, and so is a file without any.
"""

from __future__ import annotations

import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TextIO

from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.records.stream import QUESTION_KEYS, Found, JsonStream
from tfner.corpus.records.tags import TAG_KEYS, RecordTags
from tfner.corpus.records.texts import text_and_words
from tfner.corpus.records.unread import (
    READ_FROM,
    may_annotate,
    may_be_empty,
    no_tags_problem,
    unread_problem,
    unusual_problem,
)
from tfner.document import Document
from tfner.errors import CorpusError, counted
from tfner.storage.lines import stem_of

logger = logging.getLogger(__name__)

Content = Document | str
"""A document, or what is wrong with a part of a record."""


@dataclass
class Reading:
    """The state of reading one file.

    Attributes:
        path: of the file.
        options: settings; `tags` says whether annotations are read.
        tags: reads the tags of records with tokens.
        number: of the record in its list, or of its line.
        counts: what is left out or chosen, for the log.
        annotated: a record has annotations, or says that it has none.
        bare: texts are read without their annotations.
        notes: what a shape remembers from one record to the next.
    """

    path: str
    options: ReadOptions
    tags: RecordTags
    number: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    annotated: bool = False
    bare: bool = False
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def needs_tags(self) -> bool:
        """Annotations are what is read, and not texts for prediction."""
        return self.options.tags == "needed"

    def id_of(self, record: Mapping[str, Any], key: str = "id") -> str:
        """The id of a record, or one made of its place."""
        value = record.get(key)
        return f"{stem_of(self.path)}:{self.number}" if value is None else str(value)


@dataclass(frozen=True)
class Shape:
    """One shape of records.

    Attributes:
        fits: tells by its keys and their first values that a record is of this shape.
        parse: makes the documents of a record; a message stands for what cannot be
            read of it. Raises ValueError where nothing can be.
        claims: tells that a record which fits no shape is meant to be of this one.
        is_keyed: it is the one that reads the keys the user names.
    """

    fits: Callable[[Any], bool]
    parse: Callable[[Any, Reading], Iterable[Content]]
    claims: Callable[[Any], bool] = lambda record: False
    is_keyed: bool = False


class RecordStream(Protocol):
    """Records and whether they are numbered by elements, not by lines."""

    is_list: bool

    def __iter__(self) -> Iterator[Found]:
        """Yield the records."""


def scan_records(
    path: str, options: ReadOptions, *, own: Shape
) -> Iterator[tuple[int, Document | str]]:
    """Yield, record by record, its documents or messages about what is wrong.

    Args:
        path: JSON lines, a JSON list or one object.
        options: settings of reading.
        own: the shape that is tried first.

    Raises:
        CorpusError: a list is no JSON any more, or holds queries and contexts.
    """
    yield from scan_stream(JsonStream(path), path, options, own=own)


def scan_stream(
    stream: RecordStream, path: str, options: ReadOptions, *, own: Shape
) -> Iterator[tuple[int, Document | str]]:
    """Yield the documents of records, wherever they come from; see `scan_records`.

    Args:
        stream: the records.
        path: of the corpus.
        options: settings of reading.
        own: the shape that is tried first.
    """
    records = _Ahead(stream)
    tags = RecordTags(path, options, records.upcoming)
    reading = Reading(path, options, tags, bare=options.tags == "none")
    shapes = [own, *(shape for shape in _shapes() if shape is not own)]
    sound = True
    for found in records:
        reading.number = found.number
        _refuse_questions(found, path)
        for content in _contents(found, reading, shapes):
            if isinstance(content, str):
                sound = False
                place = f"record {found.number}: " if stream.is_list else ""
                yield found.line, f"{place}{content}"
            else:
                yield found.line, content
    if sound and reading.number and not reading.annotated and reading.needs_tags:
        yield (
            1,
            "no record has annotations, not even an empty list of them. They are read "
            f"from {READ_FROM}. Rename their key, or name that of tags by --tags-key",
        )
    for what, count in reading.counts.items():
        logger.warning("%s: %s %s", path, counted(count, "record"), what)


class _Ahead:
    """Records, of which those to come can be looked at."""

    def __init__(self, records: Iterable[Found]) -> None:
        self._records, self._ahead = iter(records), deque[Found]()
        self._error: CorpusError | None = None

    def __iter__(self) -> Iterator[Found]:
        while self._ahead or self._fetch():
            yield self._ahead.popleft()
        if self._error is not None:
            raise self._error

    def _fetch(self) -> bool:
        try:
            self._ahead.append(next(self._records))
        except StopIteration:
            return False
        except CorpusError as error:
            self._error = error
            return False
        return True

    def upcoming(self, number: int) -> list[Any]:
        """The values of at most so many records that come next."""
        while len(self._ahead) < number and self._fetch():
            pass
        return [found.value for found in self._ahead]


def _shapes() -> list[Shape]:
    from tfner.corpus.formats import FORMATS  # whose modules need this one

    return [known.shape for known in FORMATS.values() if known.shape is not None]


def _refuse_questions(found: Found, path: str) -> None:
    if isinstance(found.value, dict) and found.value.keys() >= QUESTION_KEYS:
        raise CorpusError(
            "`context` and `query` make this a file of queries, not of texts "
            "with entities. Its format is mrc",
            path=path,
            line=found.line,
        )


def _contents(
    found: Found, reading: Reading, shapes: list[Shape]
) -> Iterator[Document | str]:
    """The documents of a record, and what is wrong with it."""
    if found.problem is not None:
        yield found.problem
        return
    record = found.value
    shape = _shape_of(record, reading.options, shapes)
    try:
        contents = _read(record, shape, reading)
        if found.has_escapes:
            for content in contents:
                _check_halves(content)
    except ValueError as error:
        yield str(error)
        return
    yield from contents


def _shape_of(record: Any, options: ReadOptions, shapes: list[Shape]) -> Shape | None:
    """The shape that reads a record; None where none knows it."""
    if (options.tokens_key or options.tags_key) and isinstance(record, dict):
        return next((shape for shape in shapes if shape.is_keyed), None)
    fitting = next((shape for shape in shapes if shape.fits(record)), None)
    return fitting or next((shape for shape in shapes if shape.claims(record)), None)


def _read(record: Any, shape: Shape | None, reading: Reading) -> list[Content]:
    """The documents of a record; without annotations where they need not be read."""
    try:
        contents = _parsed(record, shape, reading)
        sound = not any(isinstance(content, str) for content in contents)
        if sound or reading.options.tags != "optional":
            return contents
    except ValueError:
        if reading.options.tags != "optional":
            raise
    reading.bare = True
    try:
        return _parsed(record, shape, reading)
    finally:
        reading.bare = False


def _parsed(record: Any, shape: Shape | None, reading: Reading) -> list[Content]:
    if shape is None:
        contents: list[Content] = [_plain(record, reading)]
    else:
        contents = list(shape.parse(record, reading))
        reading.annotated = True
    if reading.bare or (shape is None and not reading.needs_tags):
        return [c if isinstance(c, str) else _without_annotations(c) for c in contents]
    for content in contents:
        if isinstance(content, Document) and not content.entities and shape is not None:
            _check_rest(content)
    return contents


def _without_annotations(document: Document) -> Document:
    """A document without what its record said of entities."""
    size = len(document.text)
    metadata = {
        key: value
        for key, value in document.metadata.items()
        if not may_annotate(key, value, size)
    }
    return replace(document, metadata=metadata)


def _check_rest(document: Document) -> None:
    """Refuse a record without entities that has annotations under another key.

    Raises:
        ValueError: names the key, and the one that is meant.
    """
    problem = unread_problem(document.metadata, len(document.text), has_text=True)
    if problem is not None:
        raise ValueError(problem)


def _plain(record: Any, reading: Reading) -> Document:
    """A record that no shape knows, as a document without entities.

    Raises:
        ValueError: it has no text, or may have annotations.
    """
    if not isinstance(record, dict):
        raise ValueError("a record must be an object: {…}")
    key = reading.tags.tokens_key(record)
    tokens = None if key is None else record[key]
    text, words = text_and_words(record, tokens, reading.tags.spacing)
    if reading.needs_tags:
        has_text = isinstance(record.get("text"), str)
        problem = unread_problem(record, len(text), has_text=has_text)
        if problem is None and tokens is not None:
            given = reading.options.tags_key
            keys = TAG_KEYS if given is None else (given,)
            problem = no_tags_problem(record, keys, len(tokens))
        problem = problem or unusual_problem(record)
        if problem is not None:
            raise ValueError(problem)
        reading.annotated = reading.annotated or may_be_empty(record)
    read = {"id", "text", "words", "tokens", key}
    metadata = {k: v for k, v in record.items() if k not in read}
    return Document(reading.id_of(record), text, (), words, None, metadata)


def _check_halves(content: Content) -> None:
    """Refuse half a character in anything that may be written again.

    Raises:
        ValueError: says that there is one.
    """
    if isinstance(content, str):
        return
    parts = [content.id, *(e.label for e in content.entities), *(content.tags or ())]
    try:
        json.dumps([parts, dict(content.metadata)], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError(
            "the record holds a lone surrogate, half a character; remove it"
        ) from None


def line_writer(
    to_record: Callable[[Document], dict[str, Any]],
) -> Callable[..., int]:
    """A function that writes documents as JSON lines.

    Args:
        to_record: makes the object of a line.
    """

    def write(
        documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
    ) -> int:
        """Write a record a line and return their number; entities need no scheme."""
        del scheme
        written = 0
        for document in documents:
            stream.write(json_line(to_record(document)))
            written += 1
        return written

    return write


def list_writer(
    to_record: Callable[[Document], dict[str, Any]],
) -> Callable[..., int]:
    """A function that writes documents as a JSON list, a record a line.

    Args:
        to_record: makes the object of an element.
    """

    def write(
        documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
    ) -> int:
        """Write the list and return its length; entities need no scheme."""
        del scheme
        written = 0
        for part in json_list(map(to_record, documents)):
            stream.write(part)
            written += 1
        return written - 1

    return write


def json_line(record: Mapping[str, Any]) -> str:
    """A record as a line."""
    return json.dumps(record, ensure_ascii=False) + "\n"


def json_list(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The text of a JSON list in parts: one a record, and its end."""
    separator = "[\n"
    for record in records:
        yield separator + json.dumps(record, ensure_ascii=False)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"
