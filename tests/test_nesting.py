"""Which entities lie apart, within others, and across others."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.document import Document, Entity
from tfner.errors import LabelError
from tfner.nesting import (
    best_flat,
    check_flat,
    count_nested,
    inner,
    nesting_problems,
    outermost,
    split_crossing,
)

ENTITIES = st.lists(
    st.builds(
        lambda start, length, label, score: Entity(start, start + length, label, score),
        st.integers(0, 15),
        st.integers(1, 8),
        st.sampled_from("AB"),
        st.floats(0, 1),
    ),
    max_size=7,
    unique=True,
).map(lambda entities: Document("d", "x" * 30, tuple(entities)).entities)
"""Sorted, as those of a document."""


def overlap(left: Entity, right: Entity) -> bool:
    return left.start < right.end and right.start < left.end


def within(part: Entity, whole: Entity) -> bool:
    return whole.start <= part.start and part.end <= whole.end


def cross(left: Entity, right: Entity) -> bool:
    nested = within(left, right) or within(right, left)
    return overlap(left, right) and not nested


@pytest.mark.parametrize(
    ("ranges", "nested"),
    [
        ([], 0),
        ([(0, 3), (3, 5)], 0),
        ([(0, 5), (1, 2), (3, 4)], 2),
        ([(0, 3), (2, 5)], 0),  # crossing
        ([(0, 3), (0, 3)], 2),  # one range with two labels: each lies in the other
        ([(0, 9), (2, 5), (2, 5), (6, 7)], 3),
    ],
)
def test_nested_entities_lie_in_another(ranges, nested) -> None:
    entities = [Entity(*r, label) for r, label in zip(ranges, "ABCD", strict=False)]
    document = Document("d", "x" * 9, tuple(entities))
    assert count_nested(document.entities) == nested


@given(ENTITIES)
def test_outermost_entities_lie_apart_and_the_rest_overlaps_them(entities) -> None:
    outer, rest = outermost(entities), inner(entities)
    assert sorted([*outer, *rest]) == sorted(entities)
    assert not any(overlap(*pair) for pair in combinations(outer, 2))
    assert all(any(overlap(part, whole) for whole in outer) for part in rest)


@given(ENTITIES)
def test_a_tree_holds_no_crossing_and_what_is_left_out_crosses_it(entities) -> None:
    tree, crossing = split_crossing(entities)
    assert sorted([*tree, *(across for _, across in crossing)]) == sorted(entities)
    assert not any(cross(*pair) for pair in combinations(tree, 2))
    assert all(other in tree and cross(other, across) for other, across in crossing)
    assert bool(crossing) == any(cross(*pair) for pair in combinations(entities, 2))


@given(ENTITIES)
def test_an_entity_left_out_overlaps_one_with_a_score_as_good(entities) -> None:
    kept = best_flat(entities)
    assert not any(overlap(*pair) for pair in combinations(kept, 2))
    for entity in set(entities) - set(kept):
        better = [k for k in kept if (k.score or 0) >= (entity.score or 0)]
        assert any(overlap(entity, other) for other in better)


@given(ENTITIES)
def test_flat_entities_pass_and_others_are_refused(entities) -> None:
    document = Document("d7", "x" * 30, entities)
    if any(overlap(*pair) for pair in combinations(entities, 2)):
        with pytest.raises(LabelError, match="--task span"):
            check_flat(entities)
        (problem,) = nesting_problems([document, Document("d8", "")])
        assert problem.startswith("document 'd7': tags of words cannot hold")
    else:
        check_flat(entities)
        assert nesting_problems([document]) == []
