"""Models in the formats of transformers and of google-research/electra."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.google import VOCABULARY, save_google_checkpoint
from tfner.checkpoints.huggingface import save_token_classifier
from tfner.errors import CheckpointError
from tfner.inference.bundle import staged, write_json
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization.files import CONFIG_FILE, SETTINGS_FILE, TOKENIZER_FILE
from tfner.tokenization.vocabularies import read_vocabulary
from tfner_export.saved_model import check_task_name, write_label_mapping

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner.inference.foreign import ForeignBundle
    from tfner.tokenization import Tokenizer

GENERIC_CLASS = "PreTrainedTokenizerFast"
MASKS = ("[MASK]", "<mask>")


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
        task.tokenizer.save(stage)
        if (stage / SETTINGS_FILE).is_file():
            write_json(
                stage / CONFIG_FILE, tokenizer_config(stage, longest=task.max_length)
            )
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


def tokenizer_config(directory: Path, *, longest: int) -> dict[str, Any]:
    """What transformers has to know of a tokenizer that tfner saved."""
    if (directory / CONFIG_FILE).is_file():  # a Japanese one says it all but this
        return {**_read(directory / CONFIG_FILE), "model_max_length": longest}
    definition = _read(directory / TOKENIZER_FILE)
    settings = _read(directory / SETTINGS_FILE)
    vocab = definition["model"]["vocab"]
    if not isinstance(vocab, dict):
        vocab = {piece: number for number, (piece, _) in enumerate(vocab)}
    pieces = {number: piece for piece, number in vocab.items()}
    pieces |= {token["id"]: token["content"] for token in definition["added_tokens"]}
    known = set(pieces.values())
    model = definition["model"]
    roles = {
        "cls_token": pieces.get(next(iter(settings["prefix_ids"]), None)),
        "sep_token": pieces.get(next(iter(settings["suffix_ids"]), None)),
        "pad_token": pieces.get(settings["pad_id"]),
        "unk_token": model.get("unk_token") or pieces.get(model.get("unk_id")),
        "mask_token": next((piece for piece in MASKS if piece in known), None),
    }
    return {
        "tokenizer_class": GENERIC_CLASS,
        "model_max_length": longest,
        **{role: piece for role, piece in roles.items() if piece is not None},
    }


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
