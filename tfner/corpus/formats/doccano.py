"""JSON lines of doccano: spans as lists, or as objects with ids and relations.

    {"id": 1, "text": "Ada met Bob.", "label": [[0, 3, "PER"], [8, 11, "PER"]]}
    {"id": 1, "text": "Ada met Bob.", "entities": [{"id": 7, "label": "PER",
        "start_offset": 0, "end_offset": 3}, …], "relations": [{"from_id": 7, …}]}

The key of the spans is also `labels` or, in old exports, `annotations`; that of the
text may be `data`. Relations and comments become metadata and are written again.

Source: doccano backend/data_export/pipeline, docs/docs/tutorial.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.rasa_attributes import (
    ATTRIBUTES,
    attribute_metadata,
    attributes_by_entity,
)
from tfner.corpus.formats.sample import Sample
from tfner.corpus.records.shapes import Reading, Shape, line_writer, scan_records
from tfner.corpus.records.spans import is_integer, parse_entity, parse_triple
from tfner.corpus.records.texts import own_tokens, text_and_words, text_key
from tfner.document import Document, Entity

LISTS = ("label", "labels", "annotations")
OBJECTS = ("entities", *LISTS)
NAMES = ("start_offset", "end_offset", "label")
RELATIONS = "relations"
TEXTS = ("id", "text", "data", "words", "tokens")


def fits(record: Any) -> bool:
    """True for a record with a text and doccano's spans."""
    return _key(record) is not None


def _key(record: Any) -> str | None:
    """The key of the spans; one with spans before one with none."""
    if not isinstance(record, dict) or text_key(record) is None:
        return None
    found = [key for key in OBJECTS if _are_spans(record, key)]
    return next((key for key in found if record[key]), next(iter(found), None))


def _are_spans(record: Mapping[str, Any], key: str) -> bool:
    values = record.get(key)
    if not isinstance(values, list):
        return False
    if not values:
        return key in LISTS
    first = values[0]
    if isinstance(first, dict):
        return "start_offset" in first
    return isinstance(first, list) and key in LISTS


def parse_record(record: Any, reading: Reading) -> Iterator[Document]:
    """The document of a record.

    Raises:
        ValueError: says what is wrong with the record.
    """
    key = _key(record) or "label"
    text, words = text_and_words(record, own_tokens(record), reading.tags.spacing)
    values = [] if reading.bare else record[key]
    pairs = [_entity(value, text) for value in values]
    metadata = {k: v for k, v in record.items() if k not in (*TEXTS, key)}
    if not reading.bare:
        metadata |= attribute_metadata(pairs)
    entities = tuple(entity for entity, _ in pairs)
    yield Document(reading.id_of(record), text, entities, words, None, metadata)


def _entity(value: Any, text: str) -> tuple[Entity, dict[str, Any]]:
    if not isinstance(value, dict):
        return parse_triple(value, text), {}
    if is_integer(value.get("label")):
        raise ValueError(
            f"the label {value['label']} is the number of one of doccano's labels; "
            "export the project as JSONL with the labels' texts"
        )
    attributes = {k: v for k, v in value.items() if k not in (*NAMES, "text", "score")}
    return parse_entity(value, text, NAMES), attributes


def to_record(document: Document) -> dict[str, Any]:
    """The JSON object of one line: with ids where there are relations."""
    record: dict[str, Any] = {"id": document.id, "text": document.text}
    if document.words is not None:
        record["words"] = [list(word) for word in document.words]
    if RELATIONS in document.metadata:
        attributes = attributes_by_entity(document)
        record["entities"] = [
            {"id": number}
            | attributes.get(entity, {})
            | {"label": entity.label}
            | {"start_offset": entity.start, "end_offset": entity.end}
            for number, entity in enumerate(document.entities, 1)
        ]
    else:
        record["label"] = [[e.start, e.end, e.label] for e in document.entities]
    known = {*TEXTS, *OBJECTS, ATTRIBUTES}
    return record | {k: v for k, v in document.metadata.items() if k not in known}


def recognise(sample: Sample) -> str | None:
    """Tell doccano's lines by the spans of the first one."""
    key = _key(sample.record)
    if key is None:
        return None
    return "`start_offset` of its entities" if key == "entities" else f"the key `{key}`"


SHAPE = Shape(
    fits=fits,
    parse=parse_record,
)
FORMAT = Format(
    name="doccano",
    about="JSON lines of doccano",
    scan=partial(scan_records, own=SHAPE),
    shape=SHAPE,
    write=line_writer(to_record),
    recognise=recognise,
)
