"""Tasks of Label Studio: JSON and JSON-MIN exports in, pre-annotations out.

    [{"id": 1, "data": {"text": "Ada ran."}, "annotations": [{"result": [
        {"type": "labels", "from_name": "label", "to_name": "text", "value":
        {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}}]}]}, …]
    [{"id": 1, "text": "Ada ran.", "label": [{"start": 0, "end": 3, "text": "Ada",
        "labels": ["PER"]}], "annotator": 1}, …]                       JSON-MIN

Of several annotations of a task one is read: the ground truth, or the first that was
not cancelled. A task without annotations is left out. What is written are predictions,
which Label Studio shows to annotators; they are read where a task has nothing else.

Source: https://labelstud.io/guide/task_format, https://labelstud.io/guide/predictions
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.labelstudio_regions import (
    Region,
    find_text,
    is_region,
    parse_region,
)
from tfner.corpus.formats.rasa_attributes import ATTRIBUTES
from tfner.corpus.records.shapes import Reading, Shape, list_writer, scan_records
from tfner.corpus.records.spans import check_surrogates, is_range
from tfner.document import Document, Entity, Word

ANNOTATIONS = ("annotations", "completions")
PREDICTIONS = "predictions"
MIN_KEYS = {"annotator", "annotation_id"}
TIMES = ("created_at", "updated_at", "lead_time")
FROM, TO = "label", "text"
"""Names of the labels and of the text, as in Label Studio's template for entities."""


def fits(record: Any) -> bool:
    """True for a task, or a record of JSON-MIN."""
    return _is_task(record) or _is_min(record)


def _is_task(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and isinstance(record.get("data"), dict)
        and any(key in record for key in (*ANNOTATIONS, PREDICTIONS))
    )


def _is_min(record: Any) -> bool:
    if not isinstance(record, dict):
        return False
    return record.keys() >= MIN_KEYS or _min_key(record) is not None


def _min_key(record: Mapping[str, Any]) -> str | None:
    """The key of the regions in JSON-MIN, which is named by the labels' `name`."""
    for key, value in record.items():
        if isinstance(value, list) and value and all(map(is_region, value)):
            return key
    return None


def parse_record(record: Any, reading: Reading) -> Iterator[Document]:
    """The document of a task, unless nobody has annotated it.

    Raises:
        ValueError: says what is wrong with the task.
    """
    if not _is_task(record):
        yield from _parse_min(record, reading)
        return
    regions = _chosen(record, reading)
    if regions is None and reading.needs_tags:
        return
    yield _document(record, record["data"], regions or (), reading)


def _parse_min(record: Mapping[str, Any], reading: Reading) -> Iterator[Document]:
    key = _min_key(record)
    seen = reading.notes.setdefault("ids", set())
    identifier = reading.id_of(record)
    if identifier in seen and "id" in record:
        reading.counts["left out, being further annotations of the same task"] += 1
        return
    seen.add(identifier)
    regions = [] if key is None else record[key]
    data = {k: v for k, v in record.items() if k not in {key, "id", *MIN_KEYS, *TIMES}}
    yield _document(record, data, [Region(value) for value in regions], reading)


def _chosen(record: Mapping[str, Any], reading: Reading) -> list[Region] | None:
    """The regions of the annotation that counts; None where nobody has annotated."""
    key = next((k for k in ANNOTATIONS if record.get(k) is not None), None)
    if key is None:
        predictions = record.get(PREDICTIONS)
        if not predictions:
            reading.counts["left out, nobody having annotated them"] += 1
            return None
        reading.counts["have no annotation; their first prediction was read"] += 1
        return _results(predictions, PREDICTIONS, 0)
    values = record[key]
    if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
        raise ValueError(f"`{key}` must be a list of objects")
    kept = [
        number
        for number, value in enumerate(values)
        if not (value.get("was_cancelled") or value.get("skipped"))
    ]
    if not kept:
        what = (
            "being cancelled or skipped" if values else "nobody having annotated them"
        )
        reading.counts[f"left out, {what}"] += 1
        return None
    if len(kept) > 1:
        reading.counts["have several annotations, of which one was read"] += 1
    truths = [number for number in kept if values[number].get("ground_truth")]
    return _results(values, key, (truths or kept)[0])


def _results(values: Any, key: str, number: int) -> list[Region]:
    annotation = values[number] if isinstance(values, list) else None
    results = annotation.get("result") if isinstance(annotation, dict) else None
    if not isinstance(results, list) or not all(isinstance(r, dict) for r in results):
        raise ValueError(f"`{key}` must hold objects with a list `result`")
    return [
        Region(result.get("value"), result.get("type"), result) for result in results
    ]


def _document(
    record: Mapping[str, Any],
    data: Mapping[str, Any],
    regions: Sequence[Region],
    reading: Reading,
) -> Document:
    found = [region for region in regions if region.is_of_text]
    if len(found) < len(regions):
        reading.counts["have results of another kind than labels of a text"] += 1
    key = find_text(data, found, reading.notes.get("text"))
    reading.notes["text"] = key
    text = data[key]
    check_surrogates(text)
    entities: list[Entity] = []
    for region in () if reading.bare else found:
        entities += parse_region(region, text, reading.counts)
    values = data.get("words")
    words = None
    if isinstance(values, list) and values and all(map(is_range, values)):
        words = tuple(Word(*value) for value in values)
    unread = {key, "id", "entities", *(("words",) if words else ())}
    metadata = {k: v for k, v in data.items() if k not in unread}
    identifier = reading.id_of(data if "id" in data else record)
    return Document(identifier, text, tuple(entities), words, None, metadata)


def to_record(document: Document, *, model: str = "tfner") -> dict[str, Any]:
    """A task with its entities as a prediction.

    Args:
        document: its metadata stand beside the text.
        model: the version of the model, by which annotators choose predictions.
    """
    data: dict[str, Any] = {"text": document.text, "id": document.id}
    if document.words:
        data["words"] = [list(word) for word in document.words]
    known = {*data, "words", "entities", ATTRIBUTES}
    data |= {k: v for k, v in document.metadata.items() if k not in known}
    prediction: dict[str, Any] = {"model_version": model}
    scores = [e.score for e in document.entities if e.score is not None]
    if scores:
        prediction["score"] = round(sum(scores) / len(scores), 4)
    prediction["result"] = [
        _result(document, entity, number)
        for number, entity in enumerate(document.entities, 1)
    ]
    return {"data": data, PREDICTIONS: [prediction]}


def _result(document: Document, entity: Entity, number: int) -> dict[str, Any]:
    value: dict[str, Any] = {
        "start": entity.start,
        "end": entity.end,
        "text": document.surface(entity),
        "labels": [entity.label],
    }
    if entity.score is not None:
        value["score"] = entity.score
    names = {"id": f"e{number}", "from_name": FROM, "to_name": TO, "type": "labels"}
    return names | {"value": value}


SHAPE = Shape(
    fits=fits,
    parse=parse_record,
)
FORMAT = Format(
    name="labelstudio",
    about="Label Studio: JSON and JSON-MIN in, pre-annotations out",
    scan=partial(scan_records, own=SHAPE),
    shape=SHAPE,
    write=list_writer(to_record),
    recognise=lambda sample: (
        f"the keys of a {'task' if _is_task(sample.record) else 'JSON-MIN record'}"
        if fits(sample.record)
        else None
    ),
)
