"""What a pipeline is fed for a text, and the way back to the text's characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfner.document import Word
from tfner.tokenization.encoding import Int32
from tfner.tokenization.mecab import parts_of
from tfner.tokenization.normalize import Normalized


class _Part(NamedTuple):
    """A stretch of a word that had to be normalised before it was fed."""

    normalized: Normalized
    start: int
    word: Word


class Feed(NamedTuple):
    """What goes into the pipeline, and where it lies in the text.

    Args:
        surfaces: F strings.
        origins: (F,) the text's offset of each string's first character.
        owners: (F,) the word of each string, or None for one string a word.
        parts: the strings whose characters are not those of the text.
    """

    surfaces: list[str]
    origins: list[int]
    owners: list[int] | None
    parts: dict[int, _Part]

    def place(self, fed: Int32, offsets: Int32) -> tuple[Int32, Int32]:
        """Word of each piece, and its range in the text.

        Args:
            fed: (P,) the string of each piece.
            offsets: (P, 2) its range in that string.
        """
        placed = offsets + np.array(self.origins, np.int32)[fed][:, None]
        for index, (normalized, start, word) in self.parts.items():
            for row in np.flatnonzero(fed == index):
                first, last = offsets[row] + start
                placed[row] = (
                    (normalized.starts[first], normalized.ends[last - 1])
                    if first < last
                    else (0, 0)
                )
                placed[row] += word.start
        if self.owners is None:
            return fed, placed
        return np.array(self.owners, np.int32)[fed], placed


def feed_parts(text: str, words: Sequence[Word]) -> Feed:
    """One string a word, but MeCab's parts of a word that grows when normalised."""
    feed = Feed([], [], [], {})
    owners: list[int] = feed.owners  # type: ignore[assignment]
    for number, word in enumerate(words):
        surface = text[word.start : word.end]
        cut = parts_of(surface)
        normalized, ranges = cut or (None, [Word(0, len(surface))])
        for start, end in ranges:
            if normalized is not None:
                feed.parts[len(owners)] = _Part(normalized, start, word)
            source = surface if normalized is None else normalized.text
            feed.surfaces.append(source[start:end])
            feed.origins.append(word.start)
            owners.append(number)
    return feed
