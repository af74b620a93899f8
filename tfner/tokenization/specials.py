"""The special pieces that pretraining cannot do without."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from tfner.errors import TokenizerError
from tfner.tokenization.huggingface import FastTokenizer

MASKS, UNKNOWNS = ("[MASK]", "<mask>"), ("[UNK]", "<unk>")


class SpecialIds(NamedTuple):
    """Ids of the special pieces, and how many ids there are altogether."""

    cls: int
    sep: int
    pad: int
    mask: int
    unk: int
    vocab_size: int


def special_ids(tokenizer: FastTokenizer) -> SpecialIds:
    """The special pieces of a tokenizer.

    Raises:
        TokenizerError: it has no piece for the mask or for unknown words, or puts none
            or several before or after a sequence.
    """
    frame = (tokenizer.prefix_ids, tokenizer.suffix_ids)
    if any(len(side) != 1 for side in frame):
        raise TokenizerError(
            "pretraining needs a tokenizer that puts one piece before and one after a "
            f"sequence. Received: {frame[0]} and {frame[1]}"
        )
    vocabulary = tokenizer.vocabulary
    mask, unknown = (_find(vocabulary, names) for names in (MASKS, UNKNOWNS))
    return SpecialIds(
        cls=tokenizer.prefix_ids[0],
        sep=tokenizer.suffix_ids[0],
        pad=tokenizer.pad_id,
        mask=mask,
        unk=unknown,
        vocab_size=tokenizer.vocab_size,
    )


def _find(vocabulary: dict[str, int], names: tuple[str, ...]) -> int:
    for name in names:
        if name in vocabulary:
            return vocabulary[name]
    raise TokenizerError(
        f"pretraining needs the piece {names[0]}, and the vocabulary of "
        f"{len(vocabulary):,} pieces has no {' or '.join(names)}. Add it as a further "
        "line, or make a vocabulary with tfner vocab"
    )


def vocabulary_digest(tokenizer: FastTokenizer) -> str:
    """SHA-256 of the pieces in order of their ids: whether two vocabularies are one.

    Two tokenizers of one digest give a piece the same id; they may cut words otherwise.
    """
    vocabulary = tokenizer.vocabulary
    pieces = sorted(vocabulary, key=lambda piece: (vocabulary[piece], piece))
    rows = (f"{vocabulary[piece]}\t{piece}\n" for piece in pieces)
    return hashlib.sha256("".join(rows).encode("utf-8", "replace")).hexdigest()
