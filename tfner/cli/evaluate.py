"""`tfner evaluate`: scores of a model on a corpus."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfner.cli.options import (
    CorpusOptions,
    Decode,
    Json,
    Model,
    ModelOptions,
    Overwrite,
    with_groups,
)
from tfner.cli.output import (
    print_json,
    print_text,
)
from tfner.storage.output import OutputPolicy
from tfner.storage.remote import address, import_tensorflow

if TYPE_CHECKING:
    from tfner.evaluation import Score

logger = logging.getLogger(__name__)

ReportDirectory = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="DIR",
        help="Directory for a report: page, figures, text, JSON.",
    ),
]
Train = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Training corpus; with it the report tells known entities from new ones.",
    ),
]
Convention = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="When a predicted entity counts as right. "
        "[exact | conlleval | strict | partial]",
    ),
]
AllowUnknownLabels = Annotated[
    bool,
    typer.Option(
        "--allow-unknown-labels",
        help="Count entities of labels that the model lacks as missed.",
    ),
]


@with_groups
def command(
    model: Model,
    file: Annotated[str, typer.Argument(help="Corpus with gold entities.")],
    reading: CorpusOptions,
    given: ModelOptions,
    json: Json = False,
    report: ReportDirectory = None,
    overwrite: Overwrite = False,
    train: Train = None,
    convention: Convention = "exact",
    allow_unknown_labels: AllowUnknownLabels = False,
    decode: Decode = None,
) -> None:
    """Score a model on a corpus: precision, recall, F1, in total and per label."""
    from tfner.evaluation import score
    from tfner.evaluation.conventions import check_convention
    from tfner.evaluation.coverage import check_labels

    check_convention(convention)
    if report is not None:
        OutputPolicy(report, overwrite).check()
    gold = list(reading.read(file))
    known = None if train is None else list(reading.read(train))
    import_tensorflow()
    predictor = given.load(model, decode=decode)
    if not allow_unknown_labels:
        check_labels(gold, predictor.task.label_set.labels, path=file)
    if not any(document.entities for document in gold):
        logger.info(
            "%s: no document holds an entity; recall and F1 are 0 by convention", file
        )
    counts = Counter[str]()
    predicted = predictor.predict(gold, counts=counts)
    result = score(gold, predicted, convention=convention, counts=counts)
    if report is not None:
        from tfner.inference.loading import describe_model
        from tfner.reports.content import make_report
        from tfner.reports.directory import write_report

        content = make_report(
            *(f"{model} on {file}", result, gold, predicted),
            train=known,
            **describe_model(model),
        )
        write_report(report, content)
        logger.info("report: %s", address(report / "report.html"))
    show(result, json=json)


def show(result: Score, *, json: bool) -> None:
    """Print the scores."""
    if json:
        print_json(result.to_json())
    else:
        from tfner.reports.text import render_text

        print_text(render_text(result))
