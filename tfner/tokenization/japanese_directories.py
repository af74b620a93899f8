"""Tokenizers from Hugging Face directories of Japanese models.

The settings of words, pieces and MeCab in `tokenizer_config.json` mean what they mean
to transformers; those that tfner cannot follow are refused. A bare `vocab.txt` with
kana is read as if a configuration said MeCab, IPADIC and WordPiece.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfner.errors import TokenizerError, shorten, unknown
from tfner.tokenization.checked_files import MECAB_SETTINGS, check_keys
from tfner.tokenization.files import (
    CONFIG_FILE,
    CUSTOM,
    VOCABULARY_FILE,
    TokenizerSettings,
    read_tokenizer_settings,
)
from tfner.tokenization.japanese import JAPANESE_CLASS, JapaneseTokenizer
from tfner.tokenization.overrides import read_added
from tfner.tokenization.subwords import (
    SENTENCEPIECE_FILE,
    Characters,
    SentencePieces,
    Subwords,
    WordPieces,
)
from tfner.tokenization.vocabularies import read_vocabulary
from tfner.tokenization.words.basic import BasicWords
from tfner.tokenization.words.mecab import Mecab
from tfner.tokenization.words.mecab_dictionaries import PACKAGES
from tfner.tokenization.words.splitters import WordSplitter

WORD_TYPES = ("basic", "mecab", "sudachi", "jumanpp")
MECAB_KEYS = ("mecab_dic", "mecab_option", "normalize_text")
SPECIAL = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
"""In the order in which transformers numbers those that the vocabulary lacks."""


@dataclass(frozen=True)
class Choices:
    """Arguments of `load_tokenizer` that win over the directory's files.

    Args:
        splitter: name of a word splitter.
        custom_splitter: the user's own function.
        dictionary: of MeCab.
        user_dictionary: of MeCab.
    """

    splitter: str | None = None
    custom_splitter: WordSplitter | None = None
    dictionary: str | Path | None = None
    user_dictionary: str | Path | None = None


def bare_config(*, lower_case: bool) -> dict[str, Any]:
    """The configuration that a bare vocabulary is read by."""
    return {
        "tokenizer_class": JAPANESE_CLASS,
        "do_lower_case": lower_case,
        "word_tokenizer_type": "mecab",
        "mecab_kwargs": {"mecab_dic": "ipadic"},
    }


def read_japanese(
    folder: Path,
    config: Mapping[str, Any],
    *,
    lower_case: bool | None,
    choices: Choices,
    notes: list[str],
) -> JapaneseTokenizer:
    """Make the tokenizer that a configuration of `BertJapaneseTokenizer` describes.

    Args:
        folder: holds the vocabulary.
        config: the content of `tokenizer_config.json`.
        lower_case: overrides the configuration.
        choices: override it, too.
        notes: a sentence about each guess so far.

    Raises:
        TokenizerError: a file is missing or damaged, or words or pieces are of a kind
            that tfner does not make.
    """
    config_file = folder / CONFIG_FILE
    lower = bool(config.get("do_lower_case")) if lower_case is None else lower_case
    saved = read_tokenizer_settings(folder)
    notes = list(notes)
    words = _words(config_file, config, choices, lower_case=lower, notes=notes)
    special = {role: str(config.get(role) or name) for role, name in SPECIAL.items()}
    subwords = _subwords(folder, config, special)
    added = read_added(folder)
    numbered = {token["content"]: token["id"] for token in added if "id" in token}
    ids = _special_ids(subwords, numbered, special)
    names = [token["content"] for token in added]
    others = [name for name in names if name not in special.values()]
    if others:
        shown = shorten(", ".join(others))
        notes.append(f"{folder}: added pieces are read as plain text: {shown}")
    splitter = choices.splitter or saved.get("splitter") or words.kind
    settings = TokenizerSettings(
        kind=f"{words.kind}-{subwords.kind}",
        splitter=CUSTOM if choices.custom_splitter else splitter,
        lower_case=lower,
        prefix_ids=[ids[special["cls_token"]]],
        suffix_ids=[ids[special["sep_token"]]],
        pad_id=ids[special["pad_token"]],
        notes=saved.get("notes", notes),
    )
    return JapaneseTokenizer(
        words,
        subwords,
        settings,
        special=special,
        never_split=tuple(config.get("never_split") or ()),
        vocab_size=max(subwords.size, 1 + max(ids.values())),
        word_splitter=choices.custom_splitter,
    )


def _words(
    config_file: Path,
    config: Mapping[str, Any],
    choices: Choices,
    *,
    lower_case: bool,
    notes: list[str],
) -> Mecab | BasicWords:
    """Make the word splitter that the configuration names, or the one chosen."""
    if config.get("do_word_tokenize") is False:
        raise TokenizerError(
            f"{config_file}: tfner needs words to label, so do_word_tokenize may not "
            "be false"
        )
    kind = config.get("word_tokenizer_type", "basic")
    if kind not in WORD_TYPES:
        raise TokenizerError(
            f"{config_file}: {unknown('word tokenizer', kind, WORD_TYPES)}"
        )
    if kind == "mecab":
        return make_mecab(config_file, config.get("mecab_kwargs"), choices, notes)
    if choices.splitter == "mecab" or (choices.custom_splitter and kind != "basic"):
        notes.append(f"{config_file}: words are not those of {kind}, which it names")
        return Mecab(choices.dictionary or "ipadic", choices.user_dictionary)
    if kind != "basic":
        raise TokenizerError(
            f"{config_file}: tfner does not run the word tokenizer {kind}; pass a "
            f"function that gives {kind}'s words as word_splitter, or use "
            "word_splitter=mecab, whose words are others than those the model was "
            "trained with"
        )
    if config.get("never_split"):
        raise TokenizerError(
            f"{config_file}: never_split is read with MeCab's words only; take it out, "
            "or use word_splitter=mecab"
        )
    if choices.dictionary or choices.user_dictionary:
        raise TokenizerError(
            f"{config_file}: dictionary and user_dictionary are MeCab's, but words are "
            "basic ones here; set word_splitter=mecab, too"
        )
    if not choices.splitter:
        notes.append(
            f"{config_file}: words are what stands between spaces and punctuation, "
            "whole clauses in Japanese; use word_splitter=mecab for finer ones"
        )
    return BasicWords(lower_case=lower_case)


def make_mecab(
    config_file: Path, kwargs: Any, choices: Choices, notes: list[str]
) -> Mecab:
    """Open MeCab by `mecab_kwargs`, or as chosen.

    Args:
        config_file: holds them; relative paths in them are files beside it.
        kwargs: `mecab_kwargs` as Hugging Face has them.
        choices: win over these.
        notes: gets a sentence about each guess.

    Raises:
        TokenizerError: tfner does not know a setting, or a dictionary is missing.
    """
    kwargs = kwargs or {}
    if not isinstance(kwargs, dict):
        raise TokenizerError(
            f"{config_file}: mecab_kwargs must be a JSON object. "
            f"Received: {shorten(str(kwargs))}"
        )
    others = [name for name in kwargs if name not in MECAB_KEYS]
    if others:
        raise TokenizerError(
            f"{config_file}: {unknown('mecab_kwargs', others[0], MECAB_KEYS)}"
        )
    check_keys(kwargs, MECAB_SETTINGS, config_file)
    system, user = _options(config_file, str(kwargs.get("mecab_option") or ""))
    named = kwargs.get("mecab_dic", "unidic_lite")
    if named is not None and named not in PACKAGES:
        raise TokenizerError(
            f"{config_file}: {unknown('mecab_dic', str(named), PACKAGES)}"
        )
    dictionary = choices.dictionary or system or named
    if dictionary is None:
        raise TokenizerError(
            f"{config_file}: mecab_dic is null, and mecab_option names no dictionary "
            "by -d"
        )
    if dictionary == named and "mecab_dic" not in kwargs:
        notes.append(
            f"{config_file}: no dictionary is named, so it is unidic_lite as in "
            "transformers"
        )
    return Mecab(
        dictionary,
        choices.user_dictionary or user,
        normalizes=kwargs.get("normalize_text", True),
    )


def _options(config_file: Path, option: str) -> tuple[Path | None, Path | None]:
    """The system and the user dictionary that MeCab's options name.

    Raises:
        TokenizerError: there are others, or a path leads out of the directory.
    """
    parser = argparse.ArgumentParser(
        add_help=False, allow_abbrev=False, exit_on_error=False
    )
    parser.add_argument("-d", "--dicdir")
    parser.add_argument("-u", "--userdic")
    parser.add_argument("-r", "--rcfile")
    try:
        options, others = parser.parse_known_args(shlex.split(option))
    except (argparse.ArgumentError, ValueError) as error:
        raise TokenizerError(
            f"{config_file}: mecab_option={option!r}: {error}"
        ) from error
    # An rc file could say anything; that of the dictionary itself says nothing.
    if others or options.rcfile not in (None, f"{options.dicdir}/mecabrc"):
        raise TokenizerError(
            f"{config_file}: of MeCab's options tfner reads -d (dictionary) and -u "
            f"(user dictionary). Received: mecab_option={option!r}"
        )
    system, user = (
        _path(config_file, name) if name else None
        for name in (options.dicdir, options.userdic)
    )
    return system, user


def _path(config_file: Path, name: str) -> Path:
    """An absolute path, or a file beside the configuration."""
    path = Path(name)
    if path.is_absolute():
        return path
    if path.name != name or name == "..":
        raise TokenizerError(
            f"{config_file}: mecab_option may name absolute paths and files in the "
            f"tokenizer's directory. Received: {name}"
        )
    return config_file.parent / name


def _subwords(
    folder: Path, config: Mapping[str, Any], special: Mapping[str, str]
) -> Subwords:
    """Make the subword tokenizer, with its vocabulary."""
    config_file = folder / CONFIG_FILE
    if config.get("do_subword_tokenize") is False:
        raise TokenizerError(
            f"{config_file}: a model reads pieces, so do_subword_tokenize may not be "
            "false"
        )
    kind = config.get("subword_tokenizer_type", "wordpiece")
    known = (WordPieces.kind, Characters.kind, SentencePieces.kind)
    if kind not in known:
        raise TokenizerError(
            f"{config_file}: {unknown('subword tokenizer', kind, known)}"
        )
    listed = kind != SentencePieces.kind
    file = folder / (VOCABULARY_FILE if listed else SENTENCEPIECE_FILE)
    if not file.is_file():
        raise TokenizerError(
            f"{folder}: lacks {file.name}, which pieces of the kind {kind} need"
        )
    if not listed:
        return SentencePieces(file)
    needed = [special[role] for role in ("unk_token", "cls_token", "sep_token")]
    pieces = read_vocabulary(file, needed=needed)
    make = WordPieces if kind == WordPieces.kind else Characters
    return make(pieces, special["unk_token"])


def _special_ids(
    subwords: Subwords, added: Mapping[str, int], special: Mapping[str, str]
) -> dict[str, int]:
    """Ids of the special pieces; those that no file numbers come after all others.

    Source: transformers' PreTrainedTokenizer.__init__ and _add_tokens.
    """
    ids = dict(added)
    following = max([subwords.size, *(number + 1 for number in ids.values())])
    for name in special.values():
        if name in ids:
            continue
        number = subwords.id_of(name)
        if number is None:
            number, following = following, following + 1
        ids[name] = number
    return ids
