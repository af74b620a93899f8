"""Counts of a corpus."""

from __future__ import annotations

import pytest

from tfner.corpus.stats import count_corpus, render_stats
from tfner.document import Document, Entity, Word

NEW_YORK = Document(
    "a",
    "in New York",
    (Entity(3, 11, "LOC"), Entity(3, 6, "X")),
    (Word(0, 2), Word(3, 6), Word(7, 11)),
)
HERE = Document("b", "here", (), (Word(0, 4),))


def test_counts_are_those_of_the_documents():
    record = count_corpus([NEW_YORK, HERE, HERE]).to_json()
    assert record == {
        "documents": 3,
        "words": 5,
        "characters": 19,
        "entities": 2,
        "labels": {"LOC": 1, "X": 1},
        "nested_entities": 1,
        "documents_with_nesting": 1,
        "documents_without_entities": 2,
        "entity_free_share": pytest.approx(2 / 3),
        "length_unit": "words",
        "document_lengths": {"mean": pytest.approx(5 / 3), "median": 1}
        | {"p99": 3, "max": 3},
        "longest_document": "a",
        "entity_lengths": {"mean": 1.5, "median": 1, "p99": 2, "max": 2},
    }


def test_without_words_lengths_are_characters():
    record = count_corpus([NEW_YORK, Document("c", "a b")]).to_json()
    assert record["words"] is None
    assert record["length_unit"] == "characters"
    assert record["document_lengths"]["max"] == 11
    assert record["entity_lengths"]["max"] == 8


def test_the_table_shows_every_label():
    table = render_stats(count_corpus([NEW_YORK, HERE]))
    assert "LOC" in table
    assert "50.0% of the documents" in table
    assert render_stats(count_corpus([]))
