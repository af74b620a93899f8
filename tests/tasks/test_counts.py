"""Counts, not times: calls of Python for every word, which make large texts slow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tfner.document import Document

WORDS = ("anna", "lives", "in", "paris", "and", "works", "for", "acme", "corp")
DOCUMENTS, FEW, MANY = 8, 40, 80


def python_calls(run: Callable[[], object]) -> int:
    """How many functions, of Python and of C, Python calls."""
    found = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    run()  # what is cached is not counted
    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return found


def documents(words: int) -> list[Document]:
    return [
        Document(str(n), " ".join(WORDS[(n + k) % len(WORDS)] for k in range(words)))
        for n in range(DOCUMENTS)
    ]


def calls_per_word(of: Callable[[list[Document]], Callable[[], object]]) -> float:
    """What a further word of each document adds."""
    few, many = (python_calls(of(documents(words))) for words in (FEW, MANY))
    return (many - few) / (DOCUMENTS * (MANY - FEW))


def decoding(task: Any, texts: list[Document], ids: list[int]) -> Callable[[], object]:
    """Decodes a model's outputs that are sure of these tags, again and again."""
    tags = len(task.label_set.tags)
    windows = [task.encode(text).windows for text in texts]
    outputs = [
        [{"probs": np.eye(tags, dtype="f4")[np.resize(ids, len(w.word_index))]}]
        for (w,) in windows
    ]
    return lambda: list(task.decode_all(texts, windows, outputs))


def test_encoding_calls_few_functions_for_a_word(make_task: Any) -> None:
    task = make_task(max_length=512)
    assert calls_per_word(lambda d: lambda: [task.encode(text) for text in d]) <= 12


@pytest.mark.parametrize("decoder", ["argmax", "viterbi"])
def test_decoding_calls_no_function_for_a_word(make_task: Any, decoder: str) -> None:
    task = make_task(max_length=512, decode=decoder)
    outside, begin = map(task.label_set.tags.index, ("O", "B-PER"))
    assert calls_per_word(lambda d: decoding(task, d, [outside])) <= 0.01
    calls_per_entity = 4 * calls_per_word(
        lambda d: decoding(task, d, [begin, outside, outside, outside])
    )
    assert calls_per_entity <= 20
