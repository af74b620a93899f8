"""The page of a report: one HTML file that needs nothing beside it, and no network."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from tfner.document import Document, Entity
from tfner.evaluation.mistakes import KINDS, Mistake, find_mistakes, spans_of
from tfner.evaluation.report import coverage_lines, interval_line
from tfner.evaluation.report_files import Report
from tfner.evaluation.tally import Measures
from tfner.schemes import Span

SHOWN_DOCUMENTS = 2000
"""Most documents with a mistake on a page: browsers get slow with more."""
HEADINGS = ("", "precision", "recall", "F1", "support", "predicted")
Figures = Mapping[str, str]
"""Title of a figure -> its SVG."""


def render_page(report: Report, figures: Figures) -> Iterator[str]:
    """Parts of the page, in order."""
    title = html.escape(report.title)
    style = files(__package__).joinpath("page.css").read_text("utf-8")
    script = files(__package__).joinpath("page.js").read_text("utf-8")
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>\n{style}</style></head><body>\n<h1>{title}</h1>\n"
    )
    yield from _summary(report)
    yield from _figures(figures)
    yield from _tables(report)
    yield from _mistakes(report)
    yield from _facts(report)
    yield f"<script>\n{script}</script></body></html>\n"


def _summary(report: Report) -> Iterator[str]:
    score = report.score
    cards = [
        ("F1", f"{score.f1:.4f}", score.convention),
        ("precision", f"{score.precision:.4f}", f"{score.predicted:,} predicted"),
        ("recall", f"{score.recall:.4f}", f"{score.support:,} gold entities"),
        ("word level F1", f"{report.breakdown['word_level']['f1']:.4f}", "labels"),
    ]
    yield '<section class="cards">'
    for name, value, note in cards:
        yield f"<div><small>{name}</small><b>{value}</b><small>{note}</small></div>"
    yield "</section>\n"
    lines = [interval_line(score), report.epoch_line, *coverage_lines(score)]
    yield "<ul>"
    yield from (f"<li>{html.escape(line)}</li>" for line in lines if line)
    yield "</ul>\n"


def _figures(figures: Figures) -> Iterator[str]:
    yield '<section class="figures">'
    for title, svg in figures.items():
        drawing = svg[svg.index("<svg") :]
        yield f"<figure><figcaption>{html.escape(title)}</figcaption>{drawing}</figure>"
    yield "</section>\n"


def _tables(report: Report) -> Iterator[str]:
    score, words = report.score, report.breakdown["word_level"]
    averages = {"micro": score.micro, "macro": score.macro, "weighted": score.weighted}
    yield _table("Entities by label", {**score.per_label, **averages})
    yield _table("Words by label", {**words["per_label"], "micro": words})
    yield _table("Entities by length in words", report.breakdown["by_length"])
    if report.breakdown["by_novelty"] is not None:
        yield _table("Entities by surface", report.breakdown["by_novelty"])
    rows = "".join(
        f"<tr><th>{name}</th><td>{_figures_of(found)}</td></tr>"
        for name, found in score.conventions.items()
    )
    yield f"<h2>Conventions</h2><table>{rows}</table>\n"


def _figures_of(found: Mapping[str, Any] | str) -> str:
    if isinstance(found, str):
        return found
    names = (("F1", "f1"), ("precision", "precision"), ("recall", "recall"))
    return ", ".join(f"{name} {found[key]:.4f}" for name, key in names)


def _table(title: str, rows: Mapping[str, Measures]) -> str:
    head = "".join(f"<th>{name}</th>" for name in HEADINGS)
    body = "".join(
        f"<tr><th>{html.escape(name)}</th>"
        + "".join(f"<td>{row[key]:.4f}</td>" for key in ("precision", "recall", "f1"))
        + f"<td>{row['support']:,}</td><td>{row['predicted']:,}</td></tr>"
        for name, row in rows.items()
    )
    return f"<h2>{title}</h2><table><tr>{head}</tr>{body}</table>\n"


def _mistakes(report: Report) -> Iterator[str]:
    shown = report.documents[:SHOWN_DOCUMENTS]
    total = len(report.documents)
    note = "" if total == len(shown) else f" (the first {len(shown):,} are here)"
    yield f"<h2>{total:,} documents with a mistake{note}</h2>\n"
    found = [(pair, find_mistakes(*pair)) for pair in shown]
    labels = sorted({name for _, all_ in found for m in all_ for name in m.labels})
    yield '<section class="filters">'
    yield from _boxes("kind", KINDS)
    yield from _boxes("label", labels)
    yield '<output id="count"></output></section>\n<section id="mistakes">\n'
    for (gold, predicted), mistakes in found:
        yield _one(gold, predicted, mistakes)
    yield "</section>\n"


def _boxes(name: str, values: Iterable[str]) -> Iterator[str]:
    yield "<fieldset>"
    for value in values:
        text = html.escape(value)
        yield (
            f'<label><input type="checkbox" name="{name}" value="{text}" checked>'
            f"{text}</label>"
        )
    yield "</fieldset>"


def _one(gold: Document, predicted: Document, mistakes: Sequence[Mistake]) -> str:
    kinds = ", ".join(sorted({m.kind for m in mistakes}))
    data = json.dumps([[m.kind, sorted(m.labels)] for m in mistakes])
    right = spans_of(gold) & spans_of(predicted)
    lines = "".join(
        f"<p><small>{side}</small>{_marked(document, right)}</p>"
        for side, document in (("gold", gold), ("predicted", predicted))
    )
    return (
        f'<article data-mistakes="{html.escape(data)}">'
        f"<header>{html.escape(gold.id)}: {kinds}</header>"
        f"{lines}</article>\n"
    )


def _marked(document: Document, right: set[Span]) -> str:
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
            kind = "right" if _span(entity) in right else "wrong"
            parts.append(f'<mark class="{kind}">')
        opened[first:] = starting
    return "".join([*parts, html.escape(document.text[done:])])


def _span(entity: Entity) -> Span:
    return Span(entity.start, entity.end, entity.label)


def _facts(report: Report) -> Iterator[str]:
    for title, rows in (("Settings", report.settings), ("Versions", report.versions)):
        if rows:
            body = "".join(
                f"<tr><th>{html.escape(str(key))}</th>"
                f"<td>{html.escape(str(value))}</td></tr>"
                for key, value in rows.items()
            )
            yield f"<h2>{title}</h2><table>{body}</table>\n"
