"""Ids of whole corpora: each distinct word is encoded once and looked up after that."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import chain

from tfner.tokenization.encoding import Tokenizer
from tfner.tokenization.huggingface import FastTokenizer

REMEMBERED_WORDS = 2**18


def id_reader(tokenizer: Tokenizer) -> Callable[[str], list[int]]:
    """A function from a text to the ids of `tokenizer.encode(text)`, made for speed.

    A tokenizer of another class is asked for every text.
    """
    if not isinstance(tokenizer, FastTokenizer):
        return lambda text: [int(number) for number in tokenizer.encode(text).ids]
    ids_of = lru_cache(REMEMBERED_WORDS)(tokenizer.surface_ids)
    surfaces = tokenizer.surfaces
    return lambda text: list(chain.from_iterable(map(ids_of, surfaces(text))))
