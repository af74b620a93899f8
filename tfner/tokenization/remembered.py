"""Pieces of words that were cut before: words repeat, and so do their pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from tfner.tokenization.encoding import Int32

REMEMBERED = 1 << 16
"""Words whose pieces are kept; the frequent ones are among the first that come."""
LONGEST_REMEMBERED = 32
"""Characters of these words, for someone's words may be whole documents."""


class Pieces(NamedTuple):
    """The pieces of a word, column by column; bytes join faster than numbers.

    Args:
        texts: P spellings.
        ids: (P,) int32 as bytes.
        ranges: (P, 2) int32 as bytes, the range of each in the word.
    """

    texts: tuple[str, ...]
    ids: bytes
    ranges: bytes


class Joined(NamedTuple):
    """The pieces of several words.

    Args:
        texts: P spellings.
        ids: (P,) int32.
        ranges: (P, 2) int32, the range of each in its word; not to be changed.
        counts: (W,) int32, pieces of each word.
    """

    texts: tuple[str, ...]
    ids: Int32
    ranges: Int32
    counts: Int32


class RememberedPieces(dict[str, Pieces]):
    """A cache of the pieces of words, limited in number and length.

    Args:
        cut: cuts a word, whose pieces do not depend on the words around it.
    """

    def __init__(self, cut: Callable[[str], Pieces]) -> None:
        self._cut = cut

    def __missing__(self, word: str) -> Pieces:
        pieces = self._cut(word)
        if len(word) <= LONGEST_REMEMBERED and len(self) < REMEMBERED:
            self[word] = pieces
        return pieces

    def of(self, words: Sequence[str]) -> Joined:
        """Cut several words, in order."""
        pieces = list(map(self.__getitem__, words))
        texts, ids, ranges = zip(*pieces, strict=True) if pieces else ((), (), ())
        return Joined(
            tuple(chain.from_iterable(texts)),
            np.frombuffer(b"".join(ids), np.int32).copy(),
            np.frombuffer(b"".join(ranges), np.int32).reshape(-1, 2),
            np.fromiter(map(len, texts), np.int32, len(texts)),
        )
