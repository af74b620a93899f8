"""A report on disk: for programs, for terminals, and a page for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfner.document import Document
from tfner.errors import CorpusError
from tfner.evaluation.breakdown import Breakdown
from tfner.evaluation.mistakes import find_mistakes
from tfner.evaluation.score import Score, matched
from tfner.reports.figures import (
    Files,
    draw_confusion,
    draw_curves,
    draw_measures,
    draw_reliability,
)
from tfner.reports.text import render_markdown, render_text, render_words
from tfner.storage.files import whole_file
from tfner.storage.remote import is_remote, published

FIGURES = "figures"


@dataclass(frozen=True)
class Report:
    """All that a report shows.

    Args:
        title: names the model and the corpus.
        score: of the predicted documents.
        breakdown: `Breakdown.to_json`.
        documents: gold and predicted ones with a mistake.
        history: a record an epoch, with `epoch`, `loss` and, with dev, `dev_loss` and
            `dev_f1`; empty where training is unknown.
        best_epoch: the epoch that was kept, or None.
        settings: of the run.
        versions: of the software.
    """

    title: str
    score: Score
    breakdown: Mapping[str, Any]
    documents: Sequence[tuple[Document, Document]]
    history: Sequence[Mapping[str, float]] = ()
    best_epoch: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def epoch_line(self) -> str:
        """The epoch that was kept, with its losses; empty where it is unknown."""
        for line in self.history:
            if line["epoch"] == self.best_epoch:
                dev = f", dev loss {line['dev_loss']:.4f}" if "dev_loss" in line else ""
                return (
                    f"best epoch {self.best_epoch}: train loss {line['loss']:.4f}{dev}"
                )
        return ""


def make_report(
    title: str,
    score: Score,
    gold: Iterable[Document],
    predicted: Iterable[Document],
    *,
    seen: Set[str] | None = None,
    **about: Any,
) -> Report:
    """Count everything that a report shows.

    Args:
        title: names the model and the corpus.
        score: of these documents.
        gold: documents with the right entities.
        predicted: the same ones, in the same order, as predicted.
        seen: surfaces of the training corpus's entities, or None where unknown.
        **about: `history`, `best_epoch`, `settings` and `versions` of the report.
    """
    breakdown = Breakdown(seen=seen)
    wrong = []
    for right, guess in matched(gold, predicted):
        breakdown.add(right, guess)
        if find_mistakes(right, guess):
            wrong.append((right, guess))
    return Report(title, score, breakdown.to_json(), wrong, **about)


def write_report(directory: Path, report: Report) -> None:
    """Write `classification_report.txt`, `report.md`, `metrics.json`, figures, page.

    Raises:
        CorpusError: a file cannot be written.
    """
    if is_remote(directory):
        with published(directory, CorpusError, replace=False) as stage:
            return write_report(stage, report)
    from tfner.reports.page import render_page

    drawn = draw_figures(report)
    try:
        (directory / FIGURES).mkdir(parents=True, exist_ok=True)
        for title, files in drawn.items():
            name = title.lower().replace(" ", "_")
            (directory / FIGURES / f"{name}.png").write_bytes(files["png"])
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise CorpusError(message, path=directory) from error
    pictures = {title: files["svg"].decode() for title, files in drawn.items()}
    texts = {
        "classification_report.txt": [classification_report(report)],
        "report.md": [render_markdown(report.score)],
        "metrics.json": [metrics_json(report)],
        "report.html": render_page(report, pictures),
    }
    for name, parts in texts.items():
        with whole_file(str(directory / name)) as file:
            file.writelines(parts)


def classification_report(report: Report) -> str:
    """Entity level, word level, and the epoch, as text."""
    parts = ["Entity level\n", render_text(report.score), "Word level\n"]
    parts.append(render_words(report.breakdown["word_level"]))
    if report.epoch_line:
        parts.append(f"{report.epoch_line}\n")
    return "\n".join(parts)


def metrics_json(report: Report) -> str:
    """Everything that was counted, as JSON."""
    record = {
        **report.score.to_json(),
        **report.breakdown,
        "best_epoch": report.best_epoch,
        "history": list(report.history),
    }
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


def draw_figures(report: Report) -> dict[str, Files]:
    """Every figure that the counts allow, by its title."""
    found: dict[str, Files] = {}
    history, breakdown = report.history, report.breakdown
    if history:
        known = [n for n in ("loss", "dev_loss") if n in history[0]]
        found["Loss"] = draw_curves(history, known, report.best_epoch)
    if history and "dev_f1" in history[0]:
        found["F1 on dev"] = draw_curves(history, ["dev_f1"], report.best_epoch)
    if report.score.per_label:
        found["F1 by label"] = draw_measures(report.score.per_label, "F1 (support)")
    if breakdown["confusion"]:
        found["Confusion"] = draw_confusion(breakdown["confusion"])
    if breakdown["reliability"]:
        found["Reliability"] = draw_reliability(breakdown["reliability"])
    if breakdown["by_length"]:
        rows = breakdown["by_length"]
        found["F1 by length"] = draw_measures(rows, "F1 by words of an entity")
    if breakdown["by_novelty"]:
        rows = breakdown["by_novelty"]
        found["F1 by novelty"] = draw_measures(rows, "F1 by surface")
    return found
