"""Models in the format of transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.huggingface import save_token_classifier
from tfner.inference.bundle import staged, write_json
from tfner.tokenization.files import CONFIG_FILE, SETTINGS_FILE, TOKENIZER_FILE

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner.inference.huggingface import ForeignBundle

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
    model, task = bundle.load_model(), bundle.task
    with staged(directory) as stage:
        save_token_classifier(model, task.label_set.tags, stage)
        task.tokenizer.save(stage)
        if (stage / SETTINGS_FILE).is_file():
            write_json(
                stage / CONFIG_FILE, tokenizer_config(stage, longest=task.max_length)
            )
    return directory


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
