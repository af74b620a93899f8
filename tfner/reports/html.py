"""Parts that the HTML pages of evaluation share."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Sequence, Set
from importlib.resources import files

from tfner.document import Document, Entity
from tfner.schemes import Span

SHOWN_DOCUMENTS = 2000
"""Most documents on a page: browsers get slow with more."""


def page(title: str, body: Iterable[str]) -> Iterator[str]:
    """A self-contained page around a body."""
    title = html.escape(title)
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>\n{_asset('page.css')}</style></head><body>\n<h1>{title}</h1>\n"
    )
    yield from body
    yield f"<script>\n{_asset('page.js')}</script></body></html>\n"


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def cards(items: Iterable[tuple[str, str, str]]) -> str:
    """A row of figures: name, value and a note each."""
    shown = "".join(
        f"<div><small>{name}</small><b>{value}</b><small>{html.escape(note)}</small></div>"
        for name, value, note in items
    )
    return f'<section class="cards">{shown}</section>\n'


def bullets(lines: Iterable[str]) -> str:
    """A list of sentences; empty ones are left out."""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines if line)
    return f"<ul>{items}</ul>\n"


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A heading and a table; the first cell of a row names it."""
    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr><th>{html.escape(str(name))}</th>"
        + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    top = f"<tr>{top}</tr>" if top else ""
    return f"<h2>{html.escape(title)}</h2><table>{top}{body}</table>\n"


def filters(**groups: Iterable[str]) -> str:
    """Boxes to choose articles by; `page.js` reads `data-items` of each article."""
    parts = ['<section class="filters">']
    for name, values in groups.items():
        parts.append("<fieldset>")
        for value in values:
            text = html.escape(value)
            box = f'<input type="checkbox" name="{name}" value="{text}" checked>'
            parts.append(f"<label>{box}{text}</label>")
        parts.append("</fieldset>")
    return "".join([*parts, '<output id="count"></output></section>\n'])


def article(
    heading: str,
    items: Sequence[Sequence[object]],
    sides: Iterable[tuple[str, Document]],
    right: Set[Span],
) -> str:
    """One document as several read it.

    Args:
        heading: names the document.
        items: kind and labels of each thing to filter by.
        sides: name of the reader, and the document with its entities.
        right: entities that are drawn as right.
    """
    lines = "".join(
        f"<p><small>{html.escape(side)}</small>{marked(document, right)}</p>"
        for side, document in sides
    )
    data = html.escape(json.dumps(items))
    return (
        f'<article data-items="{data}"><header>{html.escape(heading)}</header>'
        f"{lines}</article>\n"
    )


def marked(document: Document, right: Set[Span]) -> str:
    """The text with its entities, those within others drawn inside them.

    Of entities that cross, the inner one is closed and opened again.
    """
    parts: list[str] = []
    opened: list[Entity] = []
    done = 0
    entities = document.entities
    for border in sorted({border for e in entities for border in (e.start, e.end)}):
        parts.append(html.escape(document.text[done:border]))
        done = border
        first = next((n for n, e in enumerate(opened) if e.end == border), len(opened))
        kept = [e for e in opened[first:] if e.end > border]
        for entity in reversed(opened[first:]):
            label = html.escape(entity.label) if entity.end == border else ""
            parts.append(f"<small>{label}</small></mark>")
        starting = kept + [e for e in entities if e.start == border]
        for entity in starting:
            kind = "right" if Span(*_place(entity)) in right else "wrong"
            parts.append(f'<mark class="{kind}">')
        opened[first:] = starting
    return "".join([*parts, html.escape(document.text[done:])])


def _place(entity: Entity) -> tuple[int, int, str]:
    return entity.start, entity.end, entity.label
