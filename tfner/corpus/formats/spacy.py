"""spaCy's DocBin, `.spacy` files: written by spaCy, and read from its packed arrays.

A file is zlib over msgpack: for each token its attributes as 64-bit numbers, whether a
space follows it, and the strings behind the numbers. spaCy would make a Doc of these
without looking at them, which damaged files do not survive; so they are unpacked here,
within bounds. Entities are those of `doc.ents`, or where no document has any, those of
a span group (`doc.spans`), which may nest; `--tags-key` names one. Tokens of white
space are no words. Ids are numbers: a DocBin has none.

Source: https://spacy.io/api/docbin, spacy/tokens/_serialize.py and span_group.pyx
"""

from __future__ import annotations

import gc
import logging
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.corpus.formats.spacy_writer import MISSING, SPAN_KEY, write_spacy
from tfner.corpus.joining import join_words
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError, counted, listed, shorten
from tfner.storage.lines import read_bytes, stem_of

logger = logging.getLogger(__name__)

ORTH, ENT_IOB, ENT_TYPE = "ORTH", "ENT_IOB", "ENT_TYPE"
INSIDE, OUTSIDE, BEGIN = 1, 2, 3
"""Values of ENT_IOB; 0 is a token that nobody has annotated."""
SPAN = struct.Struct(">QQQllll")
MAX_RATIO, SMALL, LARGE = 100, 1 << 26, 1 << 31
"""How much larger than the file its content may be, and what always and never may."""
DAMAGE = (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError)

Groups = dict[str, list[tuple[int, int, str]]]
"""Spans of tokens and their labels, by the key of the span group."""


@dataclass
class _Doc:
    """One document, as much as is read of it."""

    words: list[str]
    spaces: list[bool] | None
    ents: list[tuple[int, int, str]] = field(default_factory=list)
    groups: Groups = field(default_factory=dict)
    is_annotated: bool = False


def scan_spacy(
    path: str, options: ReadOptions
) -> Iterator[tuple[tuple[str, None], Document | str]]:
    """Yield each document, or a message about what is wrong with it.

    Raises:
        CorpusError: the file is no DocBin, or has no entities.
        ConfigError: spaCy is not installed.
    """
    try:
        docs = _unpacked(_content(path))
    except DAMAGE as error:
        raise CorpusError(
            f"damaged, or no DocBin of spaCy ({error}). Write it again", path=path
        ) from None
    key = _chosen_group(path, docs, options)
    for number, doc in enumerate(docs, 1):
        try:
            yield (
                (path, None),
                _document(doc, f"{stem_of(path)}:{number}", key, options),
            )
        except DAMAGE as error:
            yield (path, None), f"document {number}: {error}"


def _content(path: str) -> Any:
    """The object in the file.

    Raises:
        ValueError: it is none, or far larger than the file.
        ConfigError: spaCy is not installed.
    """
    try:
        from srsly.msgpack import unpackb  # comes with spaCy
    except ImportError:
        raise ConfigError(MISSING) from None
    data = _inflated(read_bytes(path))
    gc.disable()  # as srsly does: many small objects
    try:
        # This hook keeps srsly from making arrays of what looks like them.
        content = unpackb(data, raw=False, object_pairs_hook=dict)
    finally:
        gc.enable()
    if not isinstance(content, dict):
        raise ValueError("its content is no table")
    return content


def _inflated(packed: bytes) -> bytes:
    limit = min(max(SMALL, MAX_RATIO * len(packed)), LARGE)
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed, limit)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if stream.unconsumed_tail:
        raise ValueError(f"more than {limit >> 20} MB when unpacked")
    if not stream.eof:
        raise ValueError("it ends too soon")
    return data


def _unpacked(content: dict[str, Any]) -> list[_Doc]:
    """The documents of a DocBin.

    Raises:
        ValueError: or another error of `DAMAGE`, for arrays that do not fit.
    """
    import numpy as np
    from spacy.attrs import IDS
    from spacy.strings import StringStore

    attributes = content["attrs"]
    lengths = np.frombuffer(content["lengths"], "<i4")
    spaces = np.frombuffer(content["spaces"], "?")
    tokens = np.frombuffer(content["tokens"], "<u8").reshape(-1, len(attributes))
    if (lengths < 0).any() or not lengths.sum() == len(tokens) == len(spaces):
        raise ValueError("numbers of tokens that contradict each other")
    strings = StringStore(content["strings"])
    columns = {
        name: tokens[:, attributes.index(IDS[name])]
        for name in (ORTH, ENT_IOB, ENT_TYPE)
        if IDS[name] in attributes
    }
    flags = content.get("flags", [{}] * len(lengths))
    groups = content.get("span_groups", [b""] * len(lengths))
    docs, end = list[_Doc](), 0
    for length, flag, group in zip(lengths.tolist(), flags, groups, strict=True):
        start, end = end, end + length
        own = {name: column[start:end].tolist() for name, column in columns.items()}
        is_spaced = not flag.get("has_unknown_spaces")
        doc = _Doc(
            [strings[number] for number in own[ORTH]],
            spaces[start:end].tolist() if is_spaced else None,
            groups=_groups(group, strings),
        )
        if ENT_IOB in own and ENT_TYPE in own:
            doc.is_annotated = any(own[ENT_IOB])
            doc.ents = list(_ents(own[ENT_IOB], own[ENT_TYPE], strings))
        docs.append(doc)
    return docs


def _ents(
    borders: list[int], types: list[int], strings: Any
) -> Iterator[tuple[int, int, str]]:
    start, label = None, 0
    for at, (border, kind) in enumerate([*zip(borders, types, strict=True), (0, 0)]):
        goes_on = border == INSIDE and start is not None and kind == label
        if start is not None and not goes_on:
            yield start, at, strings[label]
            start = None
        if border in (INSIDE, BEGIN) and kind and start is None:
            start, label = at, kind


def _groups(packed: bytes, strings: Any) -> Groups:
    """The span groups of a document; older versions of spaCy have them in a list."""
    from srsly.msgpack import unpackb

    content = unpackb(packed, raw=False, object_pairs_hook=dict) if packed else []
    found: Groups = {}
    for part in content:
        group = unpackb(part, raw=False, object_pairs_hook=dict)
        spans = [SPAN.unpack(span) for span in group["spans"]]
        keys = content[part] if isinstance(content, dict) else [group["name"]]
        for key in keys:
            found[str(key)] = [(s[3], s[4], strings[s[2]]) for s in spans]
    return found


def _chosen_group(path: str, docs: list[_Doc], options: ReadOptions) -> str | None:
    """The key of the span group that is read; None reads `doc.ents`.

    Raises:
        CorpusError: there is nothing to read, or several groups to choose from.
    """
    groups = Counter[str]()
    for doc in docs:
        groups.update({key: len(spans) for key, spans in doc.groups.items()})
    known = listed(f"{key} ({counted(n, 'span')})" for key, n in groups.items())
    given = options.tags_key
    if given is not None:
        if given not in groups and options.tags == "needed":
            raise CorpusError(
                f"there is no span group {given!r}. Known: {known or 'none'}. Name one "
                "of these with --tags-key, or leave that out for doc.ents",
                path=path,
            )
        return given
    if any(doc.ents for doc in docs) or not groups.total():
        _log_unread(path, docs, known)
        is_bare = any(doc.words for doc in docs) and not any(
            doc.is_annotated for doc in docs
        )
        if is_bare and options.tags == "needed":
            raise CorpusError(
                "no document has entities, and none says that it has none. Write "
                "doc.ents or a span group into the file",
                path=path,
            )
        return None
    filled = [key for key, number in groups.items() if number]
    if len(filled) > 1 and SPAN_KEY not in filled:
        raise CorpusError(
            f"doc.ents are empty, and there are several span groups: {known}. Name "
            "one with --tags-key",
            path=path,
        )
    chosen = SPAN_KEY if SPAN_KEY in filled else filled[0]
    logger.info("%s: doc.ents are empty; read: the span group %s", path, chosen)
    return chosen


def _log_unread(path: str, docs: list[_Doc], groups: str) -> None:
    if groups:
        logger.warning(
            "%s: left out: span groups: %s; --tags-key names one to be read",
            path,
            groups,
        )
    missing = sum(not doc.is_annotated for doc in docs)
    if 0 < missing < len(docs):
        documents = counted(missing, "document")
        logger.warning("%s: %s without any annotation of entities", path, documents)


def _document(
    doc: _Doc, identifier: str, key: str | None, options: ReadOptions
) -> Document:
    if doc.spaces is None:
        text, places = join_words(doc.words, options.join)
        words = [Word(*place) for place in places]
    else:
        words, parts, at = [], list[str](), 0
        for word, is_spaced in zip(doc.words, doc.spaces, strict=True):
            words.append(Word(at, at + len(word)))
            parts.append(f"{word} " if is_spaced else word)
            at += len(parts[-1])
        text = "".join(parts)
    entities = []
    for start, end, label in doc.ents if key is None else doc.groups.get(key, []):
        if not 0 <= start < end <= len(words):
            raise ValueError(
                f"the span {start}-{end} {shorten(label)} lies outside its "
                f"{len(words)} tokens"
            )
        entities.append(Entity(words[start].start, words[end - 1].end, label))
    solid = [word for word in words if text[word.start : word.end].strip()]
    return Document(identifier, text, tuple(entities), tuple(solid))


def _recognise(sample: Sample) -> str | None:
    """A zlib stream that begins with the keys of a DocBin."""
    if sample.head[:1] != b"\x78":
        return None
    try:
        beginning = zlib.decompressobj().decompress(sample.head, 64)
    except zlib.error:
        return None
    return "its packed DocBin" if b"\xa5attrs" in beginning else None


FORMAT = Format(
    name="spacy",
    about="DocBin of spaCy; needs the extra spacy",
    scan=scan_spacy,
    write_path=write_spacy,
    recognise=_recognise,
    suffixes=(".spacy",),
    is_text=False,
)
