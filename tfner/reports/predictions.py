"""Predicted documents for people and programs, one at a time."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tfner.corpus.formats.rasa import format_item
from tfner.document import Document, Entity
from tfner.errors import ConfigError, CorpusError, shorten, unknown
from tfner.nesting import outermost, split_crossing

COLORS = (31, 32, 33, 34, 35, 36)
"""ANSI foreground colours, taken by label in order."""
RESET = "\x1b[0m"
OVERLAPPING = "overlapping: "
HUES = (210, 140, 30, 280, 0, 175, 60, 320)
PAGE_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Entities</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.9 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto;
       padding: 0 1rem; color: #1a1a1a; background: #fff; }
p { margin: 0 0 .6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
mark { padding: .1em .3em; border-radius: .3em; color: inherit;
       background: var(--light); }
mark mark { box-shadow: inset 0 0 0 1px #8888; }
.also { font-size: .85em; margin-top: -.4rem; }
mark small { font-size: .65em; font-weight: 600; margin-left: .4em; opacity: .75; }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #181818; } mark { background: var(--dark); } }
"""


def record(document: Document) -> dict[str, Any]:
    """The JSON of one prediction, as `predict` and servers give it."""
    return {
        "id": document.id,
        "text": document.text,
        "entities": [
            {
                "start": entity.start,
                "end": entity.end,
                "label": entity.label,
                "text": document.surface(entity),
                "score": None if entity.score is None else round(entity.score, 4),
            }
            for entity in document.entities
        ],
    }


def json_lines(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """One JSON object a line."""
    for document in documents:
        yield json.dumps(record(document), ensure_ascii=False) + "\n"


def columns(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """Word and tag columns, an empty line after every document.

    Raises:
        CorpusError: a word holds a tab or a line break, or the model gives no tags.
    """
    for document in documents:
        if document.words and document.tags is None:
            raise CorpusError(
                f"document {document.id!r}: columns hold one tag a word, and this "
                "model gives none: its entities may nest. Use --format jsonl or html."
            )
        surfaces = [document.surface(word) for word in document.words or ()]
        for surface in surfaces:
            if "\t" in surface or "\n" in surface:
                raise CorpusError(
                    f"document {document.id!r}: a tab or line break in the word "
                    f"{shorten(surface)}; columns cannot hold it. Use --format jsonl."
                )
        pairs = zip(surfaces, document.tags or (), strict=True)
        yield "".join(f"{surface}\t{tag}\n" for surface, tag in pairs)
        yield "\n"


def items(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """Rasa Markdown, an item a document, with the outermost entities.

    What the input says of an entity (a value, a role) is not predicted and is left out.

    Raises:
        CorpusError: a text holds a line break.
    """
    for document in documents:
        flat = tuple(outermost(document.entities))
        yield format_item(Document(document.id, document.text, flat))


def terminal(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """Coloured text for a terminal, each entity with its label behind it.

    Entities that cross others stand in a line below.
    """
    color = {label: COLORS[i % len(COLORS)] for i, label in enumerate(labels)}

    def draw(text: str, entity: Entity) -> str:
        code = color.get(entity.label, COLORS[0])
        own = f"\x1b[1;{code}m"
        text = text.replace(RESET, RESET + own)  # behind an entity within this one
        return f"{own}{text}{RESET}\x1b[2m[{entity.label}]{RESET}"

    for document in documents:
        yield _marked(document, str, draw) + "\n"
        crossing = [draw(document.surface(e), e) for e in _crossing(document)]
        if crossing:
            yield f"{OVERLAPPING}{' '.join(crossing)}\n"


def page(documents: Iterable[Document], labels: Sequence[str]) -> Iterator[str]:
    """A self-contained HTML page with highlighted entities.

    Entities within others are drawn inside them; one that crosses another stands in a
    line below the text.
    """
    yield PAGE_HEAD
    classes = {label: f"l{number}" for number, label in enumerate(labels)}
    for number, _ in enumerate(labels):
        hue, light = HUES[number % len(HUES)], 88 - 6 * (number // len(HUES) % 3)
        colors = (
            f"--light: hsl({hue} 85% {light}%); --dark: hsl({hue} 40% {light - 60}%)"
        )
        yield f".l{number} {{ {colors}; }}\n"
    yield "</style></head><body>\n"

    def draw(text: str, entity: Entity) -> str:
        score = "" if entity.score is None else f' title="{entity.score:.3f}"'
        kind = classes.get(entity.label, "l0")
        label = html.escape(entity.label)
        return f'<mark class="{kind}"{score}>{text}<small>{label}</small></mark>'

    for document in documents:
        yield f"<p>{_marked(document, html.escape, draw)}</p>\n"
        crossing = _crossing(document)
        if crossing:
            surfaces = [html.escape(document.surface(entity)) for entity in crossing]
            also = map(draw, surfaces, crossing)
            yield f'<p class="also">{OVERLAPPING}{" ".join(also)}</p>\n'
    yield "</body></html>\n"


def _crossing(document: Document) -> list[Entity]:
    return split_crossing(document.entities)[1]


def _marked(
    document: Document,
    plain: Callable[[str], str],
    draw: Callable[[str, Entity], str],
) -> str:
    """Text with its entities drawn, each within those around it; none that crosses."""
    entities, _ = split_crossing(document.entities)

    def write(start: int, end: int, first: int, last: int) -> str:
        """Characters `start` to `end` with the entities numbered `first` to `last`."""
        parts, done = [], start
        while first < last:
            entity, after = entities[first], first + 1
            while after < last and entities[after].start < entity.end:
                after += 1
            parts.append(plain(document.text[done : entity.start]))
            inside = write(entity.start, entity.end, first + 1, after)
            parts.append(draw(inside, entity))
            done, first = entity.end, after
        return "".join([*parts, plain(document.text[done:end])])

    return write(0, len(document.text), 0, len(entities))


RENDERERS: Mapping[str, Callable[..., Iterator[str]]] = {
    "jsonl": json_lines,
    "conll": columns,
    "rasa": items,
    "text": terminal,
    "html": page,
}


def render(
    documents: Iterable[Document], format: str, *, labels: Sequence[str]
) -> Iterator[str]:
    """Pieces of output text, in constant memory.

    Args:
        documents: predicted.
        format: a key of `RENDERERS`.
        labels: in order; decides the colours.

    Raises:
        ConfigError: the format is unknown.
    """
    if format not in RENDERERS:
        raise ConfigError(unknown("output format", format, RENDERERS))
    return RENDERERS[format](documents, labels)
