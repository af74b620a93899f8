"""`tfner predict`: entities in texts, files or a stream."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from tfner.cli.options import (
    CorpusOptions,
    Decode,
    Model,
    ModelOptions,
    with_groups,
)
from tfner.cli.output import import_tensorflow, refuse_existing
from tfner.document import Document
from tfner.nesting import inner

logger = logging.getLogger(__name__)

File = Annotated[
    str | None,
    typer.Argument(help="Lines of text (.txt, or - for stdin) or a corpus."),
]
Text = Annotated[list[str] | None, typer.Option(help="A text; may be repeated.")]
OutputFormat = Annotated[
    str | None,
    typer.Option(
        help="jsonl, conll, rasa, text or html; text on a terminal, else jsonl."
    ),
]
Output = Annotated[
    Path | None, typer.Option(help="File to write; standard output if not set.")
]
Overwrite = Annotated[bool, typer.Option(help="Replace an existing file.")]
Verify = Annotated[
    bool, typer.Option(help="First check the texts stored with the model.")
]


@with_groups
def command(
    model: Model,
    reading: CorpusOptions,
    given: ModelOptions,
    file: File = None,
    text: Text = None,
    format: OutputFormat = None,
    output: Output = None,
    overwrite: Overwrite = False,
    verify: Verify = False,
    decode: Decode = None,
) -> None:
    """Find entities. Long input is streamed: memory does not grow with it."""
    from tfner.reports.predictions import render
    from tfner.storage.files import whole_file

    if (file is None) == (not text):
        raise typer.BadParameter("give one of FILE and --text; - reads stdin.")
    chosen = format or ("text" if _at_terminal(output) else "jsonl")
    render((), chosen, labels=())  # an unknown format fails before the model loads
    if output is not None:
        refuse_existing(output, overwrite=overwrite)
    documents: Iterable[str | Document] = text or ()
    if file is not None:
        documents = reading.read(file, format=guessed_format(file))
    import_tensorflow()
    predictor = given.load(model, verify=verify, decode=decode)
    known = predictor.task.label_set.labels
    predicted, within = predictor.stream(documents), Counter[str]()
    if chosen == "rasa":
        predicted = _counted(predicted, within)
    parts = render(predicted, chosen, labels=known)
    with whole_file("-" if output is None else str(output)) as stream:
        stream.writelines(parts)
    lost = [f"{count} {name}" for name, count in predictor.counts.items() if count]
    if lost:
        logger.info("not everything could be read: %s", ", ".join(lost))
    if within:
        logger.info(
            "note: rasa holds no entities within or across others; %s are left out. "
            "Use --format jsonl.",
            within.total(),
        )


def _counted(documents: Iterable[Document], within: Counter[str]) -> Iterator[Document]:
    """The documents; counts, by label, the entities that rasa cannot hold."""
    for document in documents:
        within.update(entity.label for entity in inner(document.entities))
        yield document


def guessed_format(file: str) -> str | None:
    """Standard input and `.txt` are plain text here, one document a line.

    As corpora, `.txt` files have columns; but what is to be predicted has no tags yet.
    """
    is_text = file == "-" or file.removesuffix(".gz").endswith(".txt")
    return "text" if is_text else None


def _at_terminal(output: Path | None) -> bool:
    return output is None and sys.stdout.isatty()
