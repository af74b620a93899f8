"""The page of a report: one HTML file that needs nothing beside it, and no network."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfner.document import Document
from tfner.evaluation.mistakes import KINDS, Mistake, find_mistakes, spans_of
from tfner.evaluation.tally import Measures
from tfner.reports import html as markup
from tfner.reports.directory import Report
from tfner.reports.text import HEADINGS, coverage_lines, interval_line, rows_of

Figures = Mapping[str, str]
"""Title of a figure -> its SVG."""


def render_page(report: Report, figures: Figures) -> Iterator[str]:
    """Parts of the page, in order."""
    return markup.page(report.title, _body(report, figures))


def _body(report: Report, figures: Figures) -> Iterator[str]:
    score, words = report.score, report.breakdown["word_level"]
    yield markup.cards(
        [
            ("F1", f"{score.f1:.4f}", score.convention),
            ("precision", f"{score.precision:.4f}", f"{score.predicted:,} predicted"),
            ("recall", f"{score.recall:.4f}", f"{score.support:,} gold entities"),
            ("word level F1", f"{words['f1']:.4f}", "labels of words"),
        ]
    )
    lines = [interval_line(score), report.epoch_line, *coverage_lines(score)]
    yield markup.bullets(lines)
    yield from _drawings(figures)
    yield from _tables(report)
    yield from _mistakes(report)
    for title, facts in (("Settings", report.settings), ("Versions", report.versions)):
        if facts:
            yield markup.table(title, (), facts.items())


def _drawings(figures: Figures) -> Iterator[str]:
    yield '<section class="figures">'
    for title, svg in figures.items():
        drawing = svg[svg.index("<svg") :]
        yield f"<figure><figcaption>{html.escape(title)}</figcaption>{drawing}</figure>"
    yield "</section>\n"


def _tables(report: Report) -> Iterator[str]:
    score, breakdown = report.score, report.breakdown
    words = breakdown["word_level"]
    averages = {"micro": score.micro, "macro": score.macro, "weighted": score.weighted}
    yield _measures("Entities by label", {**score.per_label, **averages})
    yield _measures("Words by label", {**words["per_label"], "micro": words})
    yield _measures("Entities by length in words", breakdown["by_length"])
    if breakdown["by_novelty"] is not None:
        yield _measures("Entities by surface", breakdown["by_novelty"])
    rows = ((name, _figures_of(found)) for name, found in score.conventions.items())
    yield markup.table("Conventions", (), rows)


def _figures_of(found: Mapping[str, Any] | str) -> str:
    if isinstance(found, str):
        return found
    names = (("F1", "f1"), ("precision", "precision"), ("recall", "recall"))
    return ", ".join(f"{name} {found[key]:.4f}" for name, key in names)


def _measures(title: str, rows: Mapping[str, Measures]) -> str:
    return markup.table(title, HEADINGS, rows_of(rows))


def _mistakes(report: Report) -> Iterator[str]:
    shown = report.documents[: markup.SHOWN_DOCUMENTS]
    total = len(report.documents)
    note = "" if total == len(shown) else f" (the first {len(shown):,} are here)"
    yield f"<h2>{total:,} documents with a mistake{note}</h2>\n"
    found = [(pair, find_mistakes(*pair)) for pair in shown]
    labels = sorted({name for _, all_ in found for m in all_ for name in m.labels})
    yield markup.filters(kind=KINDS, label=labels)
    yield "<section>\n"
    for (gold, predicted), mistakes in found:
        yield _one(gold, predicted, mistakes)
    yield "</section>\n"


def _one(gold: Document, predicted: Document, mistakes: Sequence[Mistake]) -> str:
    kinds = ", ".join(sorted({m.kind for m in mistakes}))
    items = [[m.kind, sorted(m.labels)] for m in mistakes]
    right = spans_of(gold) & spans_of(predicted)
    return markup.article(
        f"{gold.id}: {kinds}",
        items,
        [("gold", gold), ("predicted", predicted)],
        right,
    )
