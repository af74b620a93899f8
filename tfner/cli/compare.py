"""`tfner compare`: differences between two models, or two annotators."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tfner.cli.options import (
    CorpusOptions,
    EncoderOf,
    Json,
    NoVerify,
    Overwrite,
    TrustGraph,
    with_groups,
)
from tfner.cli.output import print_json, print_text
from tfner.config import limits
from tfner.corpus import find_format
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError, StorageError
from tfner.storage.output import OutputPolicy
from tfner.storage.remote import import_tensorflow

logger = logging.getLogger(__name__)

Side = "A model, or a corpus file with predicted or annotated entities."


@with_groups
def command(
    first: Annotated[str, typer.Argument(metavar="A", help=Side)],
    second: Annotated[str, typer.Argument(metavar="B", help=Side)],
    file: Annotated[str, typer.Argument(help="Corpus with gold entities.")],
    reading: CorpusOptions,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="HTML page to write, with every change."),
    ] = None,
    overwrite: Overwrite = False,
    encoder: EncoderOf = None,
    no_verify: NoVerify = False,
    trust_graph: TrustGraph = False,
    resamples: Annotated[
        int,
        typer.Option(min=100, max=10_000_000, help="Draws of each significance test."),
    ] = 10_000,
    seed: Annotated[
        int,
        typer.Option(min=0, max=limits.SEED, help="Seed of the significance tests."),
    ] = 0,
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
    from tfner.storage.atomic import whole_file

    replaces = None if html is None else OutputPolicy(html, overwrite).check()
    gold = list(reading.read(file))
    names = (first, second)
    encoders = _encoders(encoder, names)
    trust = {"digests": not no_verify, "trust_graph": trust_graph}
    sides = [
        _documents(side, gold, reading, encoder=encoders.get(side), **trust)
        for side in names
    ]
    comparison = compare(gold, *sides, resamples=resamples, seed=seed)
    if html is not None:
        with whole_file(html, replaces=replaces) as stream:
            stream.writelines(render_comparison_page(comparison, names=names))
        logger.info("page: %s", html)
    if json:
        print_json(comparison.to_json())
    else:
        print_text(render_comparison(comparison, names=names))


def _encoders(encoder: str | None, sides: Sequence[str]) -> dict[str, str]:
    """The encoder that is given, by the models that were saved without it.

    Raises:
        ConfigError: there is none.
    """
    if encoder is None:
        return {}
    import_tensorflow()
    from tfner.inference.descriptions import lacks_encoder

    models = [side for side in sides if not _is_corpus(side) and lacks_encoder(side)]
    if not models:
        raise ConfigError(
            "neither side is a model that was saved without its encoder. Received: "
            f"--encoder {encoder}. Leave it out."
        )
    return dict.fromkeys(models, encoder)


def _documents(
    side: str, gold: Sequence[Document], reading: CorpusOptions, **settings: Any
) -> list[Document]:
    """Read or predict the gold documents as one side has them.

    Args:
        side: a corpus or a model.
        gold: has the texts.
        reading: of a corpus, and of tags without a label.
        **settings: of `Predictor.load`.
    """
    if not _is_corpus(side):
        import_tensorflow()
        from tfner.inference.predictor import Predictor

        predictor = Predictor.load(side, label=reading.label, **settings)
        return predictor.predict(gold)
    from tfner.evaluation.comparison import with_ids_of

    return with_ids_of(gold, reading.read(side))


def _is_corpus(side: str) -> bool:
    """Whether it is a corpus: a file, or a directory or address that is no model's."""
    if Path(side).is_file():
        return True
    try:
        find_format(side)
    except (CorpusError, StorageError):
        return False
    return True
