"""JSON records in tfner's own shape, or with tokens and tags.

    {"id": …, "text": …, "words": [[start, end], …], "entities":
        [{"start": …, "end": …, "label": …}], …}      `id` and `words` are optional
    {"tokens": [word, …], "ner_tags": [tag or integer, …], …}

Offsets count characters, ends are exclusive. An entity may also be [start, end, label].
Other keys become metadata. The second shape is what Hugging Face data sets export,
under one of several keys; it is read, and written back as the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.sample import Sample
from tfner.corpus.records.shapes import Reading, Shape, line_writer, scan_records
from tfner.corpus.records.spans import is_triple, parse_entity, parse_triple
from tfner.corpus.records.tags import TAG_KEYS, TOKEN_KEYS, is_words
from tfner.corpus.records.texts import text_and_words
from tfner.corpus.records.unread import no_tags_problem
from tfner.corpus.tagging import entities_of
from tfner.document import Document, Entity

OWN_KEYS = {"id", "text", "words", "entities", "tokens", "tags", "ner_tags"}


def fits(record: Any) -> bool:
    """True for a record with entities of this shape, or with tokens and tags."""
    return isinstance(record, dict) and (_has_entities(record) or _has_tags(record))


def _has_entities(record: Mapping[str, Any]) -> bool:
    values = record.get("entities")
    if not isinstance(values, list):
        return False
    first = values[0] if values else {"start": 0, "label": ""}
    return is_triple(first) or (
        isinstance(first, dict) and first.keys() >= {"start", "label"}
    )


def _has_tags(record: Mapping[str, Any]) -> bool:
    """True for lists of words and tags under usual keys."""
    tokens = next((key for key in TOKEN_KEYS if is_words(record.get(key))), None)
    if tokens is None:
        return False
    return any(
        isinstance(values := record.get(key), list)
        and (not values or isinstance(values[0], str | int))
        for key in TAG_KEYS
        if key != tokens
    )


def claims(record: Any) -> bool:
    """True for a record with `entities` of another kind, or `tokens` and `tags`."""
    if not isinstance(record, dict):
        return False
    has_tags = any(record.get(key) is not None for key in ("tags", "ner_tags"))
    return record.get("entities") is not None or ("tokens" in record and has_tags)


def parse_record(record: Any, reading: Reading) -> Iterator[Document]:
    """The document of a record.

    Raises:
        ValueError: says what is wrong with the record.
    """
    tokens_key = reading.tags.tokens_key(record)
    tokens = None if tokens_key is None else record[tokens_key]
    text, words = text_and_words(record, tokens, reading.tags.spacing)
    read: set[str | None] = {*OWN_KEYS, tokens_key}
    tags, entities = None, tuple[Entity, ...]()
    if not reading.bare:
        tags_key = None
        if tokens is not None:
            tags_key = reading.tags.tags_key(record, len(tokens))
            read.add(tags_key)
        has_entities = record.get("entities") is not None
        if tokens is not None and tags_key is not None:
            tags = reading.tags.read(record[tags_key], len(tokens))
        elif tokens is not None and record.get("tags") is not None:
            raise ValueError("tags must be a list of strings or integers")
        elif tokens is not None and not has_entities and reading.needs_tags:
            raise ValueError(no_tags_problem(record, TAG_KEYS, len(tokens)))
        entities = _entities(record, text, words, tags)
    metadata = {key: value for key, value in record.items() if key not in read}
    if tags is not None and reading.options.tag_scheme:
        metadata["scheme"] = reading.options.tag_scheme
    yield Document(reading.id_of(record), text, entities, words, tags, metadata)


def _entities(
    record: Mapping[str, Any], text: str, words: Any, tags: Any
) -> tuple[Entity, ...]:
    values = record.get("entities")
    if values is None:
        return entities_of(tags or (), words or ())
    if not isinstance(values, list):
        raise ValueError("`entities` must be a list of objects")
    return tuple(
        parse_triple(value, text)
        if isinstance(value, list)
        else parse_entity(value, text)
        for value in values
    )


def to_record(document: Document) -> dict[str, Any]:
    """The JSON object of one line."""
    record: dict[str, Any] = {"id": document.id, "text": document.text}
    if document.words is not None:
        record["words"] = [list(word) for word in document.words]
    record["entities"] = [
        {"start": e.start, "end": e.end, "label": e.label}
        | ({} if e.score is None else {"score": e.score})
        for e in document.entities
    ]
    return record | {k: v for k, v in document.metadata.items() if k not in OWN_KEYS}


def recognise(sample: Sample) -> str | None:
    """Tell a file of such records by the keys of the first one, or by `text` alone."""
    record = sample.record
    if fits(record):
        keys = [key for key in ("entities", *TAG_KEYS) if key in record]
        return f"the key `{keys[0]}`"
    has_text = isinstance(record.get("text"), str) or is_words(record.get("tokens"))
    return f"the key `{'text' if 'text' in record else 'tokens'}`" if has_text else None


SHAPE = Shape(
    fits=fits,
    parse=parse_record,
    claims=claims,
    is_keyed=True,
)
FORMAT = Format(
    name="jsonl",
    about="JSON lines with offsets, or with tokens and tags",
    scan=partial(scan_records, own=SHAPE),
    shape=SHAPE,
    write=line_writer(to_record),
    recognise=recognise,
    suffixes=(".jsonl", ".ndjson"),
)
