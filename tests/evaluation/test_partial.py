"""The SemEval-2013 measures, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.document import Document, Entity
from tfner.evaluation import score
from tfner.evaluation.partial import Pair, pair_entities

TEXT = "x" * 60
GOLD = [
    Entity(0, 5, "A"),  # found
    Entity(10, 15, "A"),  # other label
    Entity(20, 25, "B"),  # other boundaries
    Entity(30, 35, "B"),  # other boundaries and label
    Entity(40, 45, "A"),  # missed
]
PREDICTED = [
    Entity(0, 5, "A"),
    Entity(10, 15, "B"),
    Entity(20, 28, "B"),
    Entity(33, 38, "A"),
    Entity(50, 55, "A"),  # spurious
    Entity(56, 59, "A"),  # spurious
]


def document(entities: list[Entity]) -> Document:
    return Document("1", TEXT, tuple(entities))


def partial_of(gold: list[Entity], predicted: list[Entity]) -> dict[str, Any]:
    found = score([document(gold)], [document(predicted)]).conventions["partial"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("measure", "correct", "incorrect", "partial", "precision", "recall"),
    [
        ("strict", 1, 3, 0, 1 / 6, 1 / 5),
        ("exact", 2, 2, 0, 2 / 6, 2 / 5),
        ("partial", 2, 0, 2, 3 / 6, 3 / 5),
        ("type", 2, 2, 0, 2 / 6, 2 / 5),
    ],
)
def test_outcomes_of_a_small_example_under_the_four_measures(
    measure: str,
    correct: int,
    incorrect: int,
    partial: int,
    precision: float,
    recall: float,
) -> None:
    found = partial_of(GOLD, PREDICTED)["semeval"][measure]
    assert {name: found[name] for name in ("COR", "INC", "PAR", "MIS", "SPU")} == {
        "COR": correct,
        "INC": incorrect,
        "PAR": partial,
        "MIS": 1,
        "SPU": 2,
    }
    assert found["precision"] == pytest.approx(precision)
    assert found["recall"] == pytest.approx(recall)


def test_the_convention_gives_half_a_point_for_wrong_boundaries() -> None:
    gold, predicted = [document(GOLD)], [document(PREDICTED)]
    found = score(gold, predicted, convention="partial")
    assert (found.precision, found.recall) == (0.5, 0.6)
    assert found.f1 == pytest.approx(6 / 11)
    assert found.per_label["A"] == {
        "precision": pytest.approx(1.5 / 4),  # 1 + 0 + 0.5 + 0 + 0, of four
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(0.48),
        "support": 3,
        "predicted": 4,
    }


@pytest.mark.parametrize(
    ("candidates", "best"),
    [
        ([Entity(0, 10, "B"), Entity(0, 10, "A")], Entity(0, 10, "A")),
        ([Entity(0, 9, "A"), Entity(0, 10, "B")], Entity(0, 10, "B")),
        ([Entity(0, 9, "B"), Entity(9, 12, "A")], Entity(9, 12, "A")),
        ([Entity(0, 3, "A"), Entity(3, 9, "A")], Entity(3, 9, "A")),
    ],
    ids=["equal", "boundaries before label", "label before overlap", "longer overlap"],
)
def test_the_best_overlap_becomes_the_pair(
    candidates: list[Entity], best: Entity
) -> None:
    gold = Entity(0, 10, "A")
    assert pair_entities({gold}, set(candidates)) == [Pair(gold, best)]


def test_entities_that_only_touch_are_no_pair() -> None:
    assert pair_entities({Entity(0, 5, "A")}, {Entity(5, 9, "A")}) == []


ENTITIES = st.builds(
    lambda start, length, label: Entity(start, start + length, label),
    st.integers(0, 20),
    st.integers(1, 12),
    st.sampled_from("AB"),
)


@given(gold=st.sets(ENTITIES, max_size=8), predicted=st.sets(ENTITIES, max_size=8))
def test_pairs_overlap_are_one_to_one_and_leave_no_overlap_unpaired(
    gold: set[Entity], predicted: set[Entity]
) -> None:
    pairs = pair_entities(gold, predicted)
    left, right = [pair.gold for pair in pairs], [pair.predicted for pair in pairs]
    assert len(set(left)) == len(left)
    assert len(set(right)) == len(right)

    def overlap(a: Entity, b: Entity) -> bool:
        return a.start < b.end and b.start < a.end

    assert all(overlap(*pair) for pair in pairs)
    free = [(a, b) for a in gold - {*left} for b in predicted - {*right}]
    assert not any(overlap(a, b) for a, b in free)


@given(gold=st.sets(ENTITIES, max_size=8), predicted=st.sets(ENTITIES, max_size=8))
def test_partial_is_never_below_exact(
    gold: set[Entity], predicted: set[Entity]
) -> None:
    found = score([document([*gold])], [document([*predicted])], resamples=0)
    partial = found.conventions["partial"]
    assert isinstance(partial, dict)
    assert partial["f1"] >= found.f1 - 1e-12
