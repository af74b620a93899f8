"""Tokenizers of KerasHub presets: their vocabularies, as KerasHub cuts text with them.

Nothing of KerasHub is imported. A preset holds a tokenizer.json that names a class and
its settings, and the vocabulary in assets/tokenizer.

Source: keras_hub src/tokenizers/*.py, src/models/*/*_tokenizer.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfner.errors import TokenizerError
from tfner.tokenization import vocabularies
from tfner.tokenization.files import ASSETS, TOKENIZER_FILE
from tfner.tokenization.word_marks import Definition

WORDPIECE, SENTENCEPIECE = "vocabulary.txt", "vocabulary.spm"
BPE, MERGES = "vocabulary.json", "merges.txt"
FOLDED = {"ß": "ss", "ς": "σ"}
"""Letters in lower case that folding case changes."""


def is_preset(tokenizer: Mapping[str, Any]) -> bool:
    """Tell whether a tokenizer.json is KerasHub's, and none of the `tokenizers`."""
    return "registered_name" in tokenizer and "model" not in tokenizer


def preset_tokenizer(folder: Path, tokenizer: Mapping[str, Any]) -> Definition:
    """Define the tokenizer of a preset as a pipeline of the `tokenizers` library.

    Args:
        folder: of the preset.
        tokenizer: content of its tokenizer.json.

    Raises:
        TokenizerError: the vocabulary is missing or damaged, or the class does what
            no pipeline here does.
    """
    assets = folder / ASSETS
    settings = tokenizer.get("config") or {}
    if (assets / WORDPIECE).is_file():
        return _wordpiece(assets / WORDPIECE, settings, place=folder / TOKENIZER_FILE)
    if (assets / BPE).is_file() and (assets / MERGES).is_file():
        first = bool(settings.get("add_prefix_space", False))
        return vocabularies.byte_level_bpe(
            assets / BPE, assets / MERGES, marks_start=first
        )
    if (assets / SENTENCEPIECE).is_file():
        name = tokenizer.get("class_name")
        return vocabularies.sentencepiece(
            assets / SENTENCEPIECE,
            fairseq=name == "XLMRobertaTokenizer",
            mask="[MASK]" if name == "DebertaV3Tokenizer" else None,
        )
    raise TokenizerError(
        f"{assets}: no vocabulary: none of {WORDPIECE}, {SENTENCEPIECE}, {BPE} with "
        f"{MERGES}. Copy the whole preset, or name another tokenizer: --tokenizer DIR"
    )


def _wordpiece(file: Path, settings: Mapping[str, Any], *, place: Path) -> Definition:
    """KerasHub's WordPiece, which folds case where BERT's makes small letters."""
    for name, only in {"suffix_indicator": "##", "oov_token": "[UNK]"}.items():
        if settings.get(name, only) != only:
            raise TokenizerError(
                f"{place}: {name}={settings[name]!r}; only {only!r} is supported"
            )
    lower = bool(settings.get("lowercase", False))
    definition = vocabularies.wordpiece(
        vocabularies.read_vocabulary(file),
        lower_case=lower,
        strip_accents=bool(settings.get("strip_accents", False)),
        split_cjk=bool(settings.get("split_on_cjk", True)),
    )
    if lower:
        folds = [
            {"type": "Replace", "pattern": {"String": letter}, "content": content}
            for letter, content in FOLDED.items()
        ]
        steps = [definition["normalizer"], {"type": "NFKC"}, *folds]
        definition["normalizer"] = {"type": "Sequence", "normalizers": steps}
    return definition
