"""JSON lines: one object a line, in either of two shapes.

    {"id": …, "text": …, "words": [[start, end], …], "entities":
        [{"start": …, "end": …, "label": …}], …}           the first three optional
    {"tokens": [word, …], "tags" or "ner_tags": [tag or integer, …], …}

Offsets count characters, ends are exclusive. Other keys become metadata. The second is
what Hugging Face data sets export; it is read, and written back as the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, TextIO

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.joining import join_words, place_words
from tfner.corpus.spacing import Spacing, spacing_of_file
from tfner.corpus.tagging import check_prefixes, entities_of
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, counted, shorten
from tfner.schemes import is_tag
from tfner.storage.lines import is_readable, read_lines, stem_of

SURVEYED = 1_000
"""Records that decide how words become a text."""
TAG_KEYS = ("tags", "ner_tags")
OWN_KEYS = {"id", "text", "words", "entities", "tokens", *TAG_KEYS}


def scan_jsonl(path: str, options: ReadOptions) -> Iterator[tuple[int, Document | str]]:
    """Yield, line by line, the document or a message about what is wrong with it."""
    stem, lines = stem_of(path), iter(read_lines(path))
    first = list(islice(lines, SURVEYED))
    spacing = spacing_of_file(_token_lists(first), options.join, path=path)
    for number, line in chain(first, lines):
        if not line.strip():
            continue
        try:
            yield number, parse_line(line, f"{stem}:{number}", options, spacing)
        except ValueError as error:
            yield number, str(error)


def _token_lists(lines: Iterable[tuple[int, str]]) -> Iterator[list[str]]:
    """The words of records without text; of what is no such record nothing."""
    for _, line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        tokens = record.get("tokens") if isinstance(record, dict) else None
        if isinstance(tokens, list) and record.get("text") is None:
            yield [token for token in tokens if isinstance(token, str)]


def parse_line(
    line: str, identifier: str, options: ReadOptions, spacing: Spacing | None = None
) -> Document:
    """Read one line as a Document.

    Args:
        line: JSON.
        identifier: id of a record without one.
        options: scheme, join and labels are used.
        spacing: how tokens are joined; by `options.join` if None.

    Raises:
        ValueError: says what is wrong with the record.
    """
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(record, dict):
        raise ValueError("a record must be an object: {…}")
    text, words = _text_and_words(record, spacing or options.join)
    if "\\u" in line:
        check_surrogates(text)
    tags = _tags(record, options)
    if tags is not None and len(tags) != len(words or ()):
        number = len(words or ())
        raise ValueError(f"{counted(number, 'word')} but {counted(len(tags), 'tag')}")
    if tags is not None and record.get("entities") is None:
        entities = entities_of(tags, words or ())
    else:
        entities = _entities(record, text)
    metadata = {key: value for key, value in record.items() if key not in OWN_KEYS}
    if tags is not None and options.tag_scheme:
        metadata["scheme"] = options.tag_scheme
    return Document(
        str(record.get("id", identifier)), text, entities, words, tags, metadata
    )


def check_surrogates(text: str) -> None:
    """Refuse half a character, which JSON can write and UTF-8 cannot hold.

    Raises:
        ValueError: says where it is.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"text holds a lone surrogate at character {error.start}; remove it"
        ) from None


def _text_and_words(
    record: Mapping[str, Any], join: str | Spacing
) -> tuple[str, tuple[Word, ...] | None]:
    text, tokens = record.get("text"), record.get("tokens")
    if text is None and tokens is None:
        raise ValueError("a record needs `text`, or `tokens`")
    if text is not None and not isinstance(text, str):
        raise ValueError(f"`text` must be a string. Received: {shorten(str(text))}")
    if tokens is not None:
        if not isinstance(tokens, list) or not all(isinstance(t, str) for t in tokens):
            raise ValueError("`tokens` must be a list of strings")
        if text is None:
            text, ranges = join_words(tokens, join)
            return text, tuple(ranges)
        return text, _place_tokens(tokens, text)
    words = record.get("words")
    if words is None:
        return text or "", None
    if not isinstance(words, list) or not all(is_range(word) for word in words):
        raise ValueError("`words` must be a list of [start, end], integers")
    return text or "", tuple(Word(*word) for word in words)


def is_range(value: object) -> bool:
    """True for `[start, end]`, two integers."""
    return isinstance(value, list) and len(value) == 2 and all(map(_is_integer, value))


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _place_tokens(tokens: Sequence[str], text: str) -> tuple[Word, ...]:
    try:
        return tuple(place_words(tokens, text))
    except ValueError as error:
        raise ValueError(f"{error}; drop `text`, or mend it") from None


def _tags(record: Mapping[str, Any], options: ReadOptions) -> tuple[str, ...] | None:
    values = next((record[k] for k in TAG_KEYS if record.get(k) is not None), None)
    if values is None:
        return None
    if not isinstance(values, list):
        raise ValueError("tags must be a list of strings or integers")
    tags = tuple(_tag(value, options.labels) for value in values)
    check_prefixes(tags, options.tag_scheme)
    return tags


def _tag(value: object, labels: Sequence[str] | None) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        if labels is None:
            raise ValueError(
                "integer tags need the list of their names in order "
                "(--tag-names O,B-PER,… or a file)"
            )
        if not 0 <= value < len(labels):
            raise ValueError(f"tag {value} lies outside the {len(labels)} labels given")
        value = labels[value]
    if not isinstance(value, str) or not is_tag(value):
        raise ValueError(
            f"{shorten(str(value))} is not a tag; a tag is O or one of B I E L S U, a "
            "hyphen and a label"
        )
    return value


def _entities(record: Mapping[str, Any], text: str) -> tuple[Entity, ...]:
    values = record.get("entities")
    if values is None:
        return ()
    if not isinstance(values, list):
        raise ValueError("`entities` must be a list of objects")
    return tuple(parse_entity(value, text) for value in values)


def parse_entity(value: object, text: str) -> Entity:
    """Read an entity from its JSON object; its `text`, if any, must be that there.

    Raises:
        ValueError: says what is wrong with it.
    """
    if not isinstance(value, dict):
        raise ValueError('an entity must be {"start":, "end":, "label":}')
    start, end, label = (value.get(key) for key in ("start", "end", "label"))
    place = f"entity {start}-{end} {label}"
    if not isinstance(start, int) or not isinstance(end, int):
        raise ValueError(f"{place}: `start` and `end` must be integers")
    if not isinstance(label, str) or not label:
        raise ValueError(f"{place}: `label` must be a string that is not empty")
    if not 0 <= start < end <= len(text):
        raise ValueError(
            f"{place} must satisfy 0 <= start < end <= {len(text)}, the text's length"
        )
    surface = value.get("text", text[start:end])
    if surface != text[start:end]:
        raise ValueError(
            f"{place} is {shorten(text[start:end])} in the text, not "
            f"{shorten(str(surface))}; offsets count characters, ends are exclusive"
        )
    return Entity(start, end, label, value.get("score"))


def write_jsonl(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write documents in the first shape; tags live on in their entities.

    Args:
        documents: may be an iterator.
        stream: gets the lines.
        scheme: not used; entities need none.

    Returns:
        Number of documents written.
    """
    del scheme
    written = 0
    for document in documents:
        stream.write(json.dumps(to_record(document), ensure_ascii=False) + "\n")
        written += 1
    return written


def to_record(document: Document) -> dict[str, Any]:
    """The JSON object of one line."""
    record: dict[str, Any] = {"id": document.id, "text": document.text}
    if document.words is not None:
        record["words"] = [list(word) for word in document.words]
    record["entities"] = [
        {"start": e.start, "end": e.end, "label": e.label}
        | ({} if e.score is None else {"score": e.score})
        for e in document.entities
    ]
    return record | {k: v for k, v in document.metadata.items() if k not in OWN_KEYS}


def parse_labels(value: str) -> list[str]:
    """Read the value of `--tag-names`: a file (one a line, or a JSON list) or `A,B,C`.

    Raises:
        ConfigError: a name is not a tag, or occurs twice.
    """
    content = value
    if is_readable(value):
        content = "\n".join(line for _, line in read_lines(value)).strip()
    if content.startswith("["):
        try:
            names = [str(name) for name in json.loads(content)]
        except json.JSONDecodeError as error:
            raise ConfigError(f"--tag-names {value}: not JSON: {error.msg}") from error
    else:
        names = [name.strip() for name in content.replace(",", "\n").split("\n")]
    strangers = [name for name in names if not is_tag(name)]
    if strangers or len(set(names)) < len(names):
        raise ConfigError(
            "--tag-names must list tags such as O,B-PER,I-PER in the order of their "
            f"numbers, each once, or name a file. Received: {shorten(value)}"
            + (f"; no tag: {shorten(strangers[0])}" if strangers else "")
        )
    return names


FORMAT = Format(
    name="jsonl",
    about="JSON lines with offsets, or with tokens and tags",
    scan=scan_jsonl,
    write=write_jsonl,
    suffixes=(".jsonl",),
)
