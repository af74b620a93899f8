"""Scores as people read them: aligned text for a terminal, Markdown for a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from tfner.evaluation.score import Score
from tfner.evaluation.tally import Measures
from tfner.reports.content import Report

HEADINGS = ("label", "precision", "recall", "F1", "support", "predicted")
NEEDS = "needs tags of a named scheme on both sides, over the same words"
SENTENCES = {
    "entities_off_word_boundaries": (
        "gold entities off the boundaries of the model's words, counted as missed"
    ),
    "repaired_tags": "predicted tags that broke their scheme and were repaired",
}


def render_text(score: Score) -> str:
    """Write a score as a table of labels, averages, other conventions and losses."""
    lines = aligned([HEADINGS, *rows_of(score.per_label), (), *_average_rows(score)])
    if score.interval:
        lines += ["", interval_line(score)]
    lines += ["", *_aligned_left(_convention_rows(score))]
    return "\n".join([*lines, "", *coverage_lines(score), ""])


def render_markdown(score: Score) -> str:
    """Write a score as Markdown, with the same content as `render_text`."""
    others = (f"{name}: {figures}" for name, figures in _convention_rows(score))
    rows = [*rows_of(score.per_label), *_average_rows(score)]
    lines = [
        f"## F1 {score.f1:.4f} ({score.convention})",
        "",
        *([interval_line(score), ""] if score.interval else []),
        _markdown_row(HEADINGS),
        _markdown_row(("---", *["---:"] * (len(HEADINGS) - 1))),
        *(_markdown_row(row) for row in rows),
        "",
        *(f"- {line}" for line in (*others, *coverage_lines(score))),
    ]
    return "\n".join([*lines, ""])


def classification_report(report: Report) -> str:
    """Write the entity level, the word level and the epoch as text."""
    parts = ["Entity level\n", render_text(report.score), "Word level\n"]
    parts.append(render_words(report.breakdown["word_level"]))
    if report.epoch_line:
        parts.append(f"{report.epoch_line}\n")
    return "\n".join(parts)


def _row(name: str, row: Measures) -> tuple[str, ...]:
    fractions = (row["precision"], row["recall"], row["f1"])
    numbers = (row["support"], row["predicted"])
    return (name, *(f"{x:.4f}" for x in fractions), *(str(n) for n in numbers))


def render_words(level: Mapping[str, Any]) -> str:
    """Write the word level of a breakdown as a table of labels and their average."""
    rows = [*rows_of(level["per_label"]), (), _row("micro", cast(Measures, level))]
    return "\n".join(aligned([HEADINGS, *rows])) + "\n"


def rows_of(per_label: Mapping[str, Measures]) -> list[tuple[str, ...]]:
    """Make a row of text for each label: its name, then the columns of `HEADINGS`."""
    return [_row(label, row) for label, row in per_label.items()]


def _average_rows(score: Score) -> list[tuple[str, ...]]:
    averages = {
        "micro": score.micro,
        "macro": score.macro,
        "weighted": score.weighted,
    }
    return [_row(name, row) for name, row in averages.items()]


def _convention_rows(score: Score) -> Iterable[tuple[str, str]]:
    for name, figures in score.conventions.items():
        mark = " (above)" if name == score.convention else ""
        if isinstance(figures, str):
            yield name, f"{figures}: {NEEDS}"
        else:
            values = (figures[key] for key in ("f1", "precision", "recall"))
            yield name, "F1 {:.4f}  P {:.4f}  R {:.4f}".format(*values) + mark


def interval_line(score: Score) -> str:
    """Say the F1 with its interval in a sentence; empty without one."""
    interval = score.interval
    if interval is None:
        return ""
    return (
        f"F1 {score.f1:.4f} ({score.convention}), {interval['level']:.0%} interval "
        f"{interval['low']:.4f} to {interval['high']:.4f} ({interval['resamples']} "
        f"resamples over documents, seed {interval['seed']})"
    )


def coverage_lines(score: Score) -> list[str]:
    """Write a sentence for each kind of loss that happened."""
    coverage = dict(score.coverage)
    totals = (coverage.pop(name) for name in ("documents", "gold_entities"))
    lines = ["documents: {}, gold entities: {}".format(*totals)]
    for name, number in coverage.items():
        if number:
            sentence = SENTENCES.get(name, name.replace("_", " "))
            lines.append(f"{sentence}: {number}")
    return lines


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align the first column left, others right; an empty row is a blank line."""
    full = [row for row in rows if row]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _aligned_left(rows: Iterable[tuple[str, str]]) -> list[str]:
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    return [f"{name.ljust(width)}  {text}" for name, text in rows]
