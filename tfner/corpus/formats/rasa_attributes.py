"""Attributes of entities beyond range and label, which are kept and written again.

A Document holds them in its metadata, where they survive jsonl. Each note names its
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
    """Metadata that holds the attributes of entities; empty if no entity has any."""
    notes = [
        {"start": e.start, "end": e.end, "label": e.label, "attributes": attributes}
        for e, attributes in entities
        if attributes
    ]
    return {ATTRIBUTES: notes} if notes else {}


def attributes_by_entity(document: Document) -> dict[Entity, dict[str, Any]]:
    """The attributes of a document's entities; notes of another shape are ignored."""
    notes = document.metadata.get(ATTRIBUTES)
    by_key = {}
    for note in notes if isinstance(notes, list) else []:
        match note:
            case {
                "start": int(start),
                "end": int(end),
                "label": str(label),
                "attributes": dict(attributes),
            }:
                by_key[start, end, label] = attributes
    return {
        entity: by_key[key]
        for entity in document.entities
        if (key := (entity.start, entity.end, entity.label)) in by_key
    }
