"""BERT's basic words as `BertJapaneseTokenizer` cuts them, with alignment.

Stretches between white space and punctuation; Han characters are not cut apart.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tfner.document import Word
from tfner.marks import trimmed_words
from tfner.tokenization.words.mecab import Cut, original_words
from tfner.tokenization.words.normalize import (
    Normalized,
    aligned,
    chained,
    lower,
    normalize,
)
from tfner.tokenization.words.splitters import character_ranges


class BasicWords:
    """Words between white space and marks of punctuation, each mark one of its own.

    Args:
        lower_case: lower-case the text and take its accents off.

    Source: transformers' BasicTokenizer with tokenize_chinese_chars=False.
    """

    kind = "basic"

    def __init__(self, *, lower_case: bool) -> None:
        self._lower_case = lower_case

    def normalize(self, text: str) -> Normalized:
        """The text without control characters, in NFC, possibly without accents."""
        clean = aligned([_clean(character) for character in text], [1] * len(text))
        normal = chained(clean, normalize(clean.text, "NFC"))
        if not self._lower_case:
            return normal
        lowered = chained(normal, lower(normal.text))
        parts = [_without_accents(character) for character in lowered.text]
        return chained(lowered, aligned(parts, [1] * len(parts)))

    def cut(self, text: str) -> Cut:
        """The words of a normalised text."""
        matches = list(_pattern().finditer(text))
        ranges = np.array([m.span() for m in matches], np.int32).reshape(-1, 2)
        return Cut([m.group() for m in matches], ranges[:, 0], ranges[:, 1])

    def surfaces(self, text: str) -> list[str]:
        """The words of `cut` alone."""
        return self.cut(text).surfaces

    def split(self, text: str) -> list[Word]:
        """Words as ranges of the original text."""
        normalized = self.normalize(text)
        words, _ = original_words(normalized, self.cut(normalized.text))
        return trimmed_words(text, words)

    def save(self, directory: Path) -> dict[str, Any]:
        """Write nothing: basic words need no files."""
        return {}


def _clean(character: str) -> str:
    if character in "\t\n\r" or unicodedata.category(character) == "Zs":
        return " "
    dropped = character == "\ufffd" or unicodedata.category(character)[0] == "C"
    return "" if dropped else character


def _without_accents(character: str) -> str:
    parts = unicodedata.normalize("NFD", character)
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")


@cache
def _pattern() -> re.Pattern[str]:
    """A mark of punctuation, or a stretch without one."""
    marks = character_ranges("P") + re.escape("$+<=>^`|~")  # these are BERT's, too
    return re.compile(rf"[{marks}]|[^\s{marks}]+")
