"""The special pieces that pretraining needs, and the digest of a tokenizer."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from tfner.errors import TokenizerError
from tfner.storage.digests import digest_of
from tfner.tokenization.ids import LoadedTokenizer

MASKS, UNKNOWNS = ("[MASK]", "<mask>"), ("[UNK]", "<unk>")


class SpecialIds(NamedTuple):
    """Ids of the special pieces, and the size of the vocabulary."""

    cls: int
    sep: int
    pad: int
    mask: int
    unk: int
    vocab_size: int


def special_ids(tokenizer: LoadedTokenizer) -> SpecialIds:
    """Find the ids of a tokenizer's special pieces.

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
    return SpecialIds(
        cls=tokenizer.prefix_ids[0],
        sep=tokenizer.suffix_ids[0],
        pad=tokenizer.pad_id,
        mask=_find(tokenizer, MASKS),
        unk=_find(tokenizer, UNKNOWNS),
        vocab_size=tokenizer.vocab_size,
    )


def _find(tokenizer: LoadedTokenizer, names: tuple[str, ...]) -> int:
    for name in names:
        number = tokenizer.id_of(name)
        if number is not None:
            return number
    raise TokenizerError(
        f"pretraining needs the piece {names[0]}, and the vocabulary has no "
        f"{' or '.join(names)}. Add it as a further line, or make a vocabulary with "
        "tfner vocab"
    )


def tokenizer_digest(directory: Path) -> str:
    """SHA-256 of all files of a saved tokenizer: its pieces, and how it cuts words."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            name = path.relative_to(directory).as_posix()
            digest.update(f"{name} {digest_of(path)}\n".encode())
    return digest.hexdigest()
