"""Tokenizer directories that transformers loads too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfner.tokenization.encoding import Tokenizer
from tfner.tokenization.files import (
    CONFIG_FILE,
    SETTINGS_FILE,
    TOKENIZER_FILE,
    write_json,
)

GENERIC_CLASS = "PreTrainedTokenizerFast"
MASKS = ("[MASK]", "<mask>")


def save_for_transformers(
    tokenizer: Tokenizer, directory: Path, *, longest: int
) -> None:
    """Save a tokenizer with the configuration that transformers needs.

    Args:
        tokenizer: nothing is added to the files of a tokenizer of the user's own.
        directory: made if it does not exist.
        longest: number of pieces that the model takes.
    """
    tokenizer.save(directory)
    if (directory / SETTINGS_FILE).is_file():
        write_json(
            directory / CONFIG_FILE, tokenizer_config(directory, longest=longest)
        )


def tokenizer_config(directory: Path, *, longest: int) -> dict[str, Any]:
    """The `tokenizer_config.json` of a tokenizer that tfner saved."""
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
