"""Span extraction as the settings of a run describe it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields

from tfner.config.train import TrainConfig
from tfner.corpus.formats.mrc import queries_of
from tfner.document import Document
from tfner.errors import ConfigError
from tfner.models.heads.span_losses import SpanLoss
from tfner.queries import QUERIES, complete_queries, read_queries
from tfner.schemes import LabelSet
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tasks.token_classification import default_words
from tfner.tokenization import Tokenizer

logger = logging.getLogger(__name__)

ONLY = {
    "span": (
        *("queries", "negative_rate", "nested", "tune_thresholds"),
        *("span_candidates", "span_loss", "span_weight"),
    ),
    "token": ("context", "head", "decode", "label_pieces"),
}
"""Settings that one task has and the other has not."""


def check_task_settings(config: TrainConfig) -> None:
    """Refuse settings that the task would not look at.

    Raises:
        ConfigError: some are set.
    """
    defaults = {field.name: field.default for field in fields(TrainConfig)}
    for task, names in ONLY.items():
        given = [name for name in names if getattr(config, name) != defaults[name]]
        if task != config.task and given:
            raise ConfigError(
                f"{', '.join(f'`{name}`' for name in given)}: settings of --task {task}"
                f" alone. Received: task={config.task}. Leave them out, or change it."
            )


def make_span_task(
    config: TrainConfig,
    label_set: LabelSet,
    tokenizer: Tokenizer,
    documents: Sequence[Document],
) -> SpanExtraction:
    """The task with its queries.

    Args:
        config: names the file of queries, if there is one.
        label_set: labels to be asked for.
        tokenizer: of the encoder.
        documents: of the training corpus, which may bring queries.

    Raises:
        ConfigError: a label has no query, or a query leaves no room in a window.
    """
    return SpanExtraction(
        tokenizer,
        label_set,
        queries=find_queries(config.queries, label_set.labels, documents),
        max_length=config.max_length,
        overlap=config.overlap,
        words=config.words or default_words(tokenizer),
        borders=config.borders,
        on_overflow=config.on_overflow,
        nested=config.nested,
        loss=SpanLoss(config.span_loss, (1.0, 1.0, config.span_weight)),
        candidates=config.span_candidates,
        negative_rate=config.negative_rate,
        seed=config.seed,
    )


def find_queries(
    path: str | None,
    labels: Sequence[str],
    documents: Sequence[Document],
) -> dict[str, str]:
    """The query of every label: of the file, else of the corpus, else of its name.

    Raises:
        ConfigError: there are queries, but not for every label.
    """
    if path is not None:
        source, found = path, read_queries(path)
    elif any(QUERIES in document.metadata for document in documents):
        source, found = "the training corpus", queries_of(documents)
    else:
        return complete_queries(labels, None, source="")
    unasked = [label for label in found if label not in labels]
    if unasked:
        logger.info(
            "%s: no question is asked for %s, of which the training corpus has no "
            "entity",
            source,
            ", ".join(unasked),
        )
    return complete_queries(labels, found, source=source)
