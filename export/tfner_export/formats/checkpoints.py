"""Models in the formats of transformers and of google-research/electra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tfner.checkpoints.google import VOCABULARY, save_google_checkpoint
from tfner.checkpoints.huggingface import save_token_classifier
from tfner.errors import CheckpointError
from tfner.inference.bundle import staged
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization.for_transformers import save_for_transformers
from tfner.tokenization.vocabularies import read_vocabulary
from tfner_export.saved_model.publish import check_task_name, write_label_mapping

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner.inference.external import ForeignBundle
    from tfner.tokenization import Tokenizer


def export_huggingface(bundle: Bundle | ForeignBundle, directory: str | Path) -> Path:
    """Write a model so that `transformers.pipeline("ner", model=...)` runs it.

    An existing `directory` is replaced; whether it may be is for the caller to ask.

    Args:
        bundle: a trained model with tfner's own encoder.
        directory: becomes a Hugging Face token-classification directory.

    Returns:
        The directory.

    Raises:
        CheckpointError: the format cannot express the model.
        BundleError: the directory cannot be written.
    """
    directory = Path(directory)
    _check_task(bundle)
    model, task = bundle.load_model(), bundle.task
    if model.crf is not None:
        raise CheckpointError(
            f"{bundle.directory} has a CRF, which no token-classification model of "
            "transformers has. Use --format saved-model, or train with --head softmax."
        )
    with staged(directory) as stage:
        save_token_classifier(model, task.label_set.tags, stage)
        save_for_transformers(task.tokenizer, stage, longest=task.max_length)
    return directory


def export_google(
    bundle: Bundle | ForeignBundle, directory: str | Path, *, task_name: str = "chunk"
) -> Path:
    """Write a model as a fine-tuned tagger of google-research/electra.

    Its code feeds segment ids 1 where tfner feeds 0, so a fair comparison has to
    change one of them. An existing `directory` is replaced; whether it may be is for
    the caller to ask.

    Args:
        bundle: a trained model with tfner's own encoder, of family electra or bert.
        directory: gets the checkpoint, `config.json`, `vocab.txt`, the label mapping,
            and the tokenizer as tfner reads it.
        task_name: of the task in the checkpoint.

    Returns:
        The directory.

    Raises:
        CheckpointError: the format cannot express the model.
        ExportError: it is no name of a task.
        BundleError: the directory cannot be written.

    Source: google-research/electra finetune/tagging/tagging_tasks.py (featurize).
    """
    check_task_name(task_name)
    directory = Path(directory)
    _check_task(bundle)
    model, task = bundle.load_model(), bundle.task
    with staged(directory) as stage:
        save_google_checkpoint(model, stage, task_name=task_name)
        task.tokenizer.save(stage)
        _check_vocabulary(stage / VOCABULARY, task.tokenizer)
        write_label_mapping(stage, task.label_set, task_name=task_name)
    return directory


def _check_task(bundle: Bundle | ForeignBundle) -> None:
    """Both formats hold taggers alone.

    Raises:
        CheckpointError: the model is none.
    """
    if bundle.task.name != TokenClassification.name:
        raise CheckpointError(
            f"{bundle.directory} is a model of task {bundle.task.name}; the formats of "
            "transformers and google-research hold taggers. Use --format saved-model."
        )


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
