"""Counts beyond the score, on documents small enough to count by hand."""

from __future__ import annotations

import pytest

from tfner.document import Document, Entity, Word
from tfner.evaluation.breakdown import Breakdown, surfaces

WORDS = tuple(Word(2 * n, 2 * n + 1) for n in range(12))
TEXT = "a b c d e f g h i j k l"


def pair(gold, predicted) -> tuple[Document, Document]:
    right = tuple(Entity(2 * a, 2 * b - 1, label) for a, b, label in gold)
    guess = tuple(Entity(2 * a, 2 * b - 1, label, p) for a, b, label, p in predicted)
    return Document("1", TEXT, right, WORDS), Document("1", TEXT, guess, WORDS)


@pytest.fixture
def counted() -> dict:
    """A hit of one word, a border, a label, a miss of eleven words, an invention."""
    breakdown = Breakdown(seen={"a"})
    breakdown.add(
        *pair(
            [(0, 1, "A"), (2, 5, "A"), (6, 7, "B")],
            [(0, 1, "A", 0.95), (2, 4, "A", 0.55), (6, 7, "A", 0.5), (9, 10, "B", 1.0)],
        )
    )
    breakdown.add(*pair([(0, 11, "B")], []))
    return breakdown.to_json()


def test_words_are_counted_without_prefixes(counted) -> None:
    words = counted["word_level"]
    assert (words["support"], words["predicted"]) == (1 + 3 + 1 + 11, 1 + 2 + 1 + 1)
    assert words["precision"] == pytest.approx(3 / 5)
    assert words["recall"] == pytest.approx(3 / 16)


def test_confusion_counts_every_entity_once_on_each_side(counted) -> None:
    cells = {(c["gold"], c["predicted"]): c["entities"] for c in counted["confusion"]}
    assert cells == {("A", "A"): 2, ("B", "A"): 1, ("B", "O"): 1, ("O", "B"): 1}


def test_lengths_are_grouped_in_words(counted) -> None:
    rows = counted["by_length"]
    assert list(rows) == ["1", "2", "3", "11 and more"]
    assert (rows["1"]["support"], rows["1"]["predicted"]) == (2, 3)
    assert rows["1"]["recall"] == 0.5
    assert rows["11 and more"]["support"] == 1


def test_known_surfaces_are_told_from_new_ones(counted) -> None:
    rows = counted["by_novelty"]
    assert (rows["seen in training"]["f1"], rows["seen in training"]["support"]) == (
        1,
        1,
    )
    assert rows["not seen"]["support"] == 3


def test_without_training_there_is_no_novelty() -> None:
    assert Breakdown().to_json()["by_novelty"] is None


def test_reliability_bins_hold_entities_scores_and_hits(counted) -> None:
    assert counted["reliability"] == [
        {"entities": 2, "score": pytest.approx(0.525), "precision": 0},
        {"entities": 2, "score": pytest.approx(0.975), "precision": 0.5},
    ]


def test_surfaces_are_those_of_the_entities() -> None:
    assert surfaces([pair([(0, 2, "A"), (3, 4, "B")], [])[0]]) == {"a b", "d"}
