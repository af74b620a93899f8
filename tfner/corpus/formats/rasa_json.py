"""Rasa NLU JSON: one object with the examples of all intents.

    {"rasa_nlu_data": {"common_examples": [{"text": "to Oslo", "intent": "fly",
        "entities": [{"start": 3, "end": 7, "value": "Oslo", "entity": "city"}]}]}}

A `value` other than the text, a role and the like are kept, as in Rasa's other formats.
Lookup tables, synonyms and regular expressions are left out and counted.

Source: https://legacy-docs-oss.rasa.com/docs/rasa/1.x/nlu/training-data-format
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TextIO

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.rasa_attributes import (
    attribute_metadata,
    attributes_by_entity,
)
from tfner.corpus.records.shapes import (
    Content,
    Reading,
    Shape,
    json_list,
    scan_records,
)
from tfner.corpus.records.spans import parse_entity
from tfner.corpus.records.texts import text_of
from tfner.document import Document, Entity
from tfner.errors import counted

ROOT, EXAMPLES, INTENT = "rasa_nlu_data", "common_examples", "intent"
OLD_EXAMPLES = ("entity_examples", "intent_examples")
NAMES = ("start", "end", "entity")
OWN_KEYS = ("text", "entities", "id")


def fits(record: Any) -> bool:
    """True for an object with Rasa's root."""
    return isinstance(record, dict) and ROOT in record


def parse_record(record: Any, reading: Reading) -> Iterator[Content]:
    """The documents of all examples, and what is wrong with any.

    Raises:
        ValueError: there is no list of examples.
    """
    data = record[ROOT]
    names = (EXAMPLES, *OLD_EXAMPLES)
    lists = {n: data[n] for n in names if n in data} if isinstance(data, dict) else {}
    if not lists or not all(isinstance(examples, list) for examples in lists.values()):
        raise ValueError(f"`{ROOT}` must hold a list `{EXAMPLES}`")
    for key, values in data.items():
        if isinstance(values, list) and values and key not in lists:
            items = f"{counted(len(values), 'item')} of {key}"
            reading.counts[f"with {items}, which hold no sentences, left out"] += 1
    for name, examples in lists.items():
        for number, example in enumerate(examples, 1):
            reading.number = number
            try:
                yield _document(example, reading)
            except ValueError as error:
                yield f"{name} {number}: {error}"


def _document(example: Any, reading: Reading) -> Document:
    if not isinstance(example, dict):
        raise ValueError('an example must be {"text":, "intent":, "entities":}')
    text = text_of(example)
    values = example.get("entities") or []
    if not isinstance(values, list):
        raise ValueError("`entities` must be a list of objects")
    pairs = [_entity(value, text) for value in ([] if reading.bare else values)]
    metadata = {k: v for k, v in example.items() if k not in OWN_KEYS}
    if metadata.get(INTENT, "") is None:
        del metadata[INTENT]
    metadata |= attribute_metadata(pairs)
    entities = tuple(entity for entity, _ in pairs)
    return Document(reading.id_of(example), text, entities, metadata=metadata)


def _entity(value: Any, text: str) -> tuple[Entity, dict[str, Any]]:
    entity = parse_entity(value, text, NAMES)
    attributes = {k: v for k, v in value.items() if k not in NAMES}
    if attributes.get("value") == text[entity.start : entity.end]:
        del attributes["value"]
    return entity, attributes


def write_rasa_json(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write documents as the examples of one object.

    Args:
        documents: may be an iterator.
        stream: gets the lines.
        scheme: not used; entities need none.

    Returns:
        Number of documents written.
    """
    del scheme
    written = -1
    stream.write(f'{{"{ROOT}": {{"{EXAMPLES}": ')
    for part in json_list(map(to_record, documents)):
        stream.write(part.removesuffix("\n"))
        written += 1
    stream.write("}}\n")
    return written


def to_record(document: Document) -> dict[str, Any]:
    """The JSON object of one example."""
    attributes = attributes_by_entity(document)
    intent = document.metadata.get(INTENT)
    return {
        "text": document.text,
        **({} if intent is None else {INTENT: intent}),
        "entities": [
            _entity_record(document, entity, attributes.get(entity, {}))
            for entity in document.entities
        ],
    }


def _entity_record(
    document: Document, entity: Entity, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    record: dict[str, Any] = {"start": entity.start, "end": entity.end}
    record |= {"value": document.surface(entity), "entity": entity.label}
    return record | {k: v for k, v in attributes.items() if k not in NAMES}


SHAPE = Shape(fits=fits, parse=parse_record)
FORMAT = Format(
    name="rasa-json",
    about="Rasa NLU JSON",
    scan=partial(scan_records, own=SHAPE),
    shape=SHAPE,
    write=write_rasa_json,
    recognise=lambda sample: f"the key `{ROOT}`" if fits(sample.record) else None,
)
