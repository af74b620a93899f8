"""The interface of a tokenizer: pieces with their ranges in the user's text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tfner.document import Word

Int32 = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Encoding:
    """The pieces of one text, without special ones such as `[CLS]`.

    Args:
        pieces: P strings as the vocabulary spells them.
        ids: (P,) int32.
        find_offsets: gives `offsets`, which models can do without.
        word_index: (P,) int32, non-decreasing: the word of each piece.
        words: the character ranges of the words, given or found.

    Attributes:
        offsets: (P, 2) int32, half-open character ranges in the original text. Pieces
            of one character share its range; a lone mark of white space has an empty
            one.
    """

    pieces: tuple[str, ...]
    ids: Int32
    find_offsets: Callable[[], Int32] = field(repr=False)
    word_index: Int32
    words: tuple[Word, ...]

    @cached_property
    def offsets(self) -> Int32:
        """The ranges of the pieces, found when they are first asked for."""
        return self.find_offsets()

    @property
    def words_without_pieces(self) -> int:
        """Number of words that give no piece: empty ones, control characters."""
        return len(self.words) - len(self.word_starts)

    @cached_property
    def word_starts(self) -> Int32:
        """First piece of every word that has one, rising."""
        changes = np.ones(len(self.word_index), np.bool_)
        np.not_equal(self.word_index[1:], self.word_index[:-1], out=changes[1:])
        return changes.nonzero()[0].astype(np.int32)

    @cached_property
    def word_ends(self) -> Int32:
        """One past the last piece of every word that has one, rising."""
        ends = np.append(self.word_starts[1:], len(self.word_index))
        return ends[: len(self.word_starts)].astype(np.int32)


@runtime_checkable
class Tokenizer(Protocol):
    """The interface of a tokenizer; any object that has it may be used.

    Attributes:
        prefix_ids: ids before a sequence, such as `[CLS]`.
        suffix_ids: ids after a sequence, such as `[SEP]`.
        pad_id: id at padding.
        vocab_size: one more than the largest id.
        splitter: name of the word splitter for raw text.
        notes: a sentence about each guess, to be shown to the user.
    """

    prefix_ids: list[int]
    suffix_ids: list[int]
    pad_id: int
    vocab_size: int
    splitter: str
    notes: list[str]

    def encode(
        self, text: str, words: Sequence[tuple[int, int]] | None = None
    ) -> Encoding:
        """Cut a text into pieces, within the words given or found by the splitter."""
        ...

    def save(self, directory: str | Path) -> None:
        """Write files from which `load_tokenizer` makes the same tokenizer."""
        ...
