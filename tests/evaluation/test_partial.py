"""The SemEval-2013 measures, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.document import Document, Entity
from tfner.evaluation import score
from tfner.evaluation.partial import Pair, pair_spans
from tfner.schemes import Span

TEXT = "x" * 60
GOLD = [
    Span(0, 5, "A"),  # found
    Span(10, 15, "A"),  # other label
    Span(20, 25, "B"),  # other borders
    Span(30, 35, "B"),  # other borders and label
    Span(40, 45, "A"),  # missed
]
PREDICTED = [
    Span(0, 5, "A"),
    Span(10, 15, "B"),
    Span(20, 28, "B"),
    Span(33, 38, "A"),
    Span(50, 55, "A"),  # spurious
    Span(56, 59, "A"),  # spurious
]


def document(spans: list[Span]) -> Document:
    return Document("1", TEXT, tuple(Entity(*span) for span in spans))


def partial_of(gold: list[Span], predicted: list[Span]) -> dict[str, Any]:
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


def test_the_convention_gives_half_a_point_for_wrong_borders() -> None:
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
        ([Span(0, 10, "B"), Span(0, 10, "A")], Span(0, 10, "A")),
        ([Span(0, 9, "A"), Span(0, 10, "B")], Span(0, 10, "B")),
        ([Span(0, 9, "B"), Span(9, 12, "A")], Span(9, 12, "A")),
        ([Span(0, 3, "A"), Span(3, 9, "A")], Span(3, 9, "A")),
    ],
    ids=["equal", "borders before label", "label before overlap", "longer overlap"],
)
def test_the_best_overlap_becomes_the_pair(candidates: list[Span], best: Span) -> None:
    gold = Span(0, 10, "A")
    assert pair_spans({gold}, set(candidates)) == [Pair(gold, best)]


def test_entities_that_only_touch_are_no_pair() -> None:
    assert pair_spans({Span(0, 5, "A")}, {Span(5, 9, "A")}) == []


SPANS = st.builds(
    lambda start, length, label: Span(start, start + length, label),
    st.integers(0, 20),
    st.integers(1, 12),
    st.sampled_from("AB"),
)


@given(gold=st.sets(SPANS, max_size=8), predicted=st.sets(SPANS, max_size=8))
def test_pairs_overlap_are_one_to_one_and_leave_no_overlap_unpaired(
    gold: set[Span], predicted: set[Span]
) -> None:
    pairs = pair_spans(gold, predicted)
    left, right = [pair.gold for pair in pairs], [pair.predicted for pair in pairs]
    assert len(set(left)) == len(left)
    assert len(set(right)) == len(right)

    def overlap(a: Span, b: Span) -> bool:
        return a.start < b.end and b.start < a.end

    assert all(overlap(*pair) for pair in pairs)
    free = [(a, b) for a in gold - {*left} for b in predicted - {*right}]
    assert not any(overlap(a, b) for a, b in free)


@given(gold=st.sets(SPANS, max_size=8), predicted=st.sets(SPANS, max_size=8))
def test_partial_is_never_below_exact(gold: set[Span], predicted: set[Span]) -> None:
    found = score([document([*gold])], [document([*predicted])], resamples=0)
    partial = found.conventions["partial"]
    assert isinstance(partial, dict)
    assert partial["f1"] >= found.f1 - 1e-12
