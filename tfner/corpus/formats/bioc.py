"""BioC: documents of passages with annotations, as JSON or XML hold them alike.

A document is an object of the keys of BioC JSON; a reader of XML makes the same. The
text of a Document is that of its passages, at the distances that their offsets give.
The label of an annotation is its infon `type`, or another one by `--tags-key`.
Relations, and annotations without a place, are left out and counted.

Source: https://bioc.sourceforge.net, https://github.com/bionlplab/bioc
"""

from __future__ import annotations

import logging
import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tfner.corpus.formats.discontinuous import Pieces
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.records.spans import excerpt, is_quoted
from tfner.document import Document, Entity
from tfner.errors import listed, shorten

logger = logging.getLogger(__name__)

LABEL_KEY = "type"
LINE = "line"
"""The key of an annotation's line, where a reader knows it."""
MAX_GAP = 1000
"""Characters between two passages beyond which their distance says nothing, and that
an annotation may have beyond twice what it quotes."""
MAX_DEPTH = 2
"""Documents hold passages, and passages sentences."""

KINDS: dict[type, str] = {str: "text", list: "list", dict: "object"}

Problem = tuple[int | None, str]
Place = tuple[int, int, int]
"""The source's offset of a stretch of text, its length, and its place here."""


@dataclass
class _Part:
    """A document, a passage or a sentence; of its annotations, None is a relation."""

    offset: int
    text: str
    annotations: list[Any]
    place: Place = (0, 0, 0)


class Reader:
    """Makes Documents of BioC documents, and counts what it leaves out.

    Args:
        path: of the file, for the log.
        options: `tags_key` and `discontinuous` are used.
    """

    def __init__(self, path: str, options: ReadOptions) -> None:
        self._path, self._key = path, options.tags_key or LABEL_KEY
        self._pieces = Pieces(options)
        self._left_out: Counter[str] = Counter()

    def read(self, source: Any, identifier: str) -> Document | list[Problem]:
        """Read one document; where there are problems, a list of them instead.

        Args:
            source: the object.
            identifier: its id if it has none.
        """
        try:
            name = str(_get(source, "id", str, identifier))
            parts = list(_parts(source, 0))
        except ValueError as error:
            return [(None, f"document {shorten(identifier)}: {error}")]
        text = _join(parts)
        places = sorted(part.place for part in parts if part.text)
        entities: list[Entity] = []
        problems: list[Problem] = []
        for part in parts:
            for annotation in part.annotations:
                try:
                    entities += self._entities(annotation, text, part, places)
                except ValueError as error:
                    at = annotation.get(LINE) if isinstance(annotation, dict) else None
                    message = f"document {shorten(name)}: {error}"
                    problems.append((at if isinstance(at, int) else None, message))
        return problems or Document(name, text, tuple(entities))

    def log(self) -> None:
        """Tell how much was left out, and what became of entities in pieces."""
        self._pieces.log(self._path)
        if counts := ", ".join(f"{n:,} {kind}" for kind, n in self._left_out.items()):
            logger.warning("%s: left out: %s", self._path, counts)

    def _entities(
        self, annotation: Any, text: str, part: _Part, places: list[Place]
    ) -> list[Entity]:
        if annotation is None:
            self._left_out["relations"] += 1
            return []
        name = f"annotation {shorten(_get(annotation, 'id', str, '?'))}"
        locations = _get(annotation, "locations", list, [])
        if not locations:
            self._left_out["annotations without a place"] += 1
            return []
        infons = _get(annotation, "infons", dict, {})
        label = infons.get(self._key)
        if not isinstance(label, str) or not label.strip():
            known = listed(map(str, infons)) or "none"
            raise ValueError(
                f"{name} has no infon {self._key}. It has: {known}. Name the one that "
                "holds the label with --tags-key"
            )
        try:
            pieces = [_piece(location, part, places) for location in locations]
            found = self._pieces.entities(label.strip(), pieces, text)
            _check_text(annotation, pieces, text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        return found


def _parts(source: Any, depth: int) -> Iterator[_Part]:
    """A document, its passages and their sentences, one after the other.

    A passage with sentences takes its text from them if it has none of its own.
    """
    text = _get(source, "text", str, "") if depth else ""
    relations = _get(source, "relations", list, [])
    annotations = [*_get(source, "annotations", list, []), *[None] * len(relations)]
    yield _Part(_number(source, "offset") if depth else 0, text, annotations)
    if depth < MAX_DEPTH:
        for inner in _get(source, "sentences" if depth else "passages", list, []):
            for part in _parts(inner, depth + 1):
                yield replace(part, text="") if text else part


def _join(parts: Iterable[_Part]) -> str:
    """The text of parts, which are told where theirs begins."""
    texts: list[str] = []
    length = end = 0
    for part in parts:
        if not part.text:
            continue
        gap = part.offset - end if texts else 0
        gap = gap if 0 <= gap <= MAX_GAP else 1
        texts += [" " * gap, part.text]
        part.place = (part.offset, len(part.text), length + gap)
        length += gap + len(part.text)
        end = part.offset + len(part.text)
    return "".join(texts)


def _piece(location: Any, part: _Part, places: list[Place]) -> tuple[int, int]:
    """The range of a location in the text, in its own part or in another one."""
    offset, length = _number(location, "offset"), _number(location, "length")
    nearest = max(bisect(places, offset, key=lambda place: place[0]) - 1, 0)
    for begin, size, place in (part.place, *places[nearest : nearest + 1]):
        if begin <= offset < begin + size:
            start = place + offset - begin
            return start, start + length
    raise ValueError(f"offset {offset} lies in no passage")


def _check_text(annotation: Any, pieces: list[tuple[int, int]], text: str) -> None:
    """Refuse an annotation that quotes another text than is there.

    Raises:
        ValueError: says which.
    """
    quoted = _get(annotation, "text", str, "")
    outer = (min(pieces)[0], max(end for _, end in pieces))
    most = 2 * len(quoted) + MAX_GAP
    if quoted and not any(
        is_quoted(quoted, text, ranges, plain=_solid, most=most + len(ranges) - 1)
        for ranges in (pieces, [outer])
    ):
        raise ValueError(
            f"{excerpt(text, *outer)} stands at its place, not {shorten(quoted)}; "
            "offsets count characters from the beginning of the document"
        )


def _solid(text: str) -> str:
    return re.sub(r"\s+|\.\.\.|…", "", text)


def _get(source: Any, key: str, kind: type, default: Any) -> Any:
    """A value of an object, the default if it has none.

    Raises:
        ValueError: it is no object, or the value is of another kind.
    """
    if not isinstance(source, dict):
        raise ValueError(f"expected an object, received {shown(source)}")
    value = source.get(key)
    if value is None:
        return default
    if kind is str and isinstance(value, int):
        return str(value)
    if not isinstance(value, kind):
        raise ValueError(f"`{key}` is no {KINDS[kind]}: {shown(value)}")
    return value


def shown(value: Any) -> str:
    """A JSON value as messages show it."""
    try:
        return shorten(str(value))
    except RecursionError:
        return "endless nesting"


def _number(source: Any, key: str) -> int:
    """An offset or a length, which some write as text."""
    value = str(_get(source, key, str, ""))
    if not (value.isascii() and value.isdigit() and len(value) < 16):
        raise ValueError(f"`{key}` must be a number of characters, not {value!r:.40}")
    return int(value)


def to_bioc(document: Document) -> dict[str, Any]:
    """The object of a document, all of whose text is one passage."""
    annotations = [
        {
            "id": f"T{number}",
            "infons": {LABEL_KEY: entity.label},
            "text": document.surface(entity),
            "locations": [
                {"offset": entity.start, "length": entity.end - entity.start}
            ],
        }
        for number, entity in enumerate(document.entities, 1)
    ]
    passage = {
        "offset": 0,
        "infons": {},
        "text": document.text,
        "sentences": [],
        "annotations": annotations,
        "relations": [],
    }
    return {"id": document.id, "infons": {}, "passages": [passage], "relations": []}
