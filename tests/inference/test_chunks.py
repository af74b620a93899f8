"""Chunks hold all documents in order, and depend on the texts alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.document import Document
from tfner.inference import chunks
from tfner.inference.chunks import CHARACTERS, DOCUMENTS, chunked
from tfner.tasks.context import with_neighbours

lengths = st.lists(st.integers(0, 40), max_size=60)


@given(lengths=lengths, context=st.integers(0, 3))
def test_documents_and_their_neighbours_are_kept_in_order(
    lengths: list[int], context: int
) -> None:
    documents = [Document(str(n), "x" * size) for n, size in enumerate(lengths)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "DOCUMENTS", 8)
        patch.setattr(chunks, "CHARACTERS", 10)
        found = list(chunked(documents, context=context))
    together = [pair for chunk in found for pair in chunk]
    assert together == list(with_neighbours(documents, context))
    assert all(found)
    for chunk in found:
        sizes = [1 + len(document.text) // 10 for document, _ in chunk]
        assert sum(sizes[:-1]) < 8
    assert all(
        sum(1 + len(d.text) // 10 for d, _ in chunk) >= 8 for chunk in found[:-1]
    )


def test_a_chunk_is_given_before_more_is_read() -> None:
    read = 0

    def texts() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "a"

    found = chunked(texts())
    assert read == 0
    for number in (1, 2):
        assert len(next(found)) == DOCUMENTS
        assert read == number * DOCUMENTS


def test_long_texts_fill_a_chunk_sooner() -> None:
    long = "x" * (9 * CHARACTERS)
    assert len(next(chunked([long] * DOCUMENTS))) == -(-DOCUMENTS // 10)
    assert len(next(chunked([long * DOCUMENTS] * 2))) == 1
