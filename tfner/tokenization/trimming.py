"""Vocabularies cut down to the pieces of one language or field.

What is kept is such that texts of kept pieces are cut as before:

- WordPiece takes the longest piece that fits, and the longest of fewer is the same one
  as long as it is there. (A word that none of many pieces spelled may be spelled by
  fewer, for the longest piece leads astray.)
- Byte-pair encoding keeps with a piece all that it may be merged of, and so makes the
  same merges in the same order.
- A unigram model takes the likeliest pieces, and the likeliest of fewer are the same.
  Its least likely piece is kept, for unknown characters are scored by it, and so is the
  likeliest, by which SentencePiece scores pieces of users.

Single characters are kept for texts of other pieces, which are cut into smaller ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tfner.errors import TokenizerError
from tfner.tokenization.definitions import (
    added_ids,
    framing_ids,
    ids_of,
    merges_of,
    pieces_of,
)
from tfner.tokenization.encoding import Int32, Tokenizer
from tfner.tokenization.huggingface import FastTokenizer
from tfner.tokenization.ids import LoadedTokenizer
from tfner.tokenization.japanese import JapaneseTokenizer
from tfner.tokenization.subwords import Characters, SentencePieces, WordPieces
from tfner.tokenization.vocabularies import BPE, META, NORMAL, UNIGRAM, halves

KINDS = ("WordPiece", "Unigram", "BPE", "WordLevel")
MOST_BEFORE_PADDING = 100
BYTE = re.compile(r"<0x[0-9A-F]{2}>")
NEVER_MADE = re.compile(r"\[unused\d+\]")
"""Pieces that stand in BERT's vocabularies for such as users may add."""


class Trimmed(NamedTuple):
    """A tokenizer with some pieces of another one.

    Args:
        tokenizer: cuts texts of these pieces as the other one does.
        ids: (V',) int32, rising: the id there of every piece here.
    """

    tokenizer: LoadedTokenizer
    ids: Int32


@dataclass(frozen=True)
class Vocabulary:
    """The pieces of a tokenizer, and what they need of each other.

    Args:
        pieces: by their ids.
        needed: ids without which the tokenizer is none: special and added pieces, those
            for unknown characters, and those by which others are scored.
        unknown: id that stands for what no piece spells.
        inner: begins pieces inside a word.
        end: ends pieces at the end of a word.
        scores: of a unigram model's pieces.
        parts: pairs of pieces that byte-pair encoding may merge into one.
    """

    pieces: Mapping[int, str]
    needed: frozenset[int]
    unknown: int | None = None
    inner: str = ""
    end: str = ""
    scores: Mapping[int, float] | None = None
    parts: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)

    def kept_for(self, used: Iterable[int]) -> set[int]:
        """All that is kept so that some pieces are used as before.

        Args:
            used: ids of the pieces of a corpus.
        """
        used = set(used)
        return self.closed({*self.needed, *used, *self._single(used)})

    def first(self, count: int) -> set[int]:
        """The most useful pieces.

        They are a unigram model's likeliest, or else single characters and then the
        first by their ids, which is how often they occurred where the vocabulary was
        made.

        Args:
            count: at most so many; at least those that are needed.

        Raises:
            TokenizerError: there are more that are needed, or fewer at all.
        """
        kept = self.closed(self.needed)
        if not len(kept) <= count <= len(self.pieces):
            raise TokenizerError(
                f"the tokenizer has {len(self.pieces)} pieces and needs {len(kept)} of "
                f"them, special ones and the like. Received: {count} to be kept. Give "
                f"a number from {len(kept)} to {len(self.pieces)}."
            )
        for number in self._most_useful():
            more = self.closed({number}) - kept
            if len(kept) + len(more) <= count:
                kept |= more
        return kept

    def is_exact(self, used: set[int], kept: set[int]) -> bool:
        """Tell whether a text of such pieces is sure to be cut as before.

        Args:
            used: ids of the pieces of the text.
            kept: ids of the pieces that are left.
        """
        spelled = self.scores is not None or self.unknown not in used
        return spelled and used <= kept

    def closed(self, ids: Iterable[int]) -> set[int]:
        """Pieces, and all that byte-pair encoding may merge them of."""
        kept: set[int] = set()
        waiting = list(ids)
        while waiting:
            number = waiting.pop()
            if number not in kept:
                kept.add(number)
                waiting += (p for pair in self.parts.get(number, ()) for p in pair)
        return kept

    def _most_useful(self) -> Iterator[int]:
        if self.scores is not None:
            scores = self.scores
            yield from sorted(scores, key=lambda number: -scores[number])
            return
        yield from sorted(n for n in self.pieces if len(self._bare(n)) == 1)
        yield from sorted(
            number
            for number, piece in self.pieces.items()
            if not NEVER_MADE.fullmatch(piece)
        )

    def _single(self, used: set[int]) -> Iterator[int]:
        """Single characters: all, or a unigram model's of no script or one in use.

        There an unknown character costs no more than itself; elsewhere it costs its
        whole word.
        """
        scripts = {"", *(_script(c) for number in used for c in self._bare(number))}
        for number in self.pieces:
            bare = self._bare(number)
            if len(bare) == 1 and (self.scores is None or _script(bare) in scripts):
                yield number

    def _bare(self, number: int) -> str:
        piece = self.pieces[number]
        bare = piece.removeprefix(self.inner).removesuffix(self.end)
        return bare or piece


def _script(character: str) -> str:
    """What a letter's name begins with: `LATIN`, `HIRAGANA`, `CJK`; "" for others."""
    if not unicodedata.category(character).startswith(("L", "M")):
        return ""
    return re.split("[ -]", unicodedata.name(character, ""))[0]


def trim(tokenizer: LoadedTokenizer, kept: Iterable[int]) -> Trimmed:
    """A tokenizer with some of its pieces alone.

    Args:
        tokenizer: is not changed.
        kept: ids, such as `Vocabulary` gives.

    Raises:
        TokenizerError: the pieces cannot be numbered anew.
    """
    ids = sorted(kept)
    trimmed = tokenizer.keep(ids)
    if trimmed.vocab_size != len(ids):
        raise TokenizerError(
            "the tokenizer cannot be trimmed: its added pieces have ids among those of "
            "its vocabulary. Save it with transformers first."
        )
    return Trimmed(trimmed, np.array(ids, np.int32))


def vocabulary_of(tokenizer: Tokenizer) -> tuple[LoadedTokenizer, Vocabulary]:
    """The pieces of a tokenizer that can be trimmed.

    Returns:
        The tokenizer, and its vocabulary.

    Raises:
        TokenizerError: it is of the user's own, or of a kind that cannot.
    """
    if isinstance(tokenizer, FastTokenizer):
        return tokenizer, _of_pipeline(tokenizer)
    if isinstance(tokenizer, JapaneseTokenizer):
        return tokenizer, _of_japanese(tokenizer)
    raise TokenizerError(
        "tokenizers that `load_tokenizer` makes can be trimmed. Received: "
        f"{type(tokenizer).__name__}"
    )


def _of_pipeline(tokenizer: FastTokenizer) -> Vocabulary:
    definition = tokenizer.definition
    model, pieces = definition["model"], pieces_of(definition)
    if model["type"] not in KINDS:
        raise TokenizerError(
            f"tokenizers of the kinds {', '.join(KINDS)} can be trimmed. Received: "
            f"{model['type']}"
        )
    numbers = ids_of(definition)
    needed = added_ids(definition) | framing_ids(definition) | _frame(tokenizer)
    unknown = numbers.get(model.get("unk_token"), model.get("unk_id"))
    needed |= {unknown} - {None}
    if model.get("byte_fallback"):
        needed |= {n for n, piece in pieces.items() if BYTE.fullmatch(piece)}
    scores = None
    if model["type"] == "Unigram":
        scores = {n: score for n, (_, score) in enumerate(model["vocab"])}
        needed |= {min(scores, key=scores.__getitem__)}
    parts: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for piece, (left, right) in merges_of(definition):
        parts[numbers[piece]].append((numbers[left], numbers[right]))
    return Vocabulary(
        pieces,
        frozenset(needed),
        unknown,
        inner=model.get("continuing_subword_prefix") or "",
        end=model.get("end_of_word_suffix") or "",
        scores=scores,
        parts=parts,
    )


def _frame(tokenizer: LoadedTokenizer) -> set[int]:
    """The pieces around a sequence, and padding with those before it.

    It keeps its id so, from which RoBERTa's kin count their positions.
    """
    pad = tokenizer.pad_id
    before = range(pad if pad < MOST_BEFORE_PADDING else 0)
    return {*tokenizer.prefix_ids, *tokenizer.suffix_ids, pad, *before}


def _of_japanese(tokenizer: JapaneseTokenizer) -> Vocabulary:
    subwords = tokenizer.subwords
    # Special pieces that the vocabulary lacks come after all others.
    behind = range(subwords.size, tokenizer.vocab_size)
    needed = _frame(tokenizer) | {*behind}
    for piece in tokenizer.special.values():
        number = tokenizer.id_of(piece)
        needed |= set() if number is None else {number}
    unknown = tokenizer.id_of(tokenizer.special["unk_token"])
    if isinstance(subwords, WordPieces | Characters):
        pieces = dict(enumerate([*subwords.pieces, *("" for _ in behind)]))
        inner = "##" if isinstance(subwords, WordPieces) else ""
        return Vocabulary(pieces, frozenset(needed), unknown, inner=inner)
    if isinstance(subwords, SentencePieces):
        return _of_proto(subwords.proto, needed, behind, unknown)
    raise TokenizerError(
        "pieces of the kinds wordpiece, character and sentencepiece can be trimmed. "
        f"Received: {subwords.kind}"
    )


def _of_proto(
    proto: Any, needed: set[int], behind: Iterable[int], unknown: int | None
) -> Vocabulary:
    """The pieces of a SentencePiece model."""
    pieces = {number: piece.piece for number, piece in enumerate(proto.pieces)}
    normal = {n: p.score for n, p in enumerate(proto.pieces) if p.type == NORMAL}
    needed = needed | (pieces.keys() - normal.keys())
    kind = proto.trainer_spec.model_type
    parts: dict[int, list[tuple[int, int]]] = {}
    if kind == UNIGRAM:
        needed |= {min(normal, key=normal.__getitem__)}
        needed |= {max(normal, key=normal.__getitem__)}
    elif kind == BPE:
        numbers = {pieces[number]: number for number in normal}
        parts = {
            n: [(numbers[a], numbers[b]) for a, b in halves(pieces[n], numbers)]
            for n in normal
        }
    return Vocabulary(
        pieces | dict.fromkeys(behind, ""),
        frozenset(needed),
        unknown,
        inner=META if kind == BPE else "",
        scores=normal if kind == UNIGRAM else None,
        parts=parts,
    )
