"""What is written in a JSON format is read again as it was."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.corpus.joining import join_words
from tfner.document import Document, Entity

WORD = st.text("aZé京한😀́.,'\"\\", min_size=1, max_size=4)
LABEL = st.text('PÖ "-京', min_size=1, max_size=3)
FORMATS = ("doccano", "gliner", "jsonl", "labelstudio", "prodigy", "rasa-json")
WITHOUT_WORDS = ("rasa-json",)


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    return [draw(a_document(number)) for number in range(draw(st.integers(1, 3)))]


@st.composite
def a_document(draw: st.DrawFn, number: int) -> Document:
    words = draw(st.lists(WORD, min_size=1, max_size=6))
    text, ranges = join_words(words, "space")
    spans = draw(
        st.sets(st.tuples(*[st.integers(0, len(words) - 1)] * 2, LABEL), max_size=4)
    )
    entities = {
        Entity(ranges[min(a, b)].start, ranges[max(a, b)].end, label)
        for a, b, label in spans
    }
    return Document(
        str(number), text, tuple(entities), tuple(ranges), metadata={"k": [1]}
    )


@pytest.mark.parametrize("format", FORMATS)
@given(documents=documents())
@settings(max_examples=40, deadline=None)
def test_documents_survive(format: str, documents: list[Document]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        assert write_corpus(documents, path, format=format) == len(documents)
        assert find_format(path) == format
        read = list(read_corpus(path))
        again = Path(folder) / "b"
        write_corpus(read, again, format=format)
        assert again.read_bytes() == path.read_bytes()
    if format in WITHOUT_WORDS:
        assert [(d.text, d.entities) for d in read] == [
            (d.text, d.entities) for d in documents
        ]
        return
    assert [replace(d, tags=None) for d in read] == documents
