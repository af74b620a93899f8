"""Any pipeline of the `tokenizers` library, fed word by word.

A *definition* is the content of a `tokenizer.json`. Where a pipeline marks the start of
a word (byte-level BPE by a space, SentencePiece by `▁`), it would mark every word that
is fed to it. Here the mark is taken out of the pipeline and put before the words that
follow white space, so that "(Kyoto)" cut into words gives the pieces of the whole text.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tokenizers

from tfner.document import Word, as_words
from tfner.errors import TokenizerError, shorten
from tfner.marks import follows_space, words_between_spaces
from tfner.tokenization.added import (
    SURROGATES,
    AddedPieces,
    without_pieces,
    words_around,
)
from tfner.tokenization.definitions import with_pieces
from tfner.tokenization.encoding import Encoding, Int32
from tfner.tokenization.files import (
    CUSTOM,
    PIECES,
    SETTINGS_FILE,
    TOKENIZER_FILE,
    VOCABULARY_FILE,
    TokenizerSettings,
    renumbered,
    write_json,
)
from tfner.tokenization.remembered import Pieces, RememberedPieces
from tfner.tokenization.word_marks import Definition, mark_scheme, without_mark
from tfner.tokenization.words.mecab import Mecab
from tfner.tokenization.words.pieces import goes_on, words_of_pieces
from tfner.tokenization.words.splitters import WordSplitter, find_splitter

SPACE = re.compile(r"\s")
FILLER = "\ufdd1"
"""Stands for an added piece where what follows it is not marked."""


class FastTokenizer:
    """A tokenizer of the `tokenizers` library with its words and special ids.

    Made by `load_tokenizer`; see the `Tokenizer` protocol for the attributes.

    Args:
        definition: the content of a `tokenizer.json`.
        settings: everything else.
        word_splitter: the user's own splitter in place of the one that the settings
            name.
        mecab: finds the words if the splitter is `mecab`.

    Raises:
        TokenizerError: the definition is damaged, or no such splitter exists.
    """

    def __init__(
        self,
        definition: Definition,
        settings: TokenizerSettings,
        *,
        word_splitter: WordSplitter | None = None,
        mecab: Mecab | None = None,
    ) -> None:
        self.settings = settings
        self.prefix_ids = settings.prefix_ids
        self.suffix_ids = settings.suffix_ids
        self.pad_id = settings.pad_id
        self.notes = settings.notes
        self.splitter = settings.splitter
        self._pipeline = {
            part: copy.deepcopy(definition.get(part))
            for part in ("normalizer", "pre_tokenizer", "post_processor")
        }
        bare, self._mark, self._mark_piece = without_mark(definition)
        # What follows an added piece begins as a text does, but for this scheme.
        self._filler = " " if mark_scheme(definition) == "always" else FILLER
        self._backend = build_pipeline(bare)
        added = definition.get("added_tokens") or []
        self._added = AddedPieces(
            [token for token in added if token["content"] in settings.added],
            self._backend.normalizer,
        )
        self.vocab_size = 1 + max(_all_ids(definition))
        self._pieces = RememberedPieces(self._cut)
        self._mecab = mecab
        self._find_words = word_splitter or self._named_splitter()

    def _named_splitter(self) -> WordSplitter:
        if self._mecab is not None:
            return self._mecab.split
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
        found = self._added.find(text)
        if words is None:
            words = words_around(text, found, self._find_words)
        ranges = as_words(words)
        feed = self._feed(text, ranges, found)
        pieces = self._pieces.of(feed.surfaces)
        word_index = np.arange(len(ranges), dtype=np.int32).repeat(pieces.counts)
        place = partial(_offsets, text, ranges, feed.origins, pieces.ranges, word_index)
        return Encoding(pieces.texts, pieces.ids, place, word_index, ranges)

    def _cut(self, surface: str) -> Pieces:
        """The pieces of a surface; of a lone mark of the start of a word, none."""
        result = self._run([surface])
        if self._mark and result.tokens == [self._mark_piece]:
            return Pieces((), b"", b"")
        return Pieces(
            tuple(result.tokens),
            np.array(result.ids, np.int32).tobytes(),
            np.array(result.offsets, np.int32).tobytes(),
        )

    def _feed(self, text: str, words: Sequence[Word], found: Sequence[Word]) -> _Feed:
        surfaces = [text[start:end] for start, end in words]
        origins = [start for start, _ in words]
        if self._mark:
            rest = without_pieces(text, words, found, self._filler)
            marked = 0 if self.settings.marks_start else _after_space(rest)
            for index, start in enumerate(origins):
                if start < marked or not surfaces[index]:
                    continue
                first = rest[start]
                if (
                    first != FILLER
                    and not first.isspace()
                    and follows_space(rest, start)
                ):
                    surfaces[index] = self._mark + surfaces[index]
                    origins[index] -= len(self._mark)
        return _Feed(surfaces, origins)

    def _run(self, surfaces: list[str]) -> Any:
        try:
            return self._backend.encode(
                surfaces, is_pretokenized=True, add_special_tokens=False
            )
        except (TypeError, UnicodeEncodeError):  # lone surrogates are no UTF-8
            return self._backend.encode(
                [SURROGATES.sub("\ufffd", surface) for surface in surfaces],
                is_pretokenized=True,
                add_special_tokens=False,
            )

    def surfaces(self, text: str) -> list[str]:
        """The strings that the pipeline is fed for a text: its words, some marked."""
        found = self._added.find(text)
        words = words_around(text, found, self._find_words)
        return self._feed(text, words, found).surfaces

    def surface_ids(self, surface: str) -> tuple[int, ...]:
        """The ids of a surface, which do not depend on its neighbours."""
        return tuple(np.frombuffer(self._cut(surface).ids, np.int32).tolist())

    @property
    def definition(self) -> Definition:
        """The content of the `tokenizer.json` that `save` writes."""
        return {**json.loads(self._backend.to_str()), **self._pipeline}

    def keep(self, ids: Sequence[int]) -> FastTokenizer:
        """Keep some of the pieces alone, numbered anew.

        Args:
            ids: rising; all special and added pieces are among them.
        """
        return FastTokenizer(
            with_pieces(self.definition, ids),
            renumbered(self.settings, ids),
            word_splitter=self._find_words if self.splitter == CUSTOM else None,
            mecab=self._mecab,
        )

    def id_of(self, piece: str) -> int | None:
        """The id of a piece, or None if the vocabulary lacks it."""
        number: int | None = self._backend.token_to_id(piece)
        return number

    def _split_pieces(self, text: str) -> list[Word]:
        """The tokenizer's own pieces as words, for scripts without spaces."""
        encoding = self.encode(text, words_between_spaces(text))
        found: list[tuple[int, int]] = []
        mark_start: int | None = None
        ranges = zip(encoding.pieces, encoding.offsets.tolist(), strict=True)
        for piece, (start, end) in ranges:
            if piece == self._mark_piece:  # belongs to the piece after it
                mark_start = start
                continue
            if mark_start is not None:
                start, mark_start = mark_start, None
            found.append((start, end))
        return words_of_pieces(text, found)

    def save(self, directory: str | Path) -> None:
        """Write files that `load_tokenizer` reads without transformers.

        They are `tokenizer.json`, `tokenizer_settings.json` and, for the old clients
        of WordPiece, `vocab.txt`.

        Args:
            directory: made if it does not exist.
        """
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        definition = self.definition
        settings = asdict(self.settings)
        # Files as earlier versions wrote them.
        if self.settings.marks_start:
            del settings["marks_start"]
        if not self.settings.added:
            del settings["added"]
        if self._mecab is not None:
            settings["mecab_kwargs"] = self._mecab.save(folder)
        write_json(folder / TOKENIZER_FILE, definition)
        write_json(folder / SETTINGS_FILE, settings)
        if definition["model"]["type"] == "WordPiece":
            vocab: dict[str, int] = definition["model"]["vocab"]
            lines = sorted(vocab, key=vocab.__getitem__)
            content = "".join(f"{piece}\n" for piece in lines)
            file = folder / VOCABULARY_FILE
            file.write_text(content, encoding="utf-8", newline="\n")

    def __repr__(self) -> str:
        return (
            f"FastTokenizer(kind={self.settings.kind!r}, splitter={self.splitter!r}, "
            f"vocab_size={self.vocab_size})"
        )


class _Feed(NamedTuple):
    """The strings that go into the pipeline, with their offsets in the text.

    Args:
        surfaces: a string a word.
        origins: offset in the text of each string's first character.
    """

    surfaces: list[str]
    origins: list[int]


def _after_space(text: str) -> int:
    """Where the first white space ends."""
    space = SPACE.search(text)
    return len(text) if space is None else space.end()


def _offsets(
    text: str,
    words: Sequence[Word],
    origins: Sequence[int],
    ranges: Int32,
    word_index: Int32,
) -> Int32:
    """Ranges (P, 2) of pieces in a text.

    Args:
        text: the whole text.
        words: ranges of its words.
        origins: where in the text the string that was cut begins, of each word.
        ranges: (P, 2), of the pieces in those strings.
        word_index: (P,), the word of each piece.
    """
    offsets = ranges + np.array(origins, np.int32)[word_index][:, None]
    limits = np.array(words, np.int32).reshape(-1, 2)[word_index]
    # The mark of a word's start has no character of its own.
    offsets = offsets.clip(limits[:, :1], limits[:, 1:])
    _cover_marks(text, offsets, limits, word_index)
    return offsets


def _cover_marks(text: str, offsets: Int32, limits: Int32, word_index: Int32) -> None:
    """Extend pieces in place over marks and jamo that normalising took away.

    The library leaves what was stripped or composed out of every piece.
    """
    ends = limits[:, 1].copy()
    same_word = word_index[1:] == word_index[:-1]
    ends[:-1][same_word] = offsets[1:, 0][same_word]
    for row in np.flatnonzero(offsets[:, 1] < ends):
        end, limit = int(offsets[row, 1]), int(ends[row])
        if end == offsets[row, 0]:
            continue
        while end < limit and goes_on(text[end]):
            end += 1
        offsets[row, 1] = end


def build_pipeline(definition: Definition) -> tokenizers.Tokenizer:
    """Make the library's tokenizer of a definition, without truncation or padding.

    Raises:
        TokenizerError: the library cannot read it.
    """
    plain = {**definition, "truncation": None, "padding": None}
    try:
        return tokenizers.Tokenizer.from_str(json.dumps(plain))
    except Exception as error:  # the library raises nothing more specific
        raise TokenizerError(
            f"the tokenizer is damaged or of an unknown kind: {shorten(str(error))}"
        ) from error


def _all_ids(definition: Definition) -> list[int]:
    vocab = definition["model"]["vocab"]
    ids = list(vocab.values()) if isinstance(vocab, dict) else [len(vocab) - 1]
    return ids + [token["id"] for token in definition.get("added_tokens", [])]
