"""Japanese text: words by MeCab, then pieces of each word.

The pieces are those of `BertJapaneseTokenizer`, each with its range in the user's own
text. Words repeat, so their pieces are kept; most of the time goes to MeCab.

Unlike there, a special piece that a user writes ("[SEP]") is text like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfner.document import Word, as_words
from tfner.marks import MARK, is_blank
from tfner.tokenization.encoding import Encoding, Int32
from tfner.tokenization.files import (
    CONFIG_FILE,
    CUSTOM,
    PIECES,
    SETTINGS_FILE,
    TokenizerSettings,
    renumbered,
    write_json,
)
from tfner.tokenization.remembered import Pieces, RememberedPieces
from tfner.tokenization.subwords import Subwords, source_range
from tfner.tokenization.words.basic import BasicWords
from tfner.tokenization.words.mecab import Cut, Mecab, original_words
from tfner.tokenization.words.normalize import Normalized, lower
from tfner.tokenization.words.pieces import words_of_pieces
from tfner.tokenization.words.splitters import WordSplitter, find_splitter

JAPANESE_CLASS = "BertJapaneseTokenizer"


class _Units(NamedTuple):
    """The strings that are cut into pieces one by one.

    Args:
        surfaces: U strings of the normalised text.
        starts: (U,) offset of each in it.
        owners: (U,) the word of each, or None for one a word.
    """

    surfaces: list[str]
    starts: Int32
    owners: Int32 | None


class JapaneseTokenizer:
    """Words by MeCab and pieces of each; see the `Tokenizer` protocol.

    Made by `load_tokenizer`.

    Args:
        words: normalises a text and cuts it into words.
        subwords: cuts a word into pieces.
        settings: everything else.
        special: the names of the special pieces by role, `cls_token` and so on.
        vocab_size: one more than the largest id.
        never_split: words of MeCab's that keep their case.
        word_splitter: the user's own splitter in place of the one that the settings
            name.

    Raises:
        TokenizerError: no splitter has the name in the settings.
    """

    def __init__(
        self,
        words: Mecab | BasicWords,
        subwords: Subwords,
        settings: TokenizerSettings,
        *,
        special: Mapping[str, str],
        vocab_size: int,
        never_split: Sequence[str] = (),
        word_splitter: WordSplitter | None = None,
    ) -> None:
        self.settings = settings
        self.prefix_ids = settings.prefix_ids
        self.suffix_ids = settings.suffix_ids
        self.pad_id = settings.pad_id
        self.notes = settings.notes
        self.splitter = settings.splitter
        self.vocab_size = vocab_size
        self._words, self._subwords = words, subwords
        self._special, self._never_split = special, never_split
        self._pieces = RememberedPieces(self._cut_word)
        self._find_words = word_splitter or self._named_splitter()

    def _named_splitter(self) -> WordSplitter | None:
        if self.splitter == self._words.kind:
            return None
        if self.splitter == PIECES:
            return self._split_pieces
        return find_splitter(self.splitter)

    def encode(
        self, text: str, words: Sequence[tuple[int, int]] | None = None
    ) -> Encoding:
        """Cut a text into pieces; none crosses the boundary of a word.

        Args:
            text: the original text.
            words: ordered character ranges without overlap, possibly empty; None
                takes those that the word splitter finds.

        Returns:
            The pieces without special ones, with offsets into `text`.
        """
        if words is None:
            if self._takes_own_words(text):
                return self._encode_own_words(text)
            words = self._words_of(text)
        ranges = as_words(words)
        normalized = self._words.normalize(text)
        return self._encoding(normalized, ranges, self._within(normalized, ranges))

    def _takes_own_words(self, text: str) -> bool:
        """Whether words and what is cut into pieces are the same, as they mostly are.

        They are not where marks that nobody sees stand at the edges of words.
        """
        return self._find_words is None and MARK.search(text) is None

    def _words_of(self, text: str) -> list[Word]:
        return (self._find_words or self._words.split)(text)

    def _encode_own_words(self, text: str) -> Encoding:
        normalized = self._words.normalize(text)
        cut = self._words.cut(normalized.text)
        words, owners = original_words(normalized, cut)
        units = _Units(cut.surfaces, cut.starts, owners)
        return self._encoding(normalized, words, units)

    def _within(self, normalized: Normalized, words: Sequence[Word]) -> _Units:
        """The given words, each a unit.

        A word in which MeCab cuts a single original character (`㈱日立` is `(`, `株`,
        `)`, `日立`) is cut wherever MeCab cuts. Marks that nobody sees are units of the
        word before them, for models were pretrained on texts that hold them.
        """
        text, origins = normalized.text, normalized.starts
        limits = np.array(words, np.int32).reshape(-1, 2)
        marked = MARK.search(text) is not None
        if origins is None and not marked:
            return _Units([text[a:b] for a, b in words], limits[:, 0], None)
        cut, recut = self._words.cut(text), np.zeros(len(words), np.bool_)
        if origins is not None:
            limits = np.searchsorted(origins, limits).astype(np.int32)
            recut = _hold_cut_character(cut, origins, limits)
        nexts = np.append(limits[1:, 0], len(text)).tolist()
        parts: list[tuple[int, int, int]] = []
        for owner, (first, last) in enumerate(limits.tolist()):
            inner = _parts(cut, first, last) if recut[owner] else [(first, last)]
            if marked and all(map(is_blank, text[last : nexts[owner]])):
                inner += _parts(cut, last, nexts[owner])
            parts += [(start, end, owner) for start, end in inner]
        starts, _, owners = np.array(parts, np.int32).reshape(-1, 3).T
        return _Units([text[start:end] for start, end, _ in parts], starts, owners)

    def _encoding(
        self, normalized: Normalized, words: tuple[Word, ...], units: _Units
    ) -> Encoding:
        pieces = self._pieces.of(units.surfaces)
        owners = units.owners
        if owners is None:
            owners = np.arange(len(words), dtype=np.int32)
        word_index = owners.repeat(pieces.counts)

        def place() -> Int32:
            offsets = pieces.ranges + units.starts.repeat(pieces.counts)[:, None]
            if normalized.starts is not None:
                offsets = _original(normalized, offsets)
            if units.owners is not None:
                limits = np.array(words, np.int32).reshape(-1, 2)[word_index]
                offsets = np.clip(offsets, limits[:, :1], limits[:, 1:])
            return offsets

        return Encoding(pieces.texts, pieces.ids, place, word_index, words)

    def _folded(self, word: str) -> Normalized:
        """The word in the case in which it is cut."""
        kept = word in self._never_split or word in self._special.values()
        if self.settings.lower_case and self._words.kind == "mecab" and not kept:
            return lower(word)
        return Normalized(word)

    def _cut_word(self, word: str) -> Pieces:
        folded = self._folded(word)
        pieces = self._subwords.cut(folded.text)
        ranges = [source_range(folded, piece.start, piece.end) for piece in pieces]
        return Pieces(
            tuple(piece.text for piece in pieces),
            np.array([piece.id for piece in pieces], np.int32).tobytes(),
            np.array(ranges, np.int32).tobytes(),
        )

    def surfaces(self, text: str) -> list[str]:
        """The strings that are cut into pieces: words of a text, or parts of words."""
        normalized = self._words.normalize(text)
        if self._takes_own_words(text):
            return self._words.surfaces(normalized.text)
        return self._within(normalized, self._words_of(text)).surfaces

    def surface_ids(self, surface: str) -> tuple[int, ...]:
        """The ids of a surface, which do not depend on its neighbours."""
        pieces = self._subwords.cut(self._folded(surface).text)
        return tuple(piece.id for piece in pieces)

    def id_of(self, piece: str) -> int | None:
        """The id of a piece, or None if the vocabulary lacks it."""
        return self._subwords.id_of(piece)

    @property
    def subwords(self) -> Subwords:
        """The tokenizer that cuts words into pieces."""
        return self._subwords

    @property
    def special(self) -> Mapping[str, str]:
        """The special pieces by their roles, `cls_token` and so on."""
        return self._special

    def keep(self, ids: Sequence[int]) -> JapaneseTokenizer:
        """Keep some of the pieces alone, numbered anew.

        Args:
            ids: rising; all special pieces are among them.
        """
        size = self._subwords.size
        subwords = self._subwords.keep([number for number in ids if number < size])
        return JapaneseTokenizer(
            self._words,
            subwords,
            renumbered(self.settings, ids),
            special=self._special,
            vocab_size=len(ids),
            never_split=self._never_split,
            word_splitter=self._find_words if self.splitter == CUSTOM else None,
        )

    def _split_pieces(self, text: str) -> list[Word]:
        """The pieces as words; those that share a character are one."""
        return words_of_pieces(text, self._encode_own_words(text).offsets.tolist())

    def save(self, directory: str | Path) -> None:
        """Write a Hugging Face directory that `load_tokenizer` reads, too.

        It holds `tokenizer_config.json`, the vocabulary, tfner's settings in
        `tokenizer_settings.json`, and MeCab's dictionary if it is not an installed one.

        Args:
            directory: made if it does not exist.
        """
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        self._subwords.save(folder)
        config: dict[str, Any] = {
            "tokenizer_class": JAPANESE_CLASS,
            "word_tokenizer_type": self._words.kind,
            "subword_tokenizer_type": self._subwords.kind,
            "do_lower_case": self.settings.lower_case,
            **self._special,
        }
        if self._never_split:
            config["never_split"] = list(self._never_split)
        kwargs = self._words.save(folder)
        if kwargs:
            config["mecab_kwargs"] = kwargs
        write_json(folder / CONFIG_FILE, config)
        write_json(folder / SETTINGS_FILE, asdict(self.settings))

    def __repr__(self) -> str:
        return (
            f"JapaneseTokenizer(kind={self.settings.kind!r}, "
            f"splitter={self.splitter!r}, vocab_size={self.vocab_size})"
        )


def _hold_cut_character(cut: Cut, origins: Int32, limits: Int32) -> NDArray[np.bool_]:
    """(W,) bool: ranges in which MeCab cuts a single original character.

    Args:
        cut: MeCab's words.
        origins: (N,) original offset of each character of the normalised text.
        limits: (W, 2) the ranges, in characters of the normalised text.
    """
    inner = cut.starts[cut.starts > 0]
    inner = inner[origins[inner] == origins[inner - 1]]
    before = np.searchsorted(inner, limits[:, 0], side="right")
    return np.searchsorted(inner, limits[:, 1]) > before


def _parts(cut: Cut, first: int, last: int) -> list[tuple[int, int]]:
    """MeCab's words within a range."""
    begin = int(np.searchsorted(cut.ends, first, side="right"))
    end = int(np.searchsorted(cut.starts, last))
    starts = np.maximum(cut.starts[begin:end], first).tolist()
    ends = np.minimum(cut.ends[begin:end], last).tolist()
    return list(zip(starts, ends, strict=True))


def _original(normalized: Normalized, offsets: Int32) -> Int32:
    """Ranges (P, 2) of the normalised text as ranges of the original one."""
    starts, ends = normalized.starts, normalized.ends
    if starts is None or ends is None or not len(offsets):
        return offsets
    first = np.minimum(offsets[:, 0], len(starts) - 1)
    last = np.maximum(offsets[:, 1] - 1, first)
    ranges = np.stack([starts[first], ends[last]], axis=1)
    # An empty range stays so, but for one inside an original character.
    empty = offsets[:, 0] == offsets[:, 1]
    empty &= (first == 0) | (starts[first] >= ends[first - 1])
    ranges[empty, 1] = ranges[empty, 0]
    return ranges
