"""`tfner evaluate`: a model's scores on a corpus."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfner.cli.options import (
    CorpusOptions,
    Decode,
    Json,
    Model,
    ModelOptions,
    with_groups,
)
from tfner.cli.output import (
    import_tensorflow,
    print_json,
    print_text,
    refuse_existing,
)
from tfner.document import Document
from tfner.errors import LabelError
from tfner.storage.remote import address

if TYPE_CHECKING:
    from tfner.evaluation import Score

logger = logging.getLogger(__name__)

ReportDirectory = Annotated[
    Path | None,
    typer.Option("--report", help="Directory for a report: page, figures, text, JSON."),
]
Train = Annotated[
    str | None,
    typer.Option(
        help="Training corpus, so that the report tells known entities from new ones."
    ),
]
OverwriteReport = Annotated[
    bool, typer.Option(help="Replace the files of an existing report.")
]
Convention = Annotated[str, typer.Option(help="exact, conlleval, strict or partial.")]
AllowUnknownLabels = Annotated[
    bool, typer.Option(help="Count entities of labels the model lacks as missed.")
]


@with_groups
def command(
    model: Model,
    file: Annotated[str, typer.Argument(help="Corpus with gold entities.")],
    reading: CorpusOptions,
    given: ModelOptions,
    json: Json = False,
    report: ReportDirectory = None,
    overwrite: OverwriteReport = False,
    train: Train = None,
    convention: Convention = "exact",
    allow_unknown_labels: AllowUnknownLabels = False,
    decode: Decode = None,
) -> None:
    """Score a model on a corpus: precision, recall, F1, in total and per label."""
    from tfner.evaluation import score
    from tfner.evaluation.conventions import check_convention

    check_convention(convention)
    if report is not None:
        refuse_existing(report, overwrite=overwrite)
    gold = list(reading.read(file))
    seen = None if train is None else list(reading.read(train))
    import_tensorflow()
    predictor = given.load(model, decode=decode)
    if not allow_unknown_labels:
        check_labels(file, gold, predictor.task.label_set.labels)
    if not any(document.entities for document in gold):
        logger.info(
            "%s: no document holds an entity; recall and F1 are 0 by convention", file
        )
    found = predictor.predict(gold)
    result = score(gold, found, convention=convention, counts=predictor.counts)
    if report is not None:
        title = f"{model} on {file}"
        write_report(report, title, result, gold, found, model=model, train=seen)
    show(result, json=json)


def show(result: Score, *, json: bool) -> None:
    """The scores on standard output."""
    if json:
        print_json(result.to_json())
    else:
        from tfner.reports.text import render_text

        print_text(render_text(result))


def check_labels(file: str, gold: Iterable[Document], labels: Iterable[str]) -> None:
    """Gold labels that the model cannot predict are a mistake until said otherwise.

    Raises:
        LabelError: there are some.
    """
    known = set(labels)
    strangers = sorted({e.label for d in gold for e in d.entities} - known)
    if strangers:
        raise LabelError(
            f"{file}: labels the model does not have: {', '.join(strangers)}. "
            f"Known: {', '.join(sorted(known))}. Add --allow-unknown-labels to count "
            "their entities as missed."
        )


def write_report(
    directory: Path,
    title: str,
    result: Score,
    gold: Sequence[Document],
    found: Sequence[Document],
    *,
    model: str,
    train: Sequence[Document] | None,
) -> None:
    """Write everything that is known of a model on a corpus."""
    from tfner.evaluation.breakdown import surfaces
    from tfner.inference.loading import describe_model
    from tfner.reports import directory as report_files

    report = report_files.make_report(
        title,
        result,
        gold,
        found,
        seen=None if train is None else surfaces(train),
        **describe_model(model),
    )
    report_files.write_report(directory, report)
    logger.info("report: %s", address(directory / "report.html"))
