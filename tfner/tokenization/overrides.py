"""Changes that the files beside a vocabulary make to its tokenizer.

`tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` mean what
they mean to transformers.

Source: transformers/tokenization_utils_base.py (_from_pretrained),
tokenization_utils_tokenizers.py (__init__) and the classes of tokenizers, version 5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfner.errors import TokenizerError, shorten
from tfner.storage.foreign_files import read_json
from tfner.tokenization.added import read_token
from tfner.tokenization.case import lowers, with_case
from tfner.tokenization.files import CONFIG_FILE, TOKENIZER_FILE
from tfner.tokenization.huggingface import build_pipeline
from tfner.tokenization.vocabularies import BERT_SPECIALS, ROBERTA_SPECIALS
from tfner.tokenization.word_marks import Definition

MAP_FILE = "special_tokens_map.json"
ADDED_FILE = "added_tokens.json"
LISTS = ("extra_special_tokens", "additional_special_tokens")

BERT_CLASS = re.compile(
    r"(Bert|Electra|DistilBert|MobileBert|ConvBert|MPNet)Tokenizer(Fast)?"
)
"""Classes that clean text by their own settings, whatever `tokenizer.json` says."""
BERT_MODELS = (
    *("bert", "electra", "distilbert", "mobilebert", "convbert", "mpnet"),
    "nomic_bert",
)
"""Models whose tokenizer is of such a class where none is named."""
CASED_CLASS = re.compile(r"(Albert|DebertaV2|RemBert)Tokenizer(Fast)?")
"""Classes that lower-case by `do_lower_case`, whatever `tokenizer.json` says."""

CLEANING = {
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
"""Settings of these classes, and their names in a `tokenizer.json`."""

Token = dict[str, Any]


def with_settings(
    folder: Path, definition: Definition, config: Mapping[str, Any]
) -> tuple[Definition, list[str]]:
    """Let `tokenizer_config.json` decide where it contradicts `tokenizer.json`.

    Args:
        folder: of both files.
        definition: the content of the latter.
        config: of `read_config`.

    Returns:
        The definition as transformers has it, and a note if it is another.
    """
    before = definition.get("normalizer")
    after = _normalizer(before, config)
    if after == before:
        return definition, []
    said = [f"text {'is lower-cased' if lowers(after) else 'keeps its case'}"]
    if before and before["type"] == "BertNormalizer":
        said += [
            f"{name}={after[key]}"
            for name, key in CLEANING.items()
            if after[key] != before.get(key)
        ]
    note = (
        f"{folder / CONFIG_FILE}: {', '.join(said)}, unlike in {TOKENIZER_FILE}; "
        "transformers lets the former decide, too"
    )
    return {**definition, "normalizer": after}, [note]


def _normalizer(part: Any, config: Mapping[str, Any]) -> Any:
    name = str(config.get("tokenizer_class") or "")
    bert = BERT_CLASS.fullmatch(name) or (
        not name and config.get("model_type") in BERT_MODELS
    )
    if bert and part and part["type"] == "BertNormalizer":
        return {
            **part,
            "lowercase": bool(config.get("do_lower_case", True)),
            "strip_accents": config.get("strip_accents"),
            "handle_chinese_chars": bool(config.get("tokenize_chinese_chars", True)),
        }
    if CASED_CLASS.fullmatch(name) and "do_lower_case" in config:
        return with_case(part, lower=bool(config["do_lower_case"]))
    return part


def with_added(folder: Path, definition: Definition) -> tuple[Definition, list[str]]:
    """Add the pieces that the files beside a vocabulary add.

    Args:
        folder: of these files.
        definition: gets them in its `added_tokens`.

    Returns:
        The definition, and a note on pieces that their files number otherwise.

    Raises:
        TokenizerError: a file is damaged.
    """
    tokens = read_added(folder)
    if not tokens:
        return definition, []
    pipeline = build_pipeline(definition)
    pipeline.add_tokens([read_token(token) for token in tokens])
    added = json.loads(pipeline.to_str())["added_tokens"]
    ids = {token["content"]: token["id"] for token in added}
    moved = [
        f"{shorten(token['content'])} as {ids[token['content']]} in place of "
        f"{token['id']}"
        for token in tokens
        if token.get("id", ids[token["content"]]) != ids[token["content"]]
    ]
    notes = [
        f"{folder}: added pieces are numbered after the vocabulary, as in "
        f"transformers: {', '.join(moved[:3])}"
    ]
    return {**definition, "added_tokens": added}, notes if moved else []


def read_added(folder: Path) -> list[Token]:
    """Read the pieces that are added to a vocabulary, in the order of their numbers.

    Raises:
        TokenizerError: a file is damaged.
    """
    config, special = (_content(folder / name) for name in (CONFIG_FILE, MAP_FILE))
    listed = [item for name in LISTS for item in _items(config.get(name))]
    if "added_tokens_decoder" in config:
        tokens, special = _decoder(folder / CONFIG_FILE, config), {}
    else:
        roles = [*role_names(config), *role_names(special)]
        tokens = _numbered(folder / ADDED_FILE, {*roles, *map(_name, listed)})
    listed += [item for name in LISTS for item in _items(special.get(name))]
    known = {token["content"] for token in tokens}
    extras = {_name(item): item for item in listed if _name(item) not in known}
    return tokens + [
        {"content": item, "special": True, "normalized": False}
        if isinstance(item, str)
        else {**item, "special": True}
        for item in extras.values()
    ]


def findable(definition: Definition, config: Mapping[str, Any]) -> list[str]:
    """The added pieces of a definition that are no special ones of every text.

    Args:
        definition: with its `added_tokens`.
        config: of `read_config`.
    """
    names = {*BERT_SPECIALS, *ROBERTA_SPECIALS, *role_names(config)}
    names.add(definition["model"].get("unk_token"))
    added = (token["content"] for token in definition.get("added_tokens") or [])
    return [content for content in added if content not in names]


def role_names(config: Mapping[str, Any]) -> list[str]:
    """The pieces that a configuration names as `cls_token`, `pad_token` and so on."""
    return [
        _name(value)
        for key, value in config.items()
        if key.endswith("_token") and isinstance(value, str | dict)
    ]


def _content(file: Path) -> dict[str, Any]:
    return read_json(file) if file.is_file() else {}


def _items(value: Any) -> Iterable[Any]:
    """The tokens of a list, or of an object of named ones."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _name(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else str(token)


def _decoder(file: Path, config: Mapping[str, Any]) -> list[Token]:
    decoder = config["added_tokens_decoder"]
    try:
        tokens = [
            {**token, "content": str(token["content"]), "id": int(number)}
            for number, token in decoder.items()
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TokenizerError(
            f"{file}: added_tokens_decoder must map ids to pieces with their content. "
            f"Received: {shorten(str(decoder))}"
        ) from error
    return sorted(tokens, key=lambda token: token["id"])


def _numbered(file: Path, special: set[str]) -> list[Token]:
    """The pieces of an `added_tokens.json`, which tells their numbers alone."""
    numbers = _content(file)
    if not all(isinstance(number, int) for number in numbers.values()):
        raise TokenizerError(
            f"{file}: must map added pieces to their ids. "
            f"Received: {shorten(str(numbers))}"
        )
    return [
        {
            "content": piece,
            "id": numbers[piece],
            "special": piece in special,
            "normalized": piece not in special,
        }
        for piece in sorted(numbers, key=numbers.__getitem__)
    ]
