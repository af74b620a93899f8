"""The corpora of a run: read, limited, split, and checked against each other."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from tfner.config.train import DataConfig, TrainConfig
from tfner.corpus import read_corpus
from tfner.corpus.formats.queries import read_queries
from tfner.corpus.split import hold_out
from tfner.document import Document
from tfner.errors import CorpusError
from tfner.queries import complete_queries, with_queries
from tfner.schemes import LabelSet

logger = logging.getLogger(__name__)

SHOWN_LABELS = 10


@dataclass(frozen=True)
class Corpora:
    """Documents for training, for choosing the epoch, and for the final score."""

    train: list[Document]
    dev: list[Document]
    test: list[Document]
    label_set: LabelSet


def load_corpora(config: TrainConfig) -> Corpora:
    """Read what a run needs.

    Labels come from the whole training file, also where only its beginning is used.

    Raises:
        StorageError: a file cannot be read.
        CorpusError: it is no corpus, has no entities, repeats another, or has labels
            that training cannot know.
    """
    data = config.data
    everything = _read(data, data.train)
    names = config.task.labels or tuple(
        sorted(
            {entity.label for document in everything for entity in document.entities}
        )
    )
    if not names:
        raise CorpusError(
            "no document holds an entity: there is nothing to learn. Check the tag "
            "column (--tag-column) and the format (--from).",
            path=data.train,
        )
    train, dev, test = everything[: data.limit], [], []
    if data.dev:
        dev = _read(data, data.dev)
    elif data.dev_fraction:
        train, dev = _held_out(data, train)
        logger.info(
            "no --dev: %s of %s training sentences are held out (--dev-fraction %s, "
            "--dev-seed %s)",
            len(dev),
            len(train) + len(dev),
            data.dev_fraction,
            data.dev_seed,
        )
    if data.test:
        test = _read(data, data.test)
    _check_labels(config, names, train, dev, test)
    if dev and test and _texts(dev) == _texts(test):
        raise CorpusError(
            f"dev and test ({data.test}) hold the same texts: a score on data that "
            "chose the model is not honest. Give two different files.",
            path=data.dev or data.train,
        )
    logger.info(
        "%s training, %s dev, %s test sentences", len(train), len(dev), len(test)
    )
    train = _with_queries(config, train, names)
    return Corpora(train, dev, test, LabelSet(names, scheme=config.task.scheme))


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
    data: DataConfig, documents: list[Document]
) -> tuple[list[Document], list[Document]]:
    try:
        return hold_out(documents, data.dev_fraction, seed=data.dev_seed)
    except CorpusError as error:
        raise CorpusError(
            f"nothing can be held out as dev: {error}. Or give --dev, or train on "
            "everything with --dev-fraction 0.",
            path=data.train,
        ) from error


def _read(data: DataConfig, path: str) -> list[Document]:
    return list(
        read_corpus(
            path,
            format=data.from_format,
            scheme=data.from_scheme,
            join=data.join,
            word_column=data.word_column,
            tag_column=data.tag_column,
        )
    )


def _texts(documents: list[Document]) -> list[str]:
    return sorted(document.text for document in documents)


def _check_labels(
    config: TrainConfig, names: tuple[str, ...], *parts: list[Document]
) -> None:
    """Labels outside the label set are a mistake in the data or of the caller."""
    data = config.data
    paths = (data.train, data.dev or data.train, data.test)
    for path, documents in zip(paths, parts, strict=True):
        found = {e.label for document in documents for e in document.entities}
        strangers = sorted(found - set(names))
        if strangers:
            source = (
                "--labels does" if config.task.labels else "the training corpus does"
            )
            raise CorpusError(
                f"labels that {source} not have: "
                f"{', '.join(strangers[:SHOWN_LABELS])}. Known: {', '.join(names)}. "
                "Correct the file, or name all labels with --labels to train without "
                "examples of some.",
                path=path,
            )
