"""Changes between two predictions, and whether chance explains them."""

from __future__ import annotations

import random

import pytest

from tfner.document import Document, Entity
from tfner.errors import CorpusError
from tfner.evaluation.comparison import compare, find_changes, with_ids_of

TEXT = "a b c d e f"


def document(*spans, id="1") -> Document:
    return Document(id, TEXT, tuple(Entity(*span) for span in spans))


A, B, WIDE = (0, 1, "A"), (0, 1, "B"), (0, 3, "A")


@pytest.mark.parametrize(
    ("gold", "first", "second", "expected"),
    [
        ([A], [], [A], ("gained", "better")),
        ([], [], [A], ("gained", "worse")),
        ([A], [A], [], ("lost", "worse")),
        ([], [A], [], ("lost", "better")),
        ([A], [B], [A], ("retyped", "better")),
        ([], [B], [A], ("retyped", "neither")),
        ([A], [WIDE], [A], ("moved", "better")),
        ([WIDE], [WIDE], [A], ("moved", "worse")),
        ([B], [WIDE], [B], ("moved and retyped", "better")),
    ],
)
def test_kinds_and_verdicts(gold, first, second, expected) -> None:
    (change,) = find_changes(document(*gold), document(*first), document(*second))
    assert (change.kind, change.verdict) == expected


def corpus(share: float, size: int, seed: int) -> tuple[list, list]:
    """Gold, and a prediction that is right with this probability."""
    drawn = random.Random(seed)
    gold = [document(A, id=str(n)) for n in range(size)]
    found = [document(A if drawn.random() < share else B, id=d.id) for d in gold]
    return gold, found


def test_a_large_difference_is_significant() -> None:
    gold, first = corpus(0.5, 200, 1)
    _, second = corpus(0.9, 200, 2)
    found = compare(gold, first, second, resamples=500)
    assert found.p_value < 0.01
    low, high = found.interval
    assert 0 < low < found.difference < high


def test_chance_differences_are_seldom_significant() -> None:
    values = []
    for seed in range(40):
        gold, first = corpus(0.7, 60, 2 * seed)
        _, second = corpus(0.7, 60, 2 * seed + 1)
        values.append(compare(gold, first, second, resamples=200).p_value)
    assert sum(value < 0.05 for value in values) <= 6


def test_one_seed_gives_one_result() -> None:
    gold, first = corpus(0.5, 30, 1)
    _, second = corpus(0.6, 30, 2)
    one, two = (compare(gold, first, second, resamples=200, seed=3) for _ in "ab")
    assert one.to_json() == two.to_json()


def test_sides_of_other_lengths_are_refused() -> None:
    gold, first = corpus(0.5, 3, 1)
    with pytest.raises(CorpusError, match="end before number 3"):
        compare(gold, first, first[:2])


def test_documents_take_the_ids_of_gold_in_order() -> None:
    gold, other = corpus(1, 3, 1)[0], [document(A, id=f"other:{n}") for n in range(4)]
    assert [d.id for d in with_ids_of(gold, other)] == ["0", "1", "2", "other:3"]
    assert [d.id for d in with_ids_of(gold, other[:2])] == ["0", "1"]
