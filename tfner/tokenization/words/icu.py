"""Words by ICU, which has dictionaries of Thai, Lao, Khmer, Burmese and Chinese."""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import Any

import numpy as np

from tfner.document import Word
from tfner.errors import TokenizerError
from tfner.marks import trimmed_words

ANY_LANGUAGE = "root"
SURROGATES = re.compile("[\ud800-\udfff]")
BEYOND = re.compile("[\U00010000-\U0010ffff]")
"""Characters that ICU counts as two."""


@cache
def icu_breaker() -> Any:
    """ICU's finder of words, by the extra `icu`.

    Raises:
        TokenizerError: it is not installed.
    """
    try:
        return importlib.import_module("icu4py.breakers").WordBreaker
    except ImportError as error:
        raise TokenizerError(
            'the word splitter icu needs ICU: pip install "tfner[icu]". '
            f"Received: {error}"
        ) from error


def split_icu(text: str) -> list[Word]:
    """Words and marks of punctuation as ICU's rules and dictionaries cut them.

    Source: Unicode Standard Annex #29, word boundaries.

    Raises:
        TokenizerError: ICU is not installed.
    """
    readable = SURROGATES.sub("\ufffd", text)
    segments = icu_breaker()(readable, ANY_LANGUAGE).segments()
    ranges = _in_characters(text, np.array(list(segments), np.int64).reshape(-1, 2))
    words = [(a, b) for a, b in ranges.tolist() if not text[a:b].isspace()]
    return trimmed_words(text, words)


def _in_characters(text: str, ranges: Any) -> Any:
    """Ranges that count UTF-16 units, as ranges that count characters."""
    if BEYOND.search(text) is None:
        return ranges
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum(1 + (codes > 0xFFFF))  # in units, of each character
    return np.searchsorted(ends, ranges, side="right")
