"""JSON lines of Prodigy: spans, tokens and the annotator's answer.

    {"text": "Ada met Bob.", "tokens": [{"text": "Ada", "start": 0, "end": 3, "id": 0,
        "ws": true}, …], "spans": [{"start": 0, "end": 3, "label": "PER",
        "token_start": 0, "token_end": 0}], "answer": "accept"}

Ends are exclusive but for `token_end`. Only what was accepted is read; the rest is
counted. Other keys become metadata, those of spans included, and are written again.

Source: https://prodi.gy/docs/api-interfaces#ner_manual
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from tfner.corpus.records.spans import is_range, parse_entity
from tfner.corpus.records.texts import (
    is_token_objects,
    own_tokens,
    text_and_words,
    text_key,
)
from tfner.corpus.tagging import word_spans
from tfner.document import Document, Entity, Word

ANSWER, ACCEPT = "answer", "accept"
TEXTS = ("id", "text", "tokens", "words", ANSWER)
SPAN_KEYS = ("start", "end", "label", "text", "score", "token_start", "token_end")


def fits(record: Any) -> bool:
    """True for a record with a text and a list of spans, or an answer."""
    if not isinstance(record, dict) or text_key(record) is None:
        return False
    values = record.get("spans")
    if values is None:
        return record.get(ANSWER) in ("reject", "ignore")
    return isinstance(values, list) and all(isinstance(v, dict) for v in values[:1])


def parse_record(record: Any, reading: Reading) -> Iterator[Document]:
    """The document of a record, unless it was not accepted.

    Raises:
        ValueError: says what is wrong with the record.
    """
    answer = record.get(ANSWER, ACCEPT)
    if answer != ACCEPT and reading.needs_tags:
        reading.counts[f'left out, the answer being "{answer}"'] += 1
        return
    text, words = text_and_words(record, own_tokens(record), reading.tags.spacing)
    if is_token_objects(record.get("tokens")):
        words = tuple(map(_word, record["tokens"]))
    values = [] if reading.bare else record.get("spans") or []
    pairs = [(parse_entity(value, text), value) for value in values]
    metadata = {k: v for k, v in record.items() if k not in (*TEXTS, "spans")}
    metadata |= attribute_metadata(
        (entity, {k: v for k, v in value.items() if k not in SPAN_KEYS})
        for entity, value in pairs
    )
    entities = tuple(entity for entity, _ in pairs)
    yield Document(reading.id_of(record), text, entities, words, None, metadata)


def _word(token: Mapping[str, Any]) -> Word:
    pair = [token.get("start"), token.get("end")]
    if not is_range(pair):
        raise ValueError("`start` and `end` of a token must be integers")
    return Word(token["start"], token["end"])


def to_record(document: Document, *, answer: str | None = ACCEPT) -> dict[str, Any]:
    """The JSON object of one line; `answer` None leaves that to the annotator."""
    record: dict[str, Any] = {"id": document.id, "text": document.text}
    words = document.words
    if words is not None:
        record["tokens"] = [_token(document.text, words, n) for n in range(len(words))]
    attributes = attributes_by_entity(document)
    record["spans"] = [
        attributes.get(entity, {}) | _span(entity, words or ())
        for entity in document.entities
    ]
    record |= {} if answer is None else {ANSWER: answer}
    known = {*TEXTS, "spans", ATTRIBUTES}
    return record | {k: v for k, v in document.metadata.items() if k not in known}


def _token(text: str, words: Sequence[Word], number: int) -> dict[str, Any]:
    start, end = words[number]
    has_space = text[end : end + 1] == " "
    return {
        "text": text[start:end],
        "start": start,
        "end": end,
        "id": number,
        "ws": has_space,
    }


def _span(entity: Entity, words: Sequence[Word]) -> dict[str, Any]:
    span: dict[str, Any] = {"start": entity.start, "end": entity.end}
    for found in word_spans([entity], words):
        span |= {"token_start": found.start, "token_end": found.end - 1}
    span["label"] = entity.label
    return span if entity.score is None else span | {"score": entity.score}


def recognise(sample: Sample) -> str | None:
    """Tell Prodigy's lines by the spans or the answer of the first one."""
    if not fits(sample.record):
        return None
    return "the key `spans`" if "spans" in sample.record else "the key `answer`"


SHAPE = Shape(
    fits=fits,
    parse=parse_record,
)
FORMAT = Format(
    name="prodigy",
    about="JSON lines of Prodigy",
    scan=partial(scan_records, own=SHAPE),
    shape=SHAPE,
    write=line_writer(to_record),
    recognise=recognise,
)
