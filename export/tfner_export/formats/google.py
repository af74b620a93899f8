"""Taggers as google-research/electra fine-tunes and restores them.

Its code feeds segment ids 1 where tfner feeds 0, so a fair comparison has to change one
of them.

Source: google-research/electra finetune/tagging/tagging_tasks.py (featurize).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.google import (
    VOCABULARY,
    load_google_tagger,
    save_google_checkpoint,
)
from tfner.errors import CheckpointError
from tfner.inference.native_bundle import LABELS
from tfner.storage.atomic import write_json
from tfner.tokenization.vocabularies import read_vocabulary
from tfner_export.formats.checkpoints import check_tagger, compare_read_back
from tfner_export.label_mapping import write_label_mapping

if TYPE_CHECKING:
    from tfner.tokenization import Tokenizer
    from tfner_export.exporter import Source


def check(source: Source) -> None:
    """Refuse models that are no taggers, have a CRF, or pool pieces.

    Raises:
        CheckpointError: the format cannot express the model.
    """
    check_tagger(source)


def write(source: Source, stage: Path) -> dict[str, Any]:
    """Write the checkpoint, `config.json`, `vocab.txt` and the labels.

    Args:
        source: a tagger with tfner's own encoder, of family electra or bert.
        stage: gets the files, and the tokenizer as tfner reads it.

    Raises:
        CheckpointError: the format cannot express the encoder or the vocabulary.
    """
    task, name = source.bundle.task, source.serving.task_name
    save_google_checkpoint(source.model, stage, task_name=name)
    task.tokenizer.save(stage)
    _check_vocabulary(stage / VOCABULARY, task.tokenizer)
    write_label_mapping(source, stage)
    write_json(stage / LABELS, task.label_set.to_json())  # tells the scheme, too
    return {}


def compare(source: Source, stage: Path) -> float:
    """Read the checkpoint back and run it beside the model.

    Raises:
        ExportError: the probabilities differ.
    """
    tags, name = source.bundle.task.label_set.tags, source.serving.task_name
    tagger = load_google_tagger(stage, tags=tags, task_name=name)
    return compare_read_back(source, tagger)


def _check_vocabulary(path: Path, tokenizer: Tokenizer) -> None:
    """Line numbers of `vocab.txt` are the only ids that google-research's code knows.

    Raises:
        CheckpointError: the tokenizer has others.
    """
    pieces = len(read_vocabulary(path)) if path.is_file() else 0
    if pieces != tokenizer.vocab_size:
        raise CheckpointError(
            "google-research's code reads WordPiece vocabularies without added pieces. "
            f"Received: a tokenizer of {tokenizer.vocab_size} pieces, {pieces} of them "
            f"in its {path.name}. Use --format saved-model or huggingface."
        )
