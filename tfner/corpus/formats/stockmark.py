"""A JSON list of texts with named spans, as Stockmark's Wikipedia data set has it.

    [{"curid": "2033509", "text": "…", "entities":
        [{"name": "星野商店", "span": [11, 15], "type": "法人名"}]}, …]

Spans count characters, ends are exclusive. Other keys become metadata. A file is held
in memory as a whole.

Source: stockmarkteam/ner-wikipedia-dataset ner.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.json_list import QUESTION_KEYS, elements
from tfner.corpus.formats.jsonl import check_surrogates, is_range, parse_entity
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.rasa_attributes import (
    ATTRIBUTES,
    attribute_metadata,
    attributes_by_entity,
)
from tfner.document import Document, Entity
from tfner.errors import CorpusError, shorten
from tfner.storage.lines import read_lines, stem_of

ID = "curid"
OWN_KEYS = {"text", "entities"}
ENTITY_KEYS = {"name", "span", "type"}


def scan_stockmark(
    path: str, options: ReadOptions
) -> Iterator[tuple[int, Document | str]]:
    """Yield, record by record, the document or a message about what is wrong with it.

    Raises:
        CorpusError: the file is not a JSON list, or holds queries and contexts.
    """
    del options  # nothing in this format to choose
    content = "".join(line for _, line in read_lines(path, keep_ends=True))
    stem = stem_of(path)
    for number, (line, record) in enumerate(elements(content, path), 1):
        if isinstance(record, dict) and record.keys() >= QUESTION_KEYS:
            raise CorpusError(
                "`context` and `query` make this a file of queries, not of texts "
                "with `entities`. Its format is mrc",
                path=path,
                line=line,
            )
        try:
            yield line, parse_record(record, f"{stem}:{number}")
        except ValueError as error:
            yield line, f"record {number}: {error}"


def parse_record(record: object, identifier: str) -> Document:
    """Read one element of the list as a Document.

    Args:
        record: as JSON gives it.
        identifier: id of a record without `curid`.

    Raises:
        ValueError: says what is wrong with the record.
    """
    if not isinstance(record, dict):
        raise ValueError('it must be {"curid":, "text":, "entities":}')
    text, values = record.get("text"), record.get("entities")
    if not isinstance(text, str):
        raise ValueError(f"`text` must be a string. Received: {shorten(str(text))}")
    check_surrogates(text)
    if not isinstance(values, list):
        raise ValueError("`entities` must be a list of objects")
    pairs = [(_entity(value, text), value) for value in values]
    metadata = {key: value for key, value in record.items() if key not in OWN_KEYS}
    metadata |= attribute_metadata(
        (entity, {k: v for k, v in value.items() if k not in ENTITY_KEYS})
        for entity, value in pairs
    )
    entities = tuple(entity for entity, _ in pairs)
    return Document(str(record.get(ID, identifier)), text, entities, metadata=metadata)


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


FORMAT = Format(
    name="stockmark",
    about="JSON list of Stockmark's Wikipedia data set",
    scan=scan_stockmark,
    write=write_stockmark,
    suffixes=(".json",),
)
