"""Japanese words by MeCab, and the parts that Japanese BERTs cut them into.

Japanese BERTs were trained on NFKC text cut by MeCab and then by WordPiece. The pieces
here are the same; the offsets, which `BertJapaneseTokenizer` does not give, are exact.
"""

from __future__ import annotations

import importlib
import re
import sys
import unicodedata
from functools import cache
from typing import Any

from tfner.document import Word
from tfner.errors import TokenizerError
from tfner.tokenization.normalize import Normalized, normalize_nfkc

# A NUL ends the text for MeCab, and UTF-8 has no lone surrogates.
UNREADABLE = {0: " ", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


MECAB = "mecab"


@cache
def _tagger(output: str = "") -> Any:
    try:
        fugashi = importlib.import_module("fugashi")
        ipadic = importlib.import_module("ipadic")
        return fugashi.GenericTagger(f"{ipadic.MECAB_ARGS} {output}")
    except (ImportError, RuntimeError) as error:
        raise TokenizerError(
            "splitting Japanese words needs MeCab and its IPA dictionary: "
            f"pip install fugashi ipadic. Received: {error}"
        ) from error


def cut(text: str) -> list[Word]:
    """MeCab's words of a text as it stands; white space belongs to none."""
    words = []
    position = 0
    for node in _tagger()(text.translate(UNREADABLE)):
        start = position + len(node.white_space)
        position = start + len(node.surface)
        words.append(Word(start, position))
    if position > len(text):
        raise TokenizerError("MeCab's words do not add up to the text they come from")
    return words


def split_mecab(text: str) -> list[Word]:
    """MeCab/IPADIC words of the text in NFKC, as ranges of the original text.

    Words cut out of a single original character (`㈱` is `(`, `株`, `)`) are one.

    Raises:
        TokenizerError: fugashi or the dictionary is not installed.

    Example:
        >>> split_mecab("大学へ 行く")
        [Word(start=0, end=2), Word(start=2, end=3), Word(start=4, end=6)]
    """
    normalized = normalize_nfkc(text)
    if normalized is None:
        return cut(text)
    words: list[Word] = []
    for start, end in cut(normalized.text):
        first, last = int(normalized.starts[start]), int(normalized.ends[end - 1])
        if words and first < words[-1].end:
            first = words.pop().start
        words.append(Word(first, last))
    return words


def parts_of(word: str) -> tuple[Normalized, list[Word]] | None:
    """What WordPiece must see of a word that grows in NFKC, or None for any other.

    Example:
        >>> normalized, parts = parts_of("㈱")
        >>> [normalized.text[start:end] for start, end in parts]
        ['(', '株', ')']
    """
    normalized = None if word.isascii() else normalize_nfkc(word)
    if normalized is None or len(normalized.text) <= len(word):
        return None
    return normalized, cut(normalized.text)


def mecab_surfaces(text: str) -> list[str] | None:
    """The words of `split_mecab` in NFKC without their places, three times faster.

    Returns:
        None where a word of the text in NFKC may share an original character with its
        neighbour: only the alignment can tell what to do then.
    """
    if not unicodedata.is_normalized("NFKC", text):
        if _entangled().search(text):
            return None
        text = unicodedata.normalize("NFKC", text)
    words: str = _tagger("-Owakati").parse(text.translate(UNREADABLE))
    return words.split()


@cache
def _entangled() -> re.Pattern[str]:
    """Characters that grow in NFKC or that join the one before them."""
    found = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.combining(character)
        or len(unicodedata.normalize("NFKC", character)) > 1
    ]
    return re.compile(f"[{re.escape(''.join(found))}]")
