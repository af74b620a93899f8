"""Taggers as `transformers.pipeline("ner", model=...)` runs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.huggingface import load_token_classifier, save_token_classifier
from tfner.tokenization.for_transformers import save_for_transformers
from tfner_export.formats.checkpoints import check_tagger, compare_read_back

if TYPE_CHECKING:
    from tfner_export.exporter import Source


def check(source: Source) -> None:
    """Refuse models that are no taggers, have a CRF, or pool pieces.

    Raises:
        CheckpointError: the format cannot express the model.
    """
    check_tagger(source)


def write(source: Source, stage: Path) -> dict[str, Any]:
    """Write a token-classification directory with its tokenizer.

    Raises:
        CheckpointError: the format cannot express the encoder.
    """
    task = source.bundle.task
    pad_id = task.tokenizer.pad_id
    save_token_classifier(source.model, task.label_set.tags, stage, pad_id=pad_id)
    save_for_transformers(task.tokenizer, stage, longest=task.max_length)
    return {}


def compare(source: Source, stage: Path) -> float:
    """Read the directory back and run it beside the model.

    Raises:
        ExportError: the probabilities differ.
    """
    tagger, _ = load_token_classifier(stage)
    return compare_read_back(source, tagger)
