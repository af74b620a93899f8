"""The report of a run: on the predictions that it has scored, none made anew."""

from __future__ import annotations

import logging
from pathlib import Path

from tfner.finetuning.result import RunResult
from tfner.finetuning.training_data import TrainingData
from tfner.inference.native_bundle import versions
from tfner.reports.content import make_report
from tfner.reports.directory import write_report
from tfner.storage.remote import address

logger = logging.getLogger(__name__)


def report_run(directory: Path, result: RunResult, data: TrainingData) -> None:
    """Write a report of one seed's model on test, or on dev without it.

    Args:
        directory: of the report.
        result: holds the predictions and their scores.
        data: what the model was trained on.

    Raises:
        StorageError: a file cannot be written.
    """
    settings, part = data.config.to_json(), "test" if result.test else "dev"
    evaluated = result.test or result.dev
    if evaluated is None:
        logger.warning("no report: there is neither a test nor a dev corpus")
        return
    whole = settings["train"] or "the documents"
    corpus = settings[part] or f"the {part} part of {whole}"
    content = make_report(
        f"{address(result.directory)} on {corpus}",
        evaluated.score,
        evaluated.gold,
        evaluated.predicted,
        train=data.corpora.train,
        history=result.history,
        best_epoch=result.best_epoch,
        settings={**settings, "seed": result.seed},
        versions=versions(),
    )
    write_report(directory, content, overwrite=data.config.saving.overwrite)
    logger.info("report: %s", address(directory / "report.html"))
