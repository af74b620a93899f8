"""A comparison for people: a summary for the terminal, a page for the browser."""

from __future__ import annotations

from collections.abc import Iterator

from tfner.evaluation.comparison import KINDS, VERDICTS, Comparison
from tfner.evaluation.mistakes import spans_of
from tfner.evaluation.resampling import LEVEL
from tfner.reports import html as markup
from tfner.reports.text import aligned


def render_comparison(comparison: Comparison, *, names: tuple[str, str]) -> str:
    """Scores, changes and significance as text; `names` are those of A and B."""
    lines = aligned([("", "F1", "precision", "recall"), *_scores(comparison, names)])
    lines += ["", *significance(comparison), ""]
    lines += aligned([("from A to B", *VERDICTS, "all"), *_changes(comparison)])
    return "\n".join([*lines, ""])


def render_comparison_page(
    comparison: Comparison, *, names: tuple[str, str]
) -> Iterator[str]:
    """Parts of a self-contained HTML page."""
    title = f"{names[0]} (A) and {names[1]} (B)"
    return markup.page(title, _body(comparison, names))


def significance(comparison: Comparison) -> list[str]:
    """The difference in F1, and how far chance may explain it."""
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


def _body(comparison: Comparison, names: tuple[str, str]) -> Iterator[str]:
    yield markup.bullets(significance(comparison))
    head = ("", "F1", "precision", "recall")
    yield markup.table("Scores", head, _scores(comparison, names))
    yield markup.table(
        "Changes from A to B", ("", *VERDICTS, "all"), _changes(comparison)
    )
    documents = comparison.documents
    shown = documents[: markup.SHOWN_DOCUMENTS]
    note = "" if shown == documents else f" (the first {len(shown):,} are here)"
    yield f"<h2>{len(documents):,} documents read differently{note}</h2>\n"
    labels = sorted({n for d in shown for c in d.changes for n in c.labels})
    kinds = [f"{kind}, {verdict}" for kind in KINDS for verdict in VERDICTS]
    used = {f"{c.kind}, {c.verdict}" for d in shown for c in d.changes}
    yield markup.filters(kind=[kind for kind in kinds if kind in used], label=labels)
    for gold, first, second, changes in shown:
        items = [[f"{c.kind}, {c.verdict}", sorted(c.labels)] for c in changes]
        sides = [("gold", gold), ("A", first), ("B", second)]
        found = ", ".join(sorted({f"{c.kind} ({c.verdict})" for c in changes}))
        right = spans_of(gold)
        yield markup.article(f"{gold.id}: {found}", items, sides, right)
