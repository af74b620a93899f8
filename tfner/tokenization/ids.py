"""Ids of whole corpora: each distinct word is encoded once, then looked up."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import chain

from tfner.tokenization.huggingface import FastTokenizer
from tfner.tokenization.japanese import JapaneseTokenizer

REMEMBERED = 1 << 18

LoadedTokenizer = FastTokenizer | JapaneseTokenizer
"""The types that `load_tokenizer` returns."""


def id_reader(tokenizer: LoadedTokenizer) -> Callable[[str], list[int]]:
    """A function from a text to the ids of `tokenizer.encode(text)` alone."""
    ids_of = lru_cache(REMEMBERED)(tokenizer.surface_ids)
    surfaces = tokenizer.surfaces
    return lambda text: list(chain.from_iterable(map(ids_of, surfaces(text))))
