"""Taggers as `transformers.pipeline("ner", model=...)` runs them.

Its pipelines know the prefixes B and I alone, so that tags of other schemes get names
of IOB2: see `tfner.checkpoints.tagger_labels`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.huggingface import load_token_classifier, save_token_classifier
from tfner.checkpoints.tagger_labels import names_in_transformers
from tfner.tokenization.for_transformers import save_for_transformers
from tfner_export.formats.checkpoints import check_tagger, compare_read_back

if TYPE_CHECKING:
    from tfner_export.exporter import Source

logger = logging.getLogger("tfner.export")

ENDS_LOST = "; neighbouring entities of one label become one there"


def check(source: Source) -> None:
    """Refuse models that are no taggers, have a CRF, or pool pieces.

    Raises:
        CheckpointError: the format cannot express the model.
    """
    check_tagger(source)


def write(source: Source, stage: Path) -> dict[str, Any]:
    """Write a token-classification directory with its tokenizer.

    The scheme travels along for tfner, whatever the names of the tags become.

    Raises:
        CheckpointError: the format cannot express the encoder.
    """
    task = source.bundle.task
    pad_id = task.tokenizer.pad_id
    save_token_classifier(source.model, task.label_set, stage, pad_id=pad_id)
    for difference in differences(task):
        logger.info(difference)
    save_for_transformers(task.tokenizer, stage, longest=task.max_length)
    return {}


def differences(task: Any) -> Iterator[str]:
    """Say where a pipeline of transformers finds others than the task of a tagger."""
    labels = task.label_set
    if names_in_transformers(labels.tags) != list(labels.tags):
        lost = ENDS_LOST if labels.scheme.name in ("IOE1", "IOE2") else ""
        yield (
            f"pipelines of transformers know IOB2: tags of {labels.scheme.name} get "
            f"its names, a B for each S or U, an I for each E or L{lost}"
        )
    if task.decoder == "viterbi":
        yield (
            "pipelines of transformers take the likeliest tag of each word, this model "
            "the likeliest sequence (viterbi): some entities differ there"
        )
    if task.segment_id:
        yield (
            f"this model was trained with segment {task.segment_id}, but transformers "
            "makes token_type_ids of 0: give them yourself there"
        )


def compare(source: Source, stage: Path) -> float:
    """Read the directory back and run it beside the model.

    Raises:
        ExportError: the probabilities differ.
    """
    tagger, _ = load_token_classifier(stage)
    return compare_read_back(source, tagger)
