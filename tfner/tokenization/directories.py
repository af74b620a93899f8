"""Tokenizers from directories and hub ids: files are read, the rest is guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tfner.errors import TokenizerError, shorten
from tfner.recommended import resolve
from tfner.storage.foreign_files import (
    LARGEST_VOCABULARY,
    check_directory,
    check_files,
    read_json,
)
from tfner.storage.hub import fetch_model, is_hub_id, local_model
from tfner.tokenization import keras_hub, overrides, vocabularies
from tfner.tokenization.case import lowers, with_case
from tfner.tokenization.checked_files import (
    check_definition,
    check_ids,
    reading_tokenizer,
)
from tfner.tokenization.files import (
    CUSTOM,
    FILES,
    PIECES,
    SETTINGS_FILE,
    TOKENIZER_FILE,
    TOKENIZER_FOLDER,
    VOCABULARIES,
    VOCABULARY_FILE,
    TokenizerSettings,
    read_config,
    read_tokenizer_settings,
)
from tfner.tokenization.frames import frame, pad_id
from tfner.tokenization.huggingface import FastTokenizer
from tfner.tokenization.japanese import JAPANESE_CLASS, JapaneseTokenizer
from tfner.tokenization.japanese_directories import (
    Choices,
    bare_config,
    make_mecab,
    read_japanese,
)
from tfner.tokenization.word_marks import Definition, marks_start
from tfner.tokenization.words.mecab import Mecab
from tfner.tokenization.words.splitters import WordSplitter

KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
CJK = re.compile("[\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff]")
# English BERTs hold single kana too: 0.6 % of their pieces; Japanese ones 40 %, or 4 %
# where every piece is a character.
KANA_SHARE = 0.02
SENTENCEPIECE = "sentencepiece"
PROBE = "A probe, of 12 words."
SPECIAL = re.compile(r"\[.*\]|<.*>")
# Classes that number and cut their vocabulary files exactly as bare ones are read.
BERT_CLASS = re.compile(
    r"(Bert|Electra|DistilBert|MobileBert|ConvBert)Tokenizer(Fast)?"
)
ROBERTA_CLASS = re.compile(r"Roberta(Tokenizer|TokenizerFast)")
# Their ids are not those of their SentencePiece model, or (ALBERT) text is changed
# before the model cuts it.
OWN_RULES = ("xlm-roberta", "camembert", "mbart", "xlm-roberta-xl", "albert")
# Classes whose ids are, and whose text is as the model itself normalises it.
SENTENCEPIECE_CLASS = re.compile(r"(DebertaV2|RemBert)Tokenizer(Fast)?")


class _Source(NamedTuple):
    """A tokenizer's definition as read from a directory, with notes on guesses.

    Args:
        definition: the content of a `tokenizer.json`.
        kind: of its model.
        splitter: name of the word splitter for raw text.
        notes: a sentence about each guess.
        added: pieces that are found in raw text; None for those of the files beside
            the vocabulary, which tfner has not saved.
        own: pieces of these that the pipeline finds by itself, word by word.
    """

    definition: Definition
    kind: str
    splitter: str
    notes: list[str]
    added: list[str] | None = None
    own: Sequence[str] = ()


def load_tokenizer(
    directory_or_id: str | Path,
    *,
    lower_case: bool | None = None,
    word_splitter: str | WordSplitter | None = None,
    dictionary: str | Path | None = None,
    user_dictionary: str | Path | None = None,
) -> FastTokenizer | JapaneseTokenizer:
    """Load the tokenizer of a directory, or of a model on the Hugging Face hub.

    A directory with `tokenizer.json` or `tokenizer_config.json` is taken at its word;
    settings that a bare vocabulary leaves open are guessed, and `notes` names them.

    Args:
        directory_or_id: a directory, a hub id such as `bert-base-cased`, the short name
            of a recommended encoder, or `keras_hub:` and the name of a preset.
        lower_case: overrides the directory or the guess.
        word_splitter: `whitespace`, `punctuation`, `mecab`, `icu`, `pieces` (the
            tokenizer's own pieces are the words), or a function from a text to its
            words.
        dictionary: of MeCab: `ipadic`, `unidic_lite`, `unidic`, or the directory of a
            compiled one, which is copied where the tokenizer is saved.
        user_dictionary: of MeCab: a compiled one or a CSV file; copied, too.

    Raises:
        TokenizerError: there is no such directory or id, or its files are missing,
            damaged or of an unknown kind; or a dictionary is.
    """
    folder = find_tokenizer_directory(directory_or_id)
    choices = Choices(
        splitter=CUSTOM if callable(word_splitter) else word_splitter,
        custom_splitter=word_splitter if callable(word_splitter) else None,
        dictionary=dictionary,
        user_dictionary=user_dictionary,
    )
    with reading_tokenizer(folder):
        check_directory(folder)
        tokenizer = _load(folder, lower_case, choices)
        tokenizer.encode(PROBE)  # some contradictions show no sooner
        return tokenizer


def _load(
    folder: Path, lower_case: bool | None, choices: Choices
) -> FastTokenizer | JapaneseTokenizer:
    """The tokenizer of a directory: see `load_tokenizer`."""
    config = read_config(folder)
    japanese = _japanese_config(folder, config, lower_case, choices)
    if japanese is not None:
        japanese_config, notes = japanese
        return read_japanese(
            folder, japanese_config, lower_case=lower_case, choices=choices, notes=notes
        )
    return _load_fast(folder, config, lower_case, choices)


def _load_fast(
    folder: Path,
    config: Mapping[str, Any],
    lower_case: bool | None,
    choices: Choices,
) -> FastTokenizer:
    """A tokenizer that is one pipeline of the `tokenizers` library."""
    source = _read(folder, config, lower_case=lower_case)
    definition, notes, added = source.definition, source.notes, source.added
    if added is None:
        definition, more = overrides.with_added(folder, definition)
        notes = [*notes, *more]
        found = overrides.findable(definition, config)
        added = [piece for piece in found if piece not in source.own]
    if lower_case is not None:
        definition = {
            **definition,
            "normalizer": with_case(definition.get("normalizer"), lower=lower_case),
        }
    prefix, suffix = frame(definition.get("post_processor"), definition, config)
    check_ids([*prefix, *suffix], folder)
    splitter = choices.splitter or source.splitter
    settings = TokenizerSettings(
        kind=source.kind,
        splitter=splitter,
        lower_case=lowers(definition.get("normalizer")),
        prefix_ids=prefix,
        suffix_ids=suffix,
        pad_id=pad_id(definition, config),
        notes=notes,
        marks_start=_marks_start(folder, definition),
        added=added,
    )
    return FastTokenizer(
        definition,
        settings,
        word_splitter=choices.custom_splitter,
        mecab=_mecab_of(folder, splitter, choices),
    )


def _marks_start(folder: Path, definition: Definition) -> bool:
    """As it was when the tokenizer was saved, or else as its pipeline has it."""
    saved = read_tokenizer_settings(folder)
    return bool(saved.get("marks_start", True)) if saved else marks_start(definition)


def _mecab_of(folder: Path, splitter: str, choices: Choices) -> Mecab | None:
    """Open MeCab if it finds the words.

    Raises:
        TokenizerError: a dictionary is given, but MeCab has no part in the tokenizer.
    """
    if splitter == "mecab":
        kwargs = read_tokenizer_settings(folder).get("mecab_kwargs") or {
            "mecab_dic": "ipadic"
        }
        return make_mecab(folder / SETTINGS_FILE, kwargs, choices, [])
    if choices.dictionary or choices.user_dictionary:
        raise TokenizerError(
            "dictionary and user_dictionary are MeCab's. Received: "
            f"word_splitter={splitter}; set word_splitter=mecab, too"
        )
    return None


def _japanese_config(
    folder: Path,
    config: Mapping[str, Any],
    lower_case: bool | None,
    choices: Choices,
) -> tuple[Mapping[str, Any], list[str]] | None:
    """The configuration of a Japanese directory, read or guessed, with notes.

    None for other directories.
    """
    saved = read_tokenizer_settings(folder)
    if saved.get("kind") == "mecab-wordpiece" and (folder / TOKENIZER_FILE).is_file():
        # So tfner 0.1.0 saved it.
        return bare_config(lower_case=saved["lower_case"]), []
    name = config.get("tokenizer_class")
    if name == JAPANESE_CLASS:
        return config, []
    file = folder / VOCABULARY_FILE
    others = (folder / TOKENIZER_FILE).is_file() or not file.is_file()
    bert = not name or BERT_CLASS.fullmatch(str(name))
    if others or not bert or choices.splitter not in (None, "mecab"):
        return None
    pieces = vocabularies.read_vocabulary(file)
    kana = sum(bool(KANA.search(piece)) for piece in pieces)
    if choices.splitter is None and (name or kana <= KANA_SHARE * len(pieces)):
        return None
    lower, notes = _guess_case(file, pieces, config, lower_case)
    if choices.splitter is None:
        by = choices.dictionary or "ipadic"
        notes.append(f"{file}: {kana} pieces are kana, so words are MeCab/{by}'s")
    return bare_config(lower_case=lower), notes


def find_tokenizer_directory(directory_or_id: str | Path) -> Path:
    """Find a local directory with the tokenizer's files, fetched if need be.

    It is the folder `tokenizer` of one that has no vocabulary beside that, as models of
    tfner have.

    Raises:
        TokenizerError: there is no such directory.
        StorageError: the hub has no such model, or cannot be reached.
    """
    name = resolve(directory_or_id, announced=True)
    folder = Path(local_model(name)).expanduser()
    if folder.is_dir():
        own = folder / TOKENIZER_FOLDER
        return own if own.is_dir() and not _has_vocabulary(folder) else folder
    if isinstance(name, Path) or not is_hub_id(name):
        raise TokenizerError(f"{name}: there is no such tokenizer directory")
    return fetch_model(str(name), FILES)


def _read(
    folder: Path,
    config: Mapping[str, Any],
    *,
    lower_case: bool | None,
) -> _Source:
    """Read the first kind of tokenizer file that is there."""
    if (folder / TOKENIZER_FILE).is_file():
        return _from_definition(folder, config)
    if (folder / SETTINGS_FILE).is_file():
        raise TokenizerError(
            f"{folder} lacks {TOKENIZER_FILE}, with which its {SETTINGS_FILE} was "
            "saved. Put it back, or take that away to have the other files read."
        )
    name = str(config.get("tokenizer_class", ""))
    kind = config.get("model_type")
    bert = kind != "mpnet" if not name else BERT_CLASS.fullmatch(name)
    if bert and (folder / VOCABULARY_FILE).is_file():
        return _from_wordpiece(folder, config, lower_case)
    if not name or ROBERTA_CLASS.fullmatch(name):
        files = folder / "vocab.json", folder / "merges.txt"
        if all(file.is_file() for file in files):
            notes = [f"{files[0]}: read as RoBERTa's byte-level BPE"]
            definition = vocabularies.byte_level_bpe(*files)
            return _Source(definition, "bpe", "punctuation", notes)
    if not _has_vocabulary(folder):
        # transformers would invent a tokenizer of five pieces.
        raise TokenizerError(
            f"{folder}: no vocabulary: none of {TOKENIZER_FILE}, {VOCABULARY_FILE}, "
            "vocab.json with merges.txt, *.model. Put the files of the tokenizer that "
            "the model was trained with there, or name its directory: --tokenizer DIR"
        )
    models = sorted(folder.glob("*.model"))
    plain = not name or SENTENCEPIECE_CLASS.fullmatch(name)
    if models and kind not in OWN_RULES and plain:
        if config.get("split_by_punct"):
            raise TokenizerError(
                f"{folder}: `split_by_punct` is not supported beside a SentencePiece "
                f"model; save the tokenizer with its {TOKENIZER_FILE}"
            )
        lower = lower_case if lower_case is not None else config.get("do_lower_case")
        return _from_sentencepiece(models[0], lower_case=bool(lower))
    return _from_transformers(folder)


def _has_vocabulary(folder: Path) -> bool:
    return any(any(folder.glob(pattern)) for pattern in VOCABULARIES)


def _from_definition(folder: Path, config: Mapping[str, Any]) -> _Source:
    definition = read_json(folder / TOKENIZER_FILE, largest=LARGEST_VOCABULARY)
    if keras_hub.is_preset(definition):
        definition = keras_hub.preset_tokenizer(folder, definition)
    check_definition(definition, folder / TOKENIZER_FILE)
    found = str(definition["model"].get("type", "unknown")).lower()
    saved = read_tokenizer_settings(folder)
    if not saved:
        definition, notes = overrides.with_settings(folder, definition, config)
        return _Source(definition, found, "punctuation", notes)
    kind, splitter, notes = (saved[name] for name in ("kind", "splitter", "notes"))
    if kind not in (found, SENTENCEPIECE):
        raise TokenizerError(
            f"{folder / TOKENIZER_FILE} is no file of kind {shorten(kind)}, as "
            f"{SETTINGS_FILE} beside it says, but {shorten(found)}. Put back the one "
            "that was saved with it."
        )
    return _Source(definition, kind, splitter, notes, saved.get("added", []))


def _from_wordpiece(
    folder: Path, config: Mapping[str, Any], lower_case: bool | None
) -> _Source:
    file = folder / VOCABULARY_FILE
    pieces = vocabularies.read_vocabulary(file)
    lower, notes = _guess_case(file, pieces, config, lower_case)
    definition = vocabularies.wordpiece(
        pieces,
        lower_case=lower,
        strip_accents=config.get("strip_accents"),
        split_cjk=config.get("tokenize_chinese_chars", True),
    )
    return _Source(definition, "wordpiece", "punctuation", notes)


def _guess_case(
    file: Path,
    pieces: Sequence[str],
    config: Mapping[str, Any],
    lower_case: bool | None,
) -> tuple[bool, list[str]]:
    """Decide if text is lower-cased; return it with a note if it is a guess."""
    said = lower_case if lower_case is not None else config.get("do_lower_case")
    if said is not None:
        return bool(said), []
    # Not isupper(): uncased BERT holds ℝ, which lower-casing leaves as it is.
    if all(piece == piece.lower() for piece in pieces if not SPECIAL.fullmatch(piece)):
        return True, [f"{file}: no piece has a capital letter, so text is lower-cased"]
    return False, [f"{file}: some pieces have capital letters, so text keeps its case"]


def _from_sentencepiece(file: Path, *, lower_case: bool) -> _Source:
    definition = vocabularies.sentencepiece(file, lower_case=lower_case)
    vocab = definition["model"]["vocab"]
    pieces = list(vocab) if isinstance(vocab, dict) else [piece for piece, _ in vocab]
    notes = [f"{file}: ids are those of the SentencePiece model"]
    if 2 * sum(bool(CJK.search(piece)) for piece in pieces) < len(pieces):
        splitter = "punctuation"
    else:
        splitter = PIECES
        notes.append(f"{file}: most pieces are kana or Han, so every piece is a word")
    own = [token["content"] for token in definition["added_tokens"]]
    return _Source(definition, SENTENCEPIECE, splitter, notes, own=own)


def _from_transformers(folder: Path) -> _Source:
    """Read files that only transformers can read; its import takes seconds."""
    check_files(*(file for name in VOCABULARIES for file in folder.glob(name)))
    import transformers

    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
        definition = json.loads(tokenizer.backend_tokenizer.to_str())
    except Exception as error:  # anything may go wrong in foreign code
        raise TokenizerError(
            f"{folder}: transformers gives no fast tokenizer for this directory "
            f"({type(error).__name__}: {shorten(str(error))}); save it with its "
            f"{TOKENIZER_FILE}"
        ) from error
    kind = definition["model"]["type"].lower()
    return _Source(definition, kind, "punctuation", [])
