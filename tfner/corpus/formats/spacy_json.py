"""Training data of spaCy 2, as text: pairs, and documents with tagged tokens.

    ["Ada met Bob.", {"entities": [[0, 3, "PER"], …]}]           in a list, or as lines
    {"classes": ["PER"], "annotations": [["Ada met Bob.", {"entities": […]}], …]}
    [{"id": 0, "paragraphs": [{"raw": "Ada ran.", "sentences": [{"tokens": [
        {"orth": "Ada", "ner": "U-PER"}, …]}]}]}]

The second is what NER Annotator writes. Of the third each paragraph is a document; a
tag `-`, which means that nothing is known, is read as O and counted.

Source: https://v2.spacy.io/api/annotation#json-input
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.sample import Sample
from tfner.corpus.records.shapes import Content, Reading, Shape, scan_records
from tfner.corpus.records.spans import check_surrogates, parse_triple
from tfner.corpus.records.stream import is_pair
from tfner.corpus.records.texts import text_and_words
from tfner.corpus.tagging import entities_of
from tfner.document import Document, Entity
from tfner.schemes import is_tag

ENTITIES, PARAGRAPHS = "entities", "paragraphs"
MISSING = "-"


def fits(record: Any) -> bool:
    """True for a pair, a list of pairs by their annotator, or a training document."""
    if _is_pair(record):
        return True
    if not isinstance(record, dict):
        return False
    pairs = record.get("annotations")
    has_pairs = (
        isinstance(pairs, list)
        and "text" not in record
        and any(map(_is_pair, pairs))
        and all(_is_pair(pair) for pair in pairs if pair is not None)
    )
    return has_pairs or isinstance(record.get(PARAGRAPHS), list)


def _is_pair(value: object) -> bool:
    return is_pair(value) and ENTITIES in value[1]


def parse_record(record: Any, reading: Reading) -> Iterator[Content]:
    """The documents of a record.

    Raises:
        ValueError: says what is wrong with the record.
    """
    if isinstance(record, list):
        yield _pair(record, reading.id_of({}), reading)
    elif PARAGRAPHS in record:
        yield from _each(record[PARAGRAPHS], "paragraph", reading, record)
    else:
        pairs = [pair for pair in record["annotations"] if pair is not None]
        yield from _each(pairs, "pair", reading, record)


def _each(
    parts: Sequence[Any], what: str, reading: Reading, record: Mapping[str, Any]
) -> Iterator[Content]:
    begin = str(record.get("id", reading.id_of({})))
    for number, part in enumerate(parts, 1):
        identifier = begin if len(parts) == 1 else f"{begin}.{number}"
        try:
            if _is_pair(part):
                yield _pair(part, identifier, reading)
            else:
                yield _paragraph(part, identifier, reading)
        except ValueError as error:
            yield f"{what} {number}: {error}"


def _pair(pair: list[Any], identifier: str, reading: Reading) -> Document:
    text, annotations = pair
    check_surrogates(text)
    entities = () if reading.bare else _triples(annotations[ENTITIES], text)
    metadata = {k: v for k, v in annotations.items() if k != ENTITIES}
    return Document(identifier, text, entities, metadata=metadata)


def _triples(values: Any, text: str) -> tuple[Entity, ...]:
    if not isinstance(values, list):
        raise ValueError(f'`{ENTITIES}` must be a list of [start, end, "label"]')
    # spaCy may write a knowledge base's id behind the label
    return tuple(
        parse_triple(value[:3] if isinstance(value, list) else value, text)
        for value in values
    )


def _paragraph(part: Any, identifier: str, reading: Reading) -> Document:
    if not isinstance(part, dict):
        raise ValueError('it must be {"raw":, "sentences":}')
    tokens = list(_tokens(part.get("sentences")))
    words = [token["orth"] for token in tokens]
    raw = part.get("raw")
    record = {"text": raw} if isinstance(raw, str) else {}
    text, ranges = text_and_words(record, words, reading.tags.spacing)
    tags, entities = None, tuple[Entity, ...]()
    if not reading.bare:
        tags = _tags(tokens, reading)
        if tags is not None:
            entities = entities_of(tags, ranges or ())
        elif ENTITIES in part and "text" in record:
            entities = _triples(part[ENTITIES], text)
        elif reading.needs_tags and tokens:
            raise ValueError("its tokens have no `ner`, and there are no `entities`")
    return Document(identifier, text, entities, ranges, tags)


def _tokens(sentences: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(sentences, list):
        raise ValueError("`sentences` must be a list of objects")
    for sentence in sentences:
        tokens = sentence.get("tokens") if isinstance(sentence, dict) else None
        if not isinstance(tokens, list):
            raise ValueError("a sentence must have a list `tokens`")
        for token in tokens:
            if not isinstance(token, dict) or not isinstance(token.get("orth"), str):
                raise ValueError("a token must have a string `orth`")
            yield token


def _tags(
    tokens: Sequence[Mapping[str, Any]], reading: Reading
) -> tuple[str, ...] | None:
    """The tags of tokens; None where no token has one."""
    if not any("ner" in token for token in tokens):
        return None
    values = [token.get("ner", MISSING) for token in tokens]
    if MISSING in values:
        reading.counts["have tokens of which nothing is known, read as O"] += 1
    for value in values:
        if value != MISSING and not (isinstance(value, str) and is_tag(value)):
            raise ValueError(f"`ner` must be a tag such as U-PER. Received: {value!r}")
    return tuple("O" if value == MISSING else value for value in values)


def recognise(sample: Sample) -> str | None:
    """Tell spaCy's training data by its first record, or a line of its own."""
    if fits(sample.value):
        is_list = isinstance(sample.value, list)
        return "pairs of text and entities" if is_list else "the keys of spaCy 2"
    record = sample.record
    if "annotations" in record and "classes" in record and "text" not in record:
        return "the keys `classes` and `annotations`"
    return "the first line, a pair of text and entities" if _line(sample) else None


def _line(sample: Sample) -> bool:
    if not sample.is_list or not isinstance(sample.value, str):
        return False
    try:
        return _is_pair(json.loads(sample.filled[0]))
    except (ValueError, RecursionError, IndexError):
        return False


SHAPE = Shape(
    fits=fits,
    parse=parse_record,
)
FORMAT = Format(
    name="spacy-json",
    about="training data of spaCy 2: pairs and JSON",
    scan=partial(scan_records, own=SHAPE),
    shape=SHAPE,
    recognise=recognise,
)
