"""The files of a tokenizer directory, among them tfner's own settings file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tfner.storage.foreign_files import read_json
from tfner.storage.schema import read_record
from tfner.tokenization.checked_files import CONFIG_KEYS, SettingsRecord, check_keys

TOKENIZER_FILE = "tokenizer.json"
SETTINGS_FILE = "tokenizer_settings.json"
CONFIG_FILE = "tokenizer_config.json"
SPECIAL_FILE = "special_tokens_map.json"
MODEL_FILE = "config.json"
MODEL_KEYS = ("model_type", "tokenizer_class")
"""Of the model's own file, those that tell of its tokenizer."""
VOCABULARY_FILE = "vocab.txt"
TOKENIZER_FOLDER = "tokenizer"
"""Where models, records and pretraining runs of tfner have theirs."""
ASSETS = "assets/tokenizer"
"""Where a preset of KerasHub has its vocabulary."""
FILES = (
    TOKENIZER_FILE,
    SETTINGS_FILE,
    CONFIG_FILE,
    SPECIAL_FILE,
    "added_tokens.json",
    MODEL_FILE,
    VOCABULARY_FILE,
    "vocab.json",
    "merges.txt",
    "*.model",
    "*.dic",
    "dictionary/*",
    f"{ASSETS}/*",
)
"""Patterns of the files that are downloaded from the hub."""

VOCABULARIES = (
    *(TOKENIZER_FILE, "vocab.*", "vocab-*", "*.model", "merges.txt", "bpe.codes"),
    *("*.tiktoken", "dict.txt", "dict.*.txt"),
)
"""Patterns of the files of which any tokenizer has at least one."""

# Word splitters that only a tokenizer has.
PIECES = "pieces"
CUSTOM = "custom"


@dataclass(frozen=True)
class TokenizerSettings:
    """Settings beyond the other files; `tokenizer_settings.json` holds them.

    Args:
        kind: `wordpiece`, `mecab-wordpiece`, `bpe`, `unigram`, …
        splitter: name of the word splitter for raw text.
        lower_case: the tokenizer lower-cases.
        prefix_ids: ids before a sequence.
        suffix_ids: ids after a sequence.
        pad_id: id at padding.
        notes: a sentence about each guess.
        marks_start: whether the first word of a text is marked as words after a space
            are, where words are marked.
        added: pieces that are found in text before its words are.
    """

    kind: str
    splitter: str
    lower_case: bool
    prefix_ids: list[int]
    suffix_ids: list[int]
    pad_id: int
    notes: list[str] = field(default_factory=list)
    marks_start: bool = True
    added: list[str] = field(default_factory=list)


def renumbered(settings: TokenizerSettings, ids: Sequence[int]) -> TokenizerSettings:
    """The settings of a tokenizer whose pieces are numbered anew.

    Args:
        settings: with the old ids.
        ids: the old id of each piece, in the new order.
    """
    new = {old: number for number, old in enumerate(ids)}
    return replace(
        settings,
        prefix_ids=[new[number] for number in settings.prefix_ids],
        suffix_ids=[new[number] for number in settings.suffix_ids],
        pad_id=new[settings.pad_id],
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Read the keys of the configuration files, special pieces as text.

    Raises:
        StorageError: a value is wrong; names the last file that has its key.
    """
    config: dict[str, Any] = {}
    places: dict[str, Path] = {}
    for file in (folder / name for name in (MODEL_FILE, SPECIAL_FILE, CONFIG_FILE)):
        if file.is_file():
            found = read_json(file)
            if file.name == MODEL_FILE:
                found = {key: found[key] for key in MODEL_KEYS if found.get(key)}
            config |= found
            places |= dict.fromkeys(found, file)
    for file in dict.fromkeys(places.values()):
        own = {key: value for key, value in config.items() if places[key] == file}
        check_keys(own, CONFIG_KEYS, file)
    return {
        key: value["content"]
        if isinstance(value, dict) and "content" in value
        else value
        for key, value in config.items()
    }


def read_tokenizer_settings(folder: Path) -> dict[str, Any]:
    """Read the settings file that tfner wrote; empty if there is none.

    Raises:
        StorageError: the file is damaged.
    """
    file = folder / SETTINGS_FILE
    if not file.is_file():
        return {}
    saved = read_json(file)
    read_record(SettingsRecord, saved, place=file)
    return saved


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object."""
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
