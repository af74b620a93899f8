"""The files of a tokenizer directory, and what tfner keeps in one of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfner.errors import TokenizerError, shorten

TOKENIZER_FILE = "tokenizer.json"
SETTINGS_FILE = "tokenizer_settings.json"
CONFIG_FILE = "tokenizer_config.json"
VOCABULARY_FILE = "vocab.txt"
FILES = (
    TOKENIZER_FILE,
    SETTINGS_FILE,
    CONFIG_FILE,
    "special_tokens_map.json",
    "added_tokens.json",
    "config.json",
    VOCABULARY_FILE,
    "vocab.json",
    "merges.txt",
    "*.model",
    "*.dic",
    "dictionary/*",
)
"""What is downloaded of a model on the hub."""

# Word splitters that only a tokenizer has.
PIECES = "pieces"
CUSTOM = "custom"


@dataclass(frozen=True)
class TokenizerSettings:
    """What the other files do not say; `tokenizer_settings.json` holds it.

    Args:
        kind: `wordpiece`, `mecab-wordpiece`, `bpe`, `unigram`, …
        splitter: name of the word splitter for raw text.
        lower_case: whether the tokenizer lower-cases.
        prefix_ids: ids before a sequence.
        suffix_ids: ids after a sequence.
        pad_id: id at padding.
        notes: what was guessed, a sentence each.
    """

    kind: str
    splitter: str
    lower_case: bool
    prefix_ids: list[int]
    suffix_ids: list[int]
    pad_id: int
    notes: list[str] = field(default_factory=list)


def read_config(folder: Path) -> dict[str, Any]:
    """The keys of the configuration files that matter here, special pieces as text."""
    config: dict[str, Any] = {}
    model_file = folder / "config.json"
    if model_file.is_file():
        model = read_json(model_file)
        kept = ("model_type", "tokenizer_class")
        config |= {key: model[key] for key in kept if model.get(key)}
    for name in ("special_tokens_map.json", CONFIG_FILE):
        if (folder / name).is_file():
            config |= read_json(folder / name)
    return {
        key: value["content"]
        if isinstance(value, dict) and "content" in value
        else value
        for key, value in config.items()
    }


def read_settings(folder: Path) -> dict[str, Any]:
    """What tfner itself saved, or nothing.

    Raises:
        TokenizerError: the file is damaged.
    """
    file = folder / SETTINGS_FILE
    if not file.is_file():
        return {}
    saved = read_json(file)
    for name in ("kind", "splitter", "lower_case", "notes"):
        if name not in saved:
            raise TokenizerError(f"{file}: lacks {name!r}")
    return saved


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        TokenizerError: the file is damaged or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise TokenizerError(f"{path}: damaged; no readable JSON ({error})") from error
    if not isinstance(content, dict):
        raise TokenizerError(
            f"{path}: must hold a JSON object. Received: {shorten(str(content))}"
        )
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object."""
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
