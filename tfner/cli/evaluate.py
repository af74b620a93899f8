"""`tfner evaluate`: scores of a model on a corpus."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfner.cli.options import (
    CorpusOptions,
    Decode,
    EngineOptions,
    Json,
    ModelOptions,
    Overwrite,
    ServedModel,
    with_groups,
)
from tfner.cli.output import (
    print_json,
    print_text,
)
from tfner.cli.server_options import ServerOptions
from tfner.document import Document
from tfner.storage.output import OutputPolicy
from tfner.storage.remote import address, import_tensorflow

if TYPE_CHECKING:
    from tfner.evaluation import Score
    from tfner.inference.predictor import Predictor

logger = logging.getLogger(__name__)

BY_TAGS = ("conlleval", "strict")
"""Conventions that compare tags word by word."""

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
    model: ServedModel,
    file: Annotated[str, typer.Argument(help="Corpus with gold entities.")],
    reading: CorpusOptions,
    given: ModelOptions,
    server: ServerOptions,
    engines: EngineOptions,
    json: Json = False,
    report: ReportDirectory = None,
    overwrite: Overwrite = False,
    train: Train = None,
    convention: Convention = "exact",
    allow_unknown_labels: AllowUnknownLabels = False,
    decode: Decode = None,
) -> None:
    """Score a model on a corpus: precision, recall, F1, in total and per label.

    A model that learnt the corpus's words is scored as served first, on raw text, if
    that makes a difference.
    """
    from tfner.evaluation import score
    from tfner.evaluation.conventions import check_convention
    from tfner.evaluation.coverage import check_labels
    from tfner.inference.predictor import needs_tensorflow

    check_convention(convention)
    if report is not None:
        OutputPolicy(report, overwrite).check()
    gold = list(reading.read(file))
    known = None if train is None else list(reading.read(train))
    if needs_tensorflow(model):
        import_tensorflow()
    settings = {"decode": decode, **vars(engines), **server.settings()}
    predictor = given.load(model, reading, **settings)
    if not allow_unknown_labels:
        check_labels(gold, predictor.task.label_set.labels, path=file)
    if not any(document.entities for document in gold):
        logger.info(
            "%s: no document holds an entity; recall and F1 are 0 by convention", file
        )
    counts = Counter[str]()
    predicted = predictor.predict(gold, counts=counts)
    result = score(gold, predicted, convention=convention, counts=counts)
    served = score_as_served(predictor, gold, predicted, convention)
    if report is not None:
        from tfner.inference.descriptions import describe_model
        from tfner.reports.content import make_report
        from tfner.reports.directory import write_report

        content = make_report(
            *(f"{model} on {file}", result, gold, predicted),
            train=known,
            **describe_model(model),
        )
        write_report(report, content, overwrite=overwrite)
        logger.info("report: %s", address(report / "report.html"))
    show(result, served, json=json)


def score_as_served(
    predictor: Predictor,
    gold: Sequence[Document],
    predicted: Sequence[Document],
    convention: str,
) -> Score | None:
    """Score a model on raw text, which it cuts into words itself.

    Args:
        predictor: of the model.
        gold: documents of the corpus.
        predicted: the same ones, on the words of the corpus.
        convention: one of tags needs the words of the corpus, and is left to it.

    Returns:
        The score; None where the model finds the same entities on both.
    """
    from tfner.evaluation import score

    if predictor.task.settings().get("words") != "gold" or convention in BY_TAGS:
        return None
    raw = [replace(document, words=None, tags=None) for document in gold]
    counts = Counter[str]()
    found = predictor.predict(raw, counts=counts)
    if all(a.entities == b.entities for a, b in zip(found, predicted, strict=True)):
        return None
    return score(raw, found, convention=convention, counts=counts)


def show(result: Score, served: Score | None, *, json: bool) -> None:
    """Print the scores: as served first, if that is another.

    Args:
        result: on the words of the corpus.
        served: on raw text; None where it is the same.
        json: as one document.
    """
    if json:
        record = result.to_json()
        if served is not None:
            record = {**served.to_json(), "on_corpus_words": record}
        print_json(record)
        return
    from tfner.reports.text import render_text

    if served is not None:
        print_text(f"As served: raw text, words of the model\n\n{render_text(served)}")
        print_text("On the words of the corpus\n")
    print_text(render_text(result))
