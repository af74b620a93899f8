"""Training data of GLiNER: a JSON list of tokens and spans of tokens.

    [{"tokenized_text": ["Ada", "met", "Bob"], "ner": [[0, 0, "person"]]}, …]

Spans count tokens from 0, and ends are inclusive. Other keys become metadata.

Source: https://urchade.github.io/GLiNER/training.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tfner.corpus.formats.format import Format
from tfner.corpus.joining import words_of
from tfner.corpus.records.shapes import Reading, Shape, list_writer, scan_records
from tfner.corpus.records.spans import is_triple
from tfner.corpus.records.tags import is_words
from tfner.corpus.records.texts import text_and_words
from tfner.corpus.tagging import REMEDY, misaligned_entities, word_spans
from tfner.document import Document, Entity, Word
from tfner.errors import CorpusError, listed, shorten

TOKENS, SPANS = "tokenized_text", "ner"
OWN_KEYS = {"id", "text", TOKENS, SPANS, "words", "entities"}


def fits(record: Any) -> bool:
    """True for a record with tokens and spans under GLiNER's keys."""
    return isinstance(record, dict) and TOKENS in record and SPANS in record


def parse_record(record: Any, reading: Reading) -> Iterator[Document]:
    """The document of a record.

    Raises:
        ValueError: says what is wrong with the record.
    """
    tokens = record[TOKENS]
    if not is_words(tokens):
        raise ValueError(f"`{TOKENS}` must be a list of strings")
    text, words = text_and_words(record, tokens, reading.tags.spacing)
    entities = () if reading.bare else tuple(_entities(record, words or ()))
    metadata = {key: value for key, value in record.items() if key not in OWN_KEYS}
    yield Document(reading.id_of(record), text, entities, words, None, metadata)


def _entities(record: Mapping[str, Any], words: Sequence[Word]) -> Iterator[Entity]:
    values = record.get(SPANS)
    if not isinstance(values, list):
        raise ValueError(f'`{SPANS}` must be a list of [start, end, "label"]')
    for value in values:
        if not is_triple(value):
            raise ValueError(
                f'a span must be [start, end, "label"]. Received: {shorten(str(value))}'
            )
        start, end, label = value
        if not 0 <= start <= end < len(words):
            raise ValueError(
                f"span {start}-{end} {shorten(label)} must satisfy 0 <= start <= end < "
                f"{len(words)}, the number of tokens; ends are inclusive"
            )
        if words[start].start >= words[end].end or not label:
            raise ValueError(f"span {start}-{end} holds no character, or has no label")
        yield Entity(words[start].start, words[end].end, label)


def to_record(document: Document) -> dict[str, Any]:
    """The JSON object of one element of the list.

    Raises:
        CorpusError: an entity does not begin and end with a word.
    """
    words = words_of(document)
    stray = misaligned_entities(document.entities, words)
    if stray:
        places = listed(f"{e.start}-{e.end} {e.label}" for e in stray)
        raise CorpusError(
            f"document {document.id!r}: no word boundary at entity {places}; GLiNER "
            f"counts words. {REMEDY}"
        )
    spans = word_spans(document.entities, words)
    record: dict[str, Any] = {
        "id": document.id,
        "text": document.text,
        TOKENS: [document.surface(word) for word in words],
        SPANS: [[span.start, span.end - 1, span.label] for span in spans],
    }
    rest = document.metadata.items()
    return record | {k: v for k, v in rest if k not in OWN_KEYS}


SHAPE = Shape(
    fits=fits,
    parse=parse_record,
    claims=lambda record: isinstance(record, dict) and TOKENS in record,
)
FORMAT = Format(
    name="gliner",
    about="JSON list of tokens and spans, as GLiNER is trained with",
    scan=partial(scan_records, own=SHAPE),
    shape=SHAPE,
    write=list_writer(to_record),
    recognise=lambda sample: (
        f"the keys `{TOKENS}` and `{SPANS}`" if fits(sample.record) else None
    ),
)
