"""NFKC that remembers where each character came from."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tfner.tokenization.encoding import Int32


class Normalized(NamedTuple):
    """A text in NFKC and, for each of its characters, the original range.

    Args:
        text: N characters.
        starts: (N,) first original character.
        ends: (N,) one past the last original character.
    """

    text: str
    starts: Int32
    ends: Int32


def normalize_nfkc(text: str) -> Normalized | None:
    """NFKC with alignment, or None where the text is in NFKC already.

    Example:
        >>> normalize_nfkc("㈱ｶﾞ").text, normalize_nfkc("㈱ｶﾞ").ends.tolist()
        ('(株)ガ', [1, 1, 1, 3])
    """
    if unicodedata.is_normalized("NFKC", text):
        return None
    normalized: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _segments(text):
        segment = unicodedata.normalize("NFKC", text[start:end])
        normalized.append(segment)
        starts += [start] * len(segment)
        ends += [end] * len(segment)
    return Normalized(
        "".join(normalized), np.array(starts, np.int32), np.array(ends, np.int32)
    )


def _segments(text: str) -> list[tuple[int, int]]:
    """The shortest stretches that normalise independently of each other."""
    segments = []
    start = 0
    for position in range(1, len(text)):
        before = text[max(start, position - 3) : position]
        if not _interacts(before, text[position]):
            segments.append((start, position))
            start = position
    return [*segments, (start, len(text))]


@lru_cache(maxsize=65536)
def _interacts(before: str, character: str) -> bool:
    """Whether a character reorders or composes with what stands before it."""
    if unicodedata.combining(unicodedata.normalize("NFKD", character)[0]):
        return True
    apart = [unicodedata.normalize("NFKC", part) for part in (before, character)]
    return unicodedata.normalize("NFKC", before + character) != "".join(apart)
