"""`tfner evaluate`: a model's scores on a corpus."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfner.cli.output import (
    as_json,
    import_tensorflow,
    print_json,
    print_text,
    refuse_existing,
    say,
)
from tfner.document import Document
from tfner.errors import LabelError

if TYPE_CHECKING:
    from tfner.evaluation import Score

Model = Annotated[
    str,
    typer.Argument(help="Bundle, SavedModel or Hugging Face tagger."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Format = Annotated[
    str | None,
    typer.Option("--from", help="Format of the file; by its name if not set."),
]
Scheme = Annotated[
    str | None, typer.Option("--from-scheme", help="Tag scheme; detected if not set.")
]
Join = Annotated[str, typer.Option(help="How words make a text: auto, space or none.")]
WordColumn = Annotated[int, typer.Option(help="Column of the word.")]
TagColumn = Annotated[int, typer.Option(help="Column of the tag.")]
Decode = Annotated[
    str | None,
    typer.Option(help="argmax or viterbi; as the model was trained if not set."),
]


def command(
    model: Model,
    file: Annotated[str, typer.Argument(help="Corpus with gold entities.")],
    json: Json = False,
    report: Annotated[
        Path | None, typer.Option(help="Directory for the report in text and Markdown.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option(help="Replace the files of an existing report.")
    ] = False,
    convention: Annotated[
        str, typer.Option(help="exact, conlleval, strict or partial.")
    ] = "exact",
    allow_unknown_labels: Annotated[
        bool,
        typer.Option(help="Count entities of labels the model lacks as missed."),
    ] = False,
    decode: Decode = None,
    format: Format = None,
    from_scheme: Scheme = None,
    join: Join = "auto",
    word_column: WordColumn = 0,
    tag_column: TagColumn = -1,
) -> None:
    """Score a model on a corpus: precision, recall, F1, in total and per label."""
    from tfner.corpus import read_corpus
    from tfner.evaluation import score
    from tfner.evaluation.conventions import check_convention
    from tfner.inference.predictor import Predictor

    check_convention(convention)
    if report is not None:
        refuse_existing(report, overwrite=overwrite)
    gold = list(
        read_corpus(
            file,
            format=format,
            scheme=from_scheme,
            join=join,
            word_column=word_column,
            tag_column=tag_column,
        )
    )
    import_tensorflow()
    predictor = Predictor.load(model, decode=decode)
    labels = predictor.task.label_set.labels
    if not allow_unknown_labels:
        check_labels(file, gold, labels)
    if not any(document.entities for document in gold):
        say(f"{file}: no document holds an entity; recall and F1 are 0 by convention")
    found = predictor.predict(gold)
    result = score(gold, found, convention=convention, counts=predictor.counts)
    if report is not None:
        write_report(report, result)
    if json:
        print_json(result.to_json())
    else:
        from tfner.evaluation.report import render_text

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


def write_report(directory: Path, result: Score) -> None:
    """Write `classification_report.txt`, `report.md` and `metrics.json`."""
    from tfner.corpus.files import whole_file
    from tfner.evaluation.report import render_markdown, render_text

    directory.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("classification_report.txt", render_text(result)),
        ("report.md", render_markdown(result)),
        ("metrics.json", as_json(result.to_json())),
    ):
        with whole_file(str(directory / name)) as file:
            file.write(text.rstrip("\n") + "\n")
    say(f"report: {directory}")
