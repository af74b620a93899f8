"""What a file says of single entities beyond range and label: kept and written again.

A Document holds it in its metadata, where it survives jsonl. Each note names its
entity, so that it is not taken for another one's when entities come and go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfner.document import Document, Entity

ATTRIBUTES = "entity_attributes"


def attribute_metadata(
    entities: Iterable[tuple[Entity, dict[str, Any]]],
) -> dict[str, Any]:
    """Metadata that holds the attributes of entities; empty where none has any."""
    notes = [
        {"start": e.start, "end": e.end, "label": e.label, "attributes": attributes}
        for e, attributes in entities
        if attributes
    ]
    return {ATTRIBUTES: notes} if notes else {}


def attributes_by_entity(document: Document) -> dict[Entity, dict[str, Any]]:
    """The attributes of a document's entities; notes of another shape are passed by."""
    notes = document.metadata.get(ATTRIBUTES)
    found = {}
    for note in notes if isinstance(notes, list) else []:
        match note:
            case {
                "start": int(start),
                "end": int(end),
                "label": str(label),
                "attributes": dict(attributes),
            }:
                found[start, end, label] = attributes
    return {
        entity: found[key]
        for entity in document.entities
        if (key := (entity.start, entity.end, entity.label)) in found
    }
