"""Words to pieces as Japanese BERTs cut them: WordPiece, characters, SentencePiece.

Source: transformers/models/bert_japanese/tokenization_bert_japanese.py, which gives the
same pieces, without offsets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import tokenizers

from tfner.errors import TokenizerError
from tfner.storage.foreign_files import LARGEST_VOCABULARY, read_bytes
from tfner.tokenization.files import VOCABULARY_FILE
from tfner.tokenization.vocabularies import META, parse_proto
from tfner.tokenization.words.normalize import Normalized, aligned, normalize

SENTENCEPIECE_FILE = "spiece.model"
LONGEST_WORD = 100
CHUNK = re.compile(r"\S+")
# The alternatives that BertJapaneseTokenizer rewrites before SentencePiece.
REWRITTEN = re.compile(r"``|''|\s+|.", re.DOTALL)


class Piece(NamedTuple):
    """A piece of a word: its spelling, its id and its range in the word."""

    text: str
    id: int
    start: int
    end: int


class Subwords(Protocol):
    """The interface of a subword tokenizer, which cuts a word into pieces.

    Attributes:
        kind: `wordpiece`, `character` or `sentencepiece`.
        size: number of pieces in the vocabulary.
    """

    kind: str
    size: int

    def cut(self, word: str) -> list[Piece]:
        """Cut a word into pieces, in order; white space alone gives none."""
        ...

    def id_of(self, piece: str) -> int | None:
        """The id of a piece, or None if the vocabulary lacks it."""
        ...

    def save(self, directory: Path) -> None:
        """Write the vocabulary under the name that transformers looks for."""
        ...

    def keep(self, ids: Sequence[int]) -> Subwords:
        """Keep some of the pieces alone, numbered anew in their order."""
        ...


class _Listed:
    """Base of the two kinds with a `vocab.txt`."""

    def __init__(self, pieces: Sequence[str], unknown: str = "[UNK]") -> None:
        self._vocabulary = {piece: number for number, piece in enumerate(pieces)}
        self.unknown = unknown
        self.size = len(pieces)

    @property
    def pieces(self) -> list[str]:
        """The pieces in order of their ids."""
        return list(self._vocabulary)

    def id_of(self, piece: str) -> int | None:
        """The id of a piece, or None if the vocabulary lacks it."""
        return self._vocabulary.get(piece)

    def save(self, directory: Path) -> None:
        """Write `vocab.txt`."""
        lines = "".join(f"{piece}\n" for piece in self._vocabulary)
        file = directory / VOCABULARY_FILE
        file.write_text(lines, encoding="utf-8", newline="\n")

    def keep(self, ids: Sequence[int]) -> Self:
        """Keep some of the pieces alone, numbered anew in their order."""
        pieces = self.pieces
        return type(self)([pieces[number] for number in ids], self.unknown)


class WordPieces(_Listed):
    """The longest pieces from the left; `##` marks those inside a word.

    Args:
        pieces: in order of their ids.
        unknown: stands for words that the pieces do not spell.
    """

    kind = "wordpiece"

    def __init__(self, pieces: Sequence[str], unknown: str = "[UNK]") -> None:
        super().__init__(pieces, unknown)
        self._model = tokenizers.models.WordPiece(
            self._vocabulary, unk_token=unknown, max_input_chars_per_word=LONGEST_WORD
        )

    def cut(self, word: str) -> list[Piece]:
        """Cut a word into pieces, in order."""
        pieces = []
        for chunk in CHUNK.finditer(word):
            start = chunk.start()
            tokens = self._model.tokenize(chunk.group())
            for token in tokens:
                end = start + len(token.value) - 2 * (start > chunk.start())
                if len(tokens) == 1:  # the whole of it, whether spelled or unknown
                    end = chunk.end()
                pieces.append(Piece(token.value, token.id, start, end))
                start = end
        return pieces


class Characters(_Listed):
    """Every character is a piece.

    Args:
        pieces: in order of their ids.
        unknown: stands for characters that are no piece.
    """

    kind = "character"

    def cut(self, word: str) -> list[Piece]:
        """Cut a word into its characters in NFKC."""
        normalized = normalize(word)
        pieces = [c if c in self._vocabulary else self.unknown for c in normalized.text]
        ids = [self._vocabulary[piece] for piece in pieces]
        return [
            Piece(piece, number, *source_range(normalized, index, index + 1))
            for index, (piece, number) in enumerate(zip(pieces, ids, strict=True))
        ]


class SentencePieces:
    """The pieces of a SentencePiece model, word by word.

    Args:
        source: the model file, or its content.

    Raises:
        TokenizerError: it is no SentencePiece model.
    """

    kind = "sentencepiece"

    def __init__(self, source: Path | bytes) -> None:
        import sentencepiece
        from sentencepiece import sentencepiece_pb2

        try:
            self._content = (
                source
                if isinstance(source, bytes)
                else read_bytes(source, largest=LARGEST_VOCABULARY)
            )
            self._model = sentencepiece.SentencePieceProcessor(
                model_proto=self._content
            )
        except (RuntimeError, ValueError) as error:
            place = "" if isinstance(source, bytes) else f"{source}: "
            raise TokenizerError(f"{place}no SentencePiece model ({error})") from error
        self._result: Any = sentencepiece_pb2.SentencePieceText
        self.size = self._model.get_piece_size()

    def cut(self, word: str) -> list[Piece]:
        """Cut a word into pieces, in order."""
        chunks = REWRITTEN.findall(word)
        rewritten = aligned(
            [_rewrite(chunk) for chunk in chunks], [len(chunk) for chunk in chunks]
        )
        # Like str.strip: white space at the ends is left out.
        inner = rewritten.text.strip(" ")
        shift = rewritten.text.find(inner)
        pieces = []
        for piece, start, end in self._encode(inner):
            parts = [(piece, start, end)]
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
                parts = self._without_comma(piece, start, end)
            for text, first, last in parts:
                where = source_range(rewritten, shift + first, shift + last)
                pieces.append(Piece(text, self._model.piece_to_id(text), *where))
        return pieces

    def _encode(self, text: str) -> list[tuple[str, int, int]]:
        """Pieces with their ranges in characters; the library counts bytes."""
        result = self._result()
        result.ParseFromString(self._model.encode(text, out_type="serialized_proto"))
        content = np.frombuffer(text.encode(), np.uint8)
        characters = [0, *np.cumsum(content & 0xC0 != 0x80).tolist()]
        pieces = []
        for piece in result.pieces:
            start, end = characters[piece.begin], characters[piece.end]
            surface = text[start:end]
            start += len(surface) - len(surface.lstrip())
            pieces.append((piece.piece, min(start, end), end))
        return pieces

    def _without_comma(
        self, piece: str, start: int, end: int
    ) -> list[tuple[str, int, int]]:
        """Make a number's comma a piece of its own, and cut the number anew."""
        digits = piece[:-1].replace(META, "")
        parts = self._encode(digits)
        first = parts[0][0]
        if piece[0] != META and first[0] == META:
            parts[0] = (first[1:], *parts[0][1:])
            parts = parts[len(first) == 1 :]
        exact = len(digits) == end - 1 - start
        placed = [
            (text, start + a, start + b) if exact else (text, start, end)
            for text, a, b in parts
        ]
        return [*placed, (piece[-1], end - 1, end)]

    def id_of(self, piece: str) -> int | None:
        """The id of a piece, or None if the model lacks it."""
        number: int = self._model.piece_to_id(piece)
        return number if self._model.id_to_piece(number) == piece else None

    def save(self, directory: Path) -> None:
        """Write `spiece.model`."""
        (directory / SENTENCEPIECE_FILE).write_bytes(self._content)

    @property
    def proto(self) -> Any:
        """The model as its library describes it, a copy."""
        return parse_proto(self._content, SENTENCEPIECE_FILE)

    def keep(self, ids: Sequence[int]) -> SentencePieces:
        """Keep some of the pieces alone, numbered anew in their order."""
        proto, new = self.proto, {old: number for number, old in enumerate(ids)}
        kept = [proto.pieces[number] for number in ids]
        spec = proto.trainer_spec
        for role in ("unk_id", "bos_id", "eos_id", "pad_id"):
            setattr(spec, role, new.get(getattr(spec, role), -1))
        spec.vocab_size = len(kept)
        del proto.pieces[:]
        proto.pieces.extend(kept)
        return SentencePieces(proto.SerializeToString())


def _rewrite(chunk: str) -> str:
    if chunk.isspace():
        return " "
    return '"' if len(chunk) == 2 else chunk


def source_range(normalized: Normalized, start: int, end: int) -> tuple[int, int]:
    """The range of the original text from which a range of a changed text comes.

    Args:
        normalized: the changed text with its alignment.
        start: first character in the changed text.
        end: one past the last; an empty range stays empty.
    """
    if normalized.starts is None or normalized.ends is None:
        return start, end
    if start == end:
        offset = int(normalized.ends[start - 1]) if start else 0
        return offset, offset
    return int(normalized.starts[start]), int(normalized.ends[end - 1])
