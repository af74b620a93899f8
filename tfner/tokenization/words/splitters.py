"""Word splitters: raw text to the character ranges of its words."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache

from tfner.document import Word
from tfner.errors import TokenizerError, unknown
from tfner.marks import trimmed_words, words_between_spaces
from tfner.tokenization.files import CUSTOM, PIECES
from tfner.tokenization.words.icu import icu_breaker, split_icu
from tfner.tokenization.words.mecab import split_mecab

WordSplitter = Callable[[str], list[Word]]

# Scripts without spaces: kana, Han and their iteration marks, half-width kana.
CJK = (
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u3096\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9d\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
CJK_MARKS = "\u3099\u309a\uff9e\uff9f\ufe00-\ufe0f\U000e0100-\U000e01ef"
JOINERS = "-‐‑.'’·&@_"
SKIN_TONES = "\U0001f3fb-\U0001f3ff"
FLAGS = "\U0001f1e6-\U0001f1ff"


def split_whitespace(text: str) -> list[Word]:
    """Every stretch without white space is a word, as is what a zero-width one parts.

    Example:
        >>> split_whitespace("to be")
        [Word(start=0, end=2), Word(start=3, end=5)]
    """
    return words_between_spaces(text)


def split_punctuation(text: str) -> list[Word]:
    """Words, marks of punctuation and CJK characters, each a word of its own.

    Single hyphens, dots, apostrophes and the like stay inside a word, commas and
    colons inside a number; an English possessive is a word, so that a name before it
    can be one. A repeated mark ("...") and an emoji sequence are one word.

    Example:
        >>> text = "O'Brien's co-op, 3:30…"
        >>> [text[start:end] for start, end in split_punctuation(text)]
        ["O'Brien", "'s", 'co-op', ',', '3:30', '…']
    """
    return trimmed_words(text, [m.span() for m in _pattern().finditer(text)])


@cache
def _pattern() -> re.Pattern[str]:
    """The words of `split_punctuation`; every alternative runs in linear time."""
    marks = character_ranges("PS")
    letter = rf"[^\s{marks}{CJK}]"
    possessive = rf"['’][sS](?!{letter})"
    glue = rf"(?!{possessive})[{JOINERS}]|(?<=[0-9])[,:](?=[0-9])"
    emoji = rf"[{FLAGS}]{{2}}|(?:(?![{FLAGS}])[{marks}])(?:[\ufe0f{SKIN_TONES}])*"
    return re.compile(
        rf"[{CJK}][{CJK_MARKS}]*"
        rf"|(?<={letter}){possessive}"
        rf"|{letter}+(?:(?:{glue}){letter}+)*"
        rf"|(?:{emoji})(?:\u200d[{marks}][\ufe0f{SKIN_TONES}]*)+"
        rf"|[{FLAGS}]{{2}}"
        rf"|([{marks}])(?:\1*[\ufe0f{SKIN_TONES}]+|\1*)"
    )


def character_ranges(categories: str) -> str:
    """All characters of some main categories as ranges for a regular expression.

    Args:
        categories: such as `PS` for marks of punctuation and symbols.
    """
    ranges: list[list[int]] = []
    # Planes above the first two hold none, and scanning them takes ten times as long.
    for code in range(min(0x20000, sys.maxunicode)):
        if unicodedata.category(chr(code))[0] not in categories:
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


SPLITTERS: dict[str, WordSplitter] = {
    "whitespace": split_whitespace,
    "punctuation": split_punctuation,
    "mecab": split_mecab,
    "icu": split_icu,
}


def find_splitter(name: str) -> WordSplitter:
    """The word splitter of that name.

    Raises:
        TokenizerError: no splitter has this name; the known ones are listed. Or it is
            the name of a user's own one, or needs what is not installed.
    """
    if name == CUSTOM:
        raise TokenizerError(
            "this tokenizer was saved with a word splitter of its user's own, which no "
            "file can hold: pass it as word_splitter"
        )
    if name not in SPLITTERS:
        raise TokenizerError(unknown("word splitter", name, [*SPLITTERS, PIECES]))
    if name == "icu":
        icu_breaker()  # said before a run has begun
    return SPLITTERS[name]
