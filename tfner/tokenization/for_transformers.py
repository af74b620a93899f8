"""Tokenizer directories that transformers loads too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfner.storage.foreign_files import LARGEST_VOCABULARY, read_json
from tfner.tokenization.definitions import pieces_of
from tfner.tokenization.encoding import Tokenizer
from tfner.tokenization.files import (
    CONFIG_FILE,
    SETTINGS_FILE,
    TOKENIZER_FILE,
    write_json,
)

MODEL_FILE = "config.json"
GENERIC_CLASS = "PreTrainedTokenizerFast"
BERT_CLASS = "BertTokenizer"
ROLES = ("cls_token", "sep_token", "pad_token", "unk_token", "mask_token")
MASKS = ("[MASK]", "<mask>")


def save_for_transformers(
    tokenizer: Tokenizer, directory: Path, *, longest: int
) -> None:
    """Save a tokenizer with the configuration that transformers needs.

    Args:
        tokenizer: nothing is added to the files of a tokenizer of the user's own.
        directory: holds the `config.json` of the model; `token_type_ids` are made
            where that tells segments apart.
        longest: number of pieces that the model takes.
    """
    tokenizer.save(directory)
    if (directory / SETTINGS_FILE).is_file():
        config = tokenizer_config(directory)
        segments = read_json(directory / MODEL_FILE).get("type_vocab_size", 0)
        types = ["token_type_ids"] if segments > 1 else []
        config["model_input_names"] = ["input_ids", *types, "attention_mask"]
        config["model_max_length"] = longest
        write_json(directory / CONFIG_FILE, config)


def tokenizer_config(directory: Path) -> dict[str, Any]:
    """The `tokenizer_config.json` of a tokenizer that tfner saved, but for its model.

    The class is BERT's where that builds the very pipeline of the `tokenizer.json`.
    Those of other families build one of their own, too, in transformers 5, and not the
    one that is there; the generic class reads the file as it is.
    """
    if (directory / CONFIG_FILE).is_file():  # a Japanese one says it all
        return read_json(directory / CONFIG_FILE)
    definition = read_json(directory / TOKENIZER_FILE, largest=LARGEST_VOCABULARY)
    settings = read_json(directory / SETTINGS_FILE)
    pieces: dict[Any, str] = pieces_of(definition)
    known = set(pieces.values())
    model = definition["model"]
    found = (
        pieces.get(next(iter(settings["prefix_ids"]), None)),
        pieces.get(next(iter(settings["suffix_ids"]), None)),
        pieces.get(settings["pad_id"]),
        model.get("unk_token") or pieces.get(model.get("unk_id")),
        next((piece for piece in MASKS if piece in known), None),
    )
    roles = {name: p for name, p in zip(ROLES, found, strict=True) if p is not None}
    framed = len(settings["prefix_ids"]) == len(settings["suffix_ids"]) == 1
    if framed and len(roles) == len(ROLES) and _is_berts(definition):
        normalizer = definition["normalizer"]
        return {
            "tokenizer_class": BERT_CLASS,
            "do_lower_case": normalizer["lowercase"],
            "strip_accents": normalizer["strip_accents"],
            "tokenize_chinese_chars": normalizer["handle_chinese_chars"],
            **roles,
        }
    return {"tokenizer_class": GENERIC_CLASS, **roles}


def _is_berts(definition: dict[str, Any]) -> bool:
    """Whether a pipeline differs from BERT's in no more than its class's settings."""
    normalizer, splitter = definition["normalizer"], definition["pre_tokenizer"]
    model = definition["model"]
    return (
        (normalizer or {}).get("type") == "BertNormalizer"
        and normalizer["clean_text"]
        and splitter == {"type": "BertPreTokenizer"}
        and model["type"] == "WordPiece"
        and model["continuing_subword_prefix"] == "##"
        and model["max_input_chars_per_word"] == 100
    )
