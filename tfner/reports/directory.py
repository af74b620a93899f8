"""A report on disk: for programs, for terminals, and a page for people."""

from __future__ import annotations

import json
from pathlib import Path

from tfner.reports.content import Report
from tfner.reports.figures import draw_figures
from tfner.reports.page import render_page
from tfner.reports.text import classification_report, render_markdown
from tfner.storage.atomic import whole_file, whole_files

FIGURES = "figures"


def write_report(directory: Path, report: Report, *, overwrite: bool = True) -> None:
    """Write `classification_report.txt`, `report.md`, `metrics.json`, figures, page.

    Args:
        directory: gets them; other files in it stay.
        report: what they tell.
        overwrite: files of the same names are replaced.

    Raises:
        StorageError: a file cannot be written, or is there and may not be replaced.
    """
    figures = draw_figures(report)
    pictures = {title: files["svg"].decode() for title, files in figures.items()}
    texts = {
        "classification_report.txt": [classification_report(report)],
        "report.md": [render_markdown(report.score)],
        "metrics.json": [metrics_json(report)],
        "report.html": render_page(report, pictures),
    }
    with whole_files(directory / FIGURES, overwrite=overwrite) as stage:
        for title, files in figures.items():
            name = title.lower().replace(" ", "_")
            (stage / f"{name}.png").write_bytes(files["png"])
    with whole_files(directory, overwrite=overwrite) as stage:
        for name, parts in texts.items():
            with whole_file(stage / name) as file:
                file.writelines(parts)


def metrics_json(report: Report) -> str:
    """Write everything that was counted as JSON."""
    record = {
        **report.score.to_json(),
        **report.breakdown,
        "best_epoch": report.best_epoch,
        "history": list(report.history),
    }
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"
