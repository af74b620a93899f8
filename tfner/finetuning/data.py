"""The corpora of a run: read, limited, split, and checked against each other."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from tfner.config.train import DataConfig, TrainConfig
from tfner.corpus import read_corpus
from tfner.corpus.corpora import reading_settings
from tfner.corpus.formats.queries import read_queries
from tfner.corpus.split import hold_out
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError, listed
from tfner.finetuning.recipe import dev_fraction
from tfner.queries import complete_queries, with_queries
from tfner.schemes import LabelSet

logger = logging.getLogger(__name__)

SHOWN_LABELS = 10
MOST_LABELS = 2000
"""Labels of a model: tables of its tags grow with the square of their number."""


@dataclass(frozen=True, init=False)
class Corpora:
    """Documents to train on, to choose the epoch by, and for the final score.

    Args:
        train: documents to learn from.
        dev: documents that select the best epoch; a share of `train` if there are none,
            as `dev_fraction` says.
        test: documents that are scored once, at the end.
    """

    train: list[Document]
    dev: list[Document]
    test: list[Document]

    def __init__(
        self,
        train: Iterable[Document],
        dev: Iterable[Document] | None = None,
        test: Iterable[Document] | None = None,
    ) -> None:
        for name, part in (("train", train), ("dev", dev), ("test", test)):
            object.__setattr__(self, name, list(part or ()))


def load_corpora(
    config: TrainConfig, corpora: Corpora | None = None
) -> tuple[Corpora, LabelSet]:
    """Read what a run needs, and hold out a dev part where there is none.

    Labels come from the whole training corpus, also where only its beginning is used.

    Args:
        config: all settings.
        corpora: documents instead of files.

    Raises:
        ConfigError: both documents and files are given.
        StorageError: a file cannot be read.
        CorpusError: it is no corpus, has no entities, repeats another, or has labels
            that training cannot know, or far too many.
    """
    data = config.data
    found = _read_files(data) if corpora is None else _given(data, corpora)
    known = {entity.label for d in found.train for entity in d.entities}
    labels = config.task.labels or tuple(sorted(known))
    if not labels:
        raise CorpusError(
            "no document holds an entity: there is nothing to learn. Check the tag "
            "column (--tag-column) and the format (--from).",
            path=data.train or None,
        )
    if len(labels) > MOST_LABELS:
        raise CorpusError(
            f"{len(labels):,} labels, such as {listed(labels[:3])}; a model can have "
            f"{MOST_LABELS:,}. Check the tag column (--tag-column) and the format "
            "(--from).",
            path=data.train or None,
        )
    found = _with_dev(data, found, config.optimizer.recipe)
    _check_labels(config, labels, found)
    _check_test(data, found)
    sizes = len(found.train), len(found.dev), len(found.test)
    logger.info("%s training, %s dev, %s test sentences", *sizes)
    train = _with_queries(config, found.train, labels)
    label_set = LabelSet(labels, scheme=config.task.scheme)
    return Corpora(train, found.dev, found.test), label_set


def _read_files(data: DataConfig) -> Corpora:
    return Corpora(
        _read(data, data.train),
        _read(data, data.dev) if data.dev else None,
        _read(data, data.test) if data.test else None,
    )


def _given(data: DataConfig, corpora: Corpora) -> Corpora:
    files = [name for name in ("train", "dev", "test") if getattr(data, name)]
    if files:
        raise ConfigError(
            "documents take the place of files. Received: both `corpora` and "
            f"{', '.join(f'`{name}`' for name in files)}. Leave out the one or the "
            "other."
        )
    return corpora


def _with_dev(data: DataConfig, corpora: Corpora, recipe: str) -> Corpora:
    """Limit the training part, and hold out dev from it if there is none."""
    train, dev = corpora.train[: data.limit], corpora.dev
    if data.dev or dev:
        return Corpora(train, dev, corpora.test)
    share = data.dev_fraction
    if share is None:
        share = dev_fraction(recipe, len(train))
        if not share:
            logger.info(
                "no --dev: %s training sentences are too few to hold some out; all are "
                "learned, and the last epoch is kept (--dev-fraction)",
                len(train),
            )
    if share:
        train, dev = _held_out(data, train, share)
        logger.info(
            "no --dev: %s of %s training sentences are held out (--dev-fraction %s, "
            "--dev-seed %s)",
            len(dev),
            len(train) + len(dev),
            share,
            data.dev_seed,
        )
    return Corpora(train, dev, corpora.test)


def _check_test(data: DataConfig, corpora: Corpora) -> None:
    dev, test = _texts(corpora.dev), _texts(corpora.test)
    if dev and dev == test:
        named = f" ({data.test})" if data.test else ""
        raise CorpusError(
            f"dev and test{named} hold the same texts: a score on data that "
            "chose the model is not honest. Give two different files.",
            path=data.dev or data.train or None,
        )


def _with_queries(
    config: TrainConfig, documents: list[Document], labels: tuple[str, ...]
) -> list[Document]:
    """Give the training documents the queries of a file, if one is named.

    Raises:
        ConfigError: a label has no query in it.
    """
    path: str | None = getattr(config.task, "queries", None)
    if path is None:
        return documents
    queries = read_queries(path)
    complete_queries(labels, queries, source=path)
    return with_queries(documents, queries)


def _held_out(
    data: DataConfig, documents: list[Document], share: float
) -> tuple[list[Document], list[Document]]:
    try:
        return hold_out(documents, share, seed=data.dev_seed)
    except CorpusError as error:
        raise CorpusError(
            f"nothing can be held out as dev: {error}. Or give --dev, or train on "
            "everything with --dev-fraction 0.",
            path=data.train or None,
        ) from error


def _read(data: DataConfig, path: str) -> list[Document]:
    settings = reading_settings(data)
    return list(read_corpus(path, format=data.from_format, **settings))


def _texts(documents: list[Document]) -> list[str]:
    return sorted(document.text for document in documents)


def _check_labels(
    config: TrainConfig, labels: tuple[str, ...], corpora: Corpora
) -> None:
    """Labels outside the label set are a mistake in the data or of the caller."""
    data = config.data
    paths = (data.train, data.dev or data.train, data.test)
    parts = (corpora.train, corpora.dev, corpora.test)
    for path, documents in zip(paths, parts, strict=True):
        found = {e.label for document in documents for e in document.entities}
        strangers = sorted(found - set(labels))
        if strangers:
            given = config.task.labels
            source = "--labels does" if given else "the training corpus does"
            raise CorpusError(
                f"labels that {source} not have: "
                f"{', '.join(strangers[:SHOWN_LABELS])}. Known: {listed(labels)}. "
                "Correct the file, or name all labels with --labels to train without "
                "examples of some.",
                path=path or None,
            )
