"""`tfner predict`: entities in texts, files or a stream."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfner.cli.options import (
    CorpusOptions,
    Decode,
    EngineOptions,
    ModelOptions,
    Overwrite,
    ServedModel,
    with_groups,
)
from tfner.cli.server_options import ServerOptions
from tfner.config import limits
from tfner.document import Document
from tfner.storage.output import OutputPolicy
from tfner.storage.remote import import_tensorflow

if TYPE_CHECKING:
    from tfner.inference.predictor import Predictor
    from tfner.inference.processes import ProcessesPredictor

logger = logging.getLogger(__name__)

File = Annotated[
    str | None,
    typer.Argument(help="Lines of text (.txt, or - for stdin) or a corpus."),
]
Text = Annotated[list[str] | None, typer.Option(help="A text; may be repeated.")]
To = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="Output format; text on a terminal and jsonl elsewhere if not set. "
        "[jsonl | conll | rasa | text | html | doccano | prodigy | labelstudio]",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File to write; standard output if not set."),
]
Verify = Annotated[
    bool,
    typer.Option("--verify", help="Check the texts stored with the model first."),
]

Processes = Annotated[
    int,
    typer.Option(
        min=1,
        max=limits.PROCESSES,
        help="Processes that predict, each with a model of its own and its share of "
        "the cores. The output does not depend on it.",
    ),
]


@with_groups
def command(
    model: ServedModel,
    reading: CorpusOptions,
    given: ModelOptions,
    server: ServerOptions,
    engines: EngineOptions,
    file: File = None,
    text: Text = None,
    to: To = None,
    output: Output = None,
    overwrite: Overwrite = False,
    verify: Verify = False,
    decode: Decode = None,
    processes: Processes = 1,
) -> None:
    """Find entities in texts. Input is streamed: memory does not grow with it."""
    from tfner.corpus.corpora import texts_format
    from tfner.reports.predictions import render
    from tfner.storage.atomic import whole_file
    from tfner.storage.lines import STANDARD_STREAM, stem_of

    if (file is None) == (not text):
        raise typer.BadParameter("give one of FILE and --text; - reads stdin.")
    to = to or ("text" if _at_terminal(output) else "jsonl")
    render((), to, labels=())  # an unknown format fails before the model loads
    replaces = None if output is None else OutputPolicy(output, overwrite).check()
    documents: Iterable[str | Document] = text or ()
    if file is not None:
        documents = reading.read(file, format=texts_format(file), tags="optional")
    settings = {**given.settings(reading), **server.settings()}
    settings |= {"verify": verify, "decode": decode, **vars(engines)}
    counts = Counter[str]()
    with (
        _predictor(model, processes, settings) as predictor,
        whole_file(output or STANDARD_STREAM, replaces=replaces) as stream,
    ):
        predicted = predictor.stream(documents, counts=counts)
        labels = predictor.label_set.labels
        stream.writelines(render(predicted, to, labels=labels, model=stem_of(model)))
    lost = [f"{count} {name}" for name, count in counts.items() if count]
    if lost:
        logger.info("not everything could be read: %s", ", ".join(lost))


@contextmanager
def _predictor(
    model: str, processes: int, settings: dict[str, Any]
) -> Iterator[Predictor | ProcessesPredictor]:
    if processes == 1:
        from tfner.inference.predictor import Predictor, needs_tensorflow

        if needs_tensorflow(model):
            import_tensorflow()
        yield Predictor.load(model, **settings)
    else:
        from tfner.inference.processes import open_processes

        with open_processes(model, processes, **settings) as predictor:
            yield predictor


def _at_terminal(output: Path | None) -> bool:
    return output is None and sys.stdout.isatty()
