"""The page of a report: one HTML file that needs nothing beside it, and no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tfner.document import Document
from tfner.evaluation.mistakes import KINDS, Mistake, find_mistakes
from tfner.evaluation.tally import Measures
from tfner.reports.content import Report
from tfner.reports.html import (
    SHOWN_DOCUMENTS,
    Article,
    Table,
    heading_of,
    make_article,
    render_template,
)
from tfner.reports.text import HEADINGS, coverage_lines, interval_line, rows_of


def render_page(report: Report, figures: Mapping[str, str]) -> Iterator[str]:
    """Write the page, part by part.

    Args:
        report: its content.
        figures: SVG of each figure, by its title.
    """
    score = report.score
    wrong = [
        (gold, predicted, find_mistakes(gold, predicted))
        for gold, predicted in report.documents[:SHOWN_DOCUMENTS]
    ]
    mistakes = [mistake for *_, found in wrong for mistake in found]
    facts = {"Settings": report.settings, "Versions": report.versions}
    return render_template(
        "report.html",
        title=report.title,
        cards=_cards(report),
        sentences=[interval_line(score), report.epoch_line, *coverage_lines(score)],
        figures={title: svg[svg.index("<svg") :] for title, svg in figures.items()},
        tables=_tables(report),
        heading=heading_of("with a mistake", report.documents),
        groups={
            "kind": KINDS,
            "label": sorted({label for m in mistakes for label in m.labels}),
        },
        articles=(_article(*document) for document in wrong),
        facts=[Table(name, (), rows.items()) for name, rows in facts.items() if rows],
    )


def _cards(report: Report) -> list[tuple[str, float, str]]:
    """Name, value and note of the figures on top."""
    score, words = report.score, report.breakdown["word_level"]
    return [
        ("F1", score.f1, score.convention),
        ("precision", score.precision, f"{score.predicted:,} predicted"),
        ("recall", score.recall, f"{score.support:,} gold entities"),
        ("word level F1", words["f1"], "labels of words"),
    ]


def _tables(report: Report) -> Iterator[Table]:
    score, breakdown = report.score, report.breakdown
    words = breakdown["word_level"]
    averages = {"micro": score.micro, "macro": score.macro, "weighted": score.weighted}
    yield _measures("Entities by label", {**score.per_label, **averages})
    yield _measures("Words by label", {**words["per_label"], "micro": words})
    yield _measures("Entities by length in words", breakdown["by_length"])
    if breakdown["by_novelty"] is not None:
        yield _measures("Entities by surface", breakdown["by_novelty"])
    conventions = score.conventions.items()
    yield Table("Conventions", (), [(name, _line(row)) for name, row in conventions])


def _measures(title: str, rows: Mapping[str, Measures]) -> Table:
    return Table(title, HEADINGS, rows_of(rows))


def _line(figures: Mapping[str, Any] | str) -> str:
    if isinstance(figures, str):
        return figures
    names = (("F1", "f1"), ("precision", "precision"), ("recall", "recall"))
    return ", ".join(f"{name} {figures[key]:.4f}" for name, key in names)


def _article(gold: Document, predicted: Document, mistakes: list[Mistake]) -> Article:
    kinds = ", ".join(sorted({mistake.kind for mistake in mistakes}))
    return make_article(
        f"{gold.id}: {kinds}",
        [(mistake.kind, mistake.labels) for mistake in mistakes],
        [("gold", gold), ("predicted", predicted)],
        right={*gold.entities} & {*predicted.entities},
    )
