"""`tfner compare`: what one model or annotator does differently from another."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from tfner.cli.options import CorpusOptions, Json, with_groups
from tfner.cli.output import (
    import_tensorflow,
    print_json,
    print_text,
    refuse_existing,
)
from tfner.document import Document

logger = logging.getLogger(__name__)

Side = "A model, or a corpus file with the entities that someone or something found."


@with_groups
def command(
    first: Annotated[str, typer.Argument(metavar="A", help=Side)],
    second: Annotated[str, typer.Argument(metavar="B", help=Side)],
    file: Annotated[str, typer.Argument(help="Corpus with gold entities.")],
    reading: CorpusOptions,
    html: Annotated[
        Path | None, typer.Option(help="Page to write, with every change.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing page.")] = False,
    resamples: Annotated[
        int, typer.Option(min=100, help="Of the significance tests.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the significance tests.")] = 0,
    json: Json = False,
) -> None:
    """Compare two predictions of one corpus: B against A.

    Shows what B gained, lost, retyped and moved, for better or worse by the gold
    entities, and whether the difference in F1 may be chance.
    """
    from tfner.evaluation.comparison import compare
    from tfner.reports.comparison import (
        render_comparison,
        render_comparison_page,
    )
    from tfner.storage.files import whole_file

    if html is not None:
        refuse_existing(html, overwrite=overwrite)
    gold = list(reading.read(file))
    sides = [_documents(side, gold, reading) for side in (first, second)]
    found = compare(gold, *sides, resamples=resamples, seed=seed)
    names = (first, second)
    if html is not None:
        with whole_file(str(html)) as stream:
            stream.writelines(render_comparison_page(found, names=names))
        logger.info("page: %s", html)
    if json:
        print_json(found.to_json())
    else:
        print_text(render_comparison(found, names=names))


def _documents(
    side: str, gold: Sequence[Document], reading: CorpusOptions
) -> list[Document]:
    """What a side found in the gold documents."""
    if not Path(side).is_file():
        import_tensorflow()
        from tfner.inference.predictor import Predictor

        return Predictor.load(side).predict(gold)
    documents = list(reading.read(side))
    # Files of columns number their sentences by their own name.
    ids = [document.id for document in gold] + [d.id for d in documents[len(gold) :]]
    return [replace(d, id=i) for d, i in zip(documents, ids, strict=False)]
