"""A comparison of two predictions: text for the terminal, a page for the browser."""

from __future__ import annotations

from collections.abc import Iterator

from tfner.evaluation.comparison import KINDS, VERDICTS, Changed, Comparison
from tfner.evaluation.resampling import LEVEL
from tfner.reports.html import (
    SHOWN_DOCUMENTS,
    Article,
    Table,
    heading_of,
    make_article,
    render_template,
)
from tfner.reports.text import aligned

SCORE_HEADINGS = ("", "F1", "precision", "recall")


def render_comparison(comparison: Comparison, *, names: tuple[str, str]) -> str:
    """Write scores, changes and significance as text; `names` are those of A and B."""
    lines = aligned([SCORE_HEADINGS, *_scores(comparison, names)])
    lines += ["", *significance(comparison), ""]
    lines += aligned([("from A to B", *VERDICTS, "all"), *_changes(comparison)])
    return "\n".join([*lines, ""])


def render_comparison_page(
    comparison: Comparison, *, names: tuple[str, str]
) -> Iterator[str]:
    """Write a page that needs nothing beside it; `names` are those of A and B."""
    shown = comparison.documents[:SHOWN_DOCUMENTS]
    changes = [change for document in shown for change in document.changes]
    used = {f"{change.kind}, {change.verdict}" for change in changes}
    kinds = [f"{kind}, {verdict}" for kind in KINDS for verdict in VERDICTS]
    return render_template(
        "documents.html",
        title=f"{names[0]} (A) and {names[1]} (B)",
        sentences=significance(comparison),
        tables=[
            Table("Scores", SCORE_HEADINGS, _scores(comparison, names)),
            Table("Changes from A to B", ("", *VERDICTS, "all"), _changes(comparison)),
        ],
        heading=heading_of("read differently", comparison.documents),
        groups={
            "kind": [kind for kind in kinds if kind in used],
            "label": sorted({label for change in changes for label in change.labels}),
        },
        articles=map(_article, shown),
    )


def significance(comparison: Comparison) -> list[str]:
    """Say how large the difference in F1 is, and how far chance may explain it."""
    low, high = comparison.interval
    return [
        f"F1 of B less that of A: {comparison.difference:+.4f}, {LEVEL:.0%} interval "
        f"{low:+.4f} to {high:+.4f} (paired bootstrap)",
        f"p = {comparison.p_value:.4f} (approximate randomization, two-sided); "
        f"{comparison.resamples:,} resamples over documents, seed {comparison.seed}",
    ]


def _scores(
    comparison: Comparison, names: tuple[str, str]
) -> Iterator[tuple[str, ...]]:
    both = (comparison.first, comparison.second)
    for letter, name, score in zip("AB", names, both, strict=True):
        figures = (score.f1, score.precision, score.recall)
        yield f"{letter}  {name}", *(f"{figure:.4f}" for figure in figures)


def _changes(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    for kind in KINDS:
        counts = [comparison.changes[kind, verdict] for verdict in VERDICTS]
        yield kind, *map(str, counts), str(sum(counts))


def _article(document: Changed) -> Article:
    gold, first, second, changes = document
    kinds = ", ".join(sorted({f"{c.kind} ({c.verdict})" for c in changes}))
    return make_article(
        f"{gold.id}: {kinds}",
        [(f"{c.kind}, {c.verdict}", c.labels) for c in changes],
        [("gold", gold), ("A", first), ("B", second)],
        right={*gold.entities},
    )
