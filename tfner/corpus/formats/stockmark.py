"""A JSON list of texts with named spans, as Stockmark's Wikipedia data set has it.

    [{"curid": "2033509", "text": "…", "entities":
        [{"name": "星野商店", "span": [11, 15], "type": "法人名"}]}, …]

Spans count characters, ends are exclusive. Other keys become metadata.

Source: stockmarkteam/ner-wikipedia-dataset ner.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TextIO

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.rasa_attributes import (
    ATTRIBUTES,
    attribute_metadata,
    attributes_by_entity,
)
from tfner.corpus.formats.sample import Sample
from tfner.corpus.records.shapes import Reading, Shape, scan_records
from tfner.corpus.records.spans import is_range, parse_entity
from tfner.corpus.records.texts import text_of
from tfner.document import Document, Entity
from tfner.errors import shorten

ID = "curid"
OWN_KEYS = {"text", "entities"}
ENTITY_KEYS = {"name", "span", "type"}


def fits(record: Any) -> bool:
    """True for a record whose first entity has a span, or one with a number."""
    values = record.get("entities") if isinstance(record, dict) else None
    if values == []:
        return ID in record
    first = values[0] if isinstance(values, list) else None
    return isinstance(first, dict) and "span" in first


def recognise(sample: Sample) -> str | None:
    """Tell a list by the entities of the first record, also if it has none."""
    record = sample.record
    if sample.is_list and record.get("entities") == [] and "id" not in record:
        return "a list of records with `entities`"
    return "entities with a `span`" if fits(record) else None


def parse_record(record: Any, reading: Reading) -> Iterator[Document]:
    """Read one element of the list as a Document.

    Raises:
        ValueError: says what is wrong with the record.
    """
    text, values = text_of(record), record.get("entities")
    if not isinstance(values, list):
        raise ValueError("`entities` must be a list of objects")
    if reading.bare:
        values = []
    pairs = [(_entity(value, text), value) for value in values]
    metadata = {key: value for key, value in record.items() if key not in OWN_KEYS}
    metadata |= attribute_metadata(
        (entity, {k: v for k, v in value.items() if k not in ENTITY_KEYS})
        for entity, value in pairs
    )
    entities = tuple(entity for entity, _ in pairs)
    identifier = reading.id_of(record, ID)
    yield Document(identifier, text, entities, metadata=metadata)


def _entity(value: object, text: str) -> Entity:
    if not isinstance(value, dict) or not value.keys() >= ENTITY_KEYS:
        raise ValueError('an entity must be {"name":, "span":, "type":}')
    span, label = value["span"], value["type"]
    if not is_range(span):
        raise ValueError(
            f"`span` must be [start, end], integers. Received: {shorten(str(span))}"
        )
    if not isinstance(label, str) or not label:
        raise ValueError(f"entity {span}: `type` must be a string that is not empty")
    record = {"start": span[0], "end": span[1], "label": label, "text": value["name"]}
    return parse_entity(record, text)


def write_stockmark(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write documents as one JSON list, indented as the data set is.

    Args:
        documents: may be an iterator.
        stream: gets the lines.
        scheme: not used; entities need none.

    Returns:
        Number of documents written.
    """
    del scheme
    written = 0
    stream.write("[")
    for document in documents:
        record = json.dumps(to_record(document), ensure_ascii=False, indent=4)
        separator = "," if written else ""
        stream.write(f"{separator}\n    " + record.replace("\n", "\n    "))
        written += 1
    stream.write("\n]\n")
    return written


def to_record(document: Document) -> dict[str, Any]:
    """The JSON object of one element of the list."""
    attributes = attributes_by_entity(document)
    record = {
        ID: document.id,
        "text": document.text,
        "entities": [
            _entity_record(document, entity, attributes.get(entity, {}))
            for entity in document.entities
        ],
    }
    rest = document.metadata.items()
    return record | {k: v for k, v in rest if k not in {*OWN_KEYS, ATTRIBUTES}}


def _entity_record(
    document: Document, entity: Entity, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    named = {
        "name": document.surface(entity),
        "span": [entity.start, entity.end],
        "type": entity.label,
    }
    return named | dict(attributes) | named


SHAPE = Shape(
    fits=fits,
    parse=parse_record,
    claims=lambda record: isinstance(record, dict) and "entities" in record,
)
FORMAT = Format(
    name="stockmark",
    about="JSON list of Stockmark's Wikipedia data set",
    scan=partial(scan_records, own=SHAPE),
    shape=SHAPE,
    recognise=recognise,
    write=write_stockmark,
    suffixes=(".json",),
)
