"""Every entity that is not right is one mistake of one kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.document import Document, Entity, Word
from tfner.evaluation.mistakes import (
    KINDS,
    find_mistakes,
    word_labels,
)

TEXT = "Ada Lovelace met Charles Babbage in London"
Make = Callable[..., Document]


def document(*entities: tuple[int, int, str], words: bool = False) -> Document:
    found = tuple(Entity(*entity) for entity in entities)
    places, start = [], 0
    for word in TEXT.split():
        start = TEXT.index(word, start)
        places.append(Word(start, start + len(word)))
    return Document("1", TEXT, found, tuple(places) if words else None)


@pytest.mark.parametrize(
    ("gold", "predicted", "kinds"),
    [
        ([(0, 12, "PER")], [(0, 12, "PER")], []),
        ([(0, 12, "PER")], [], ["missed"]),
        ([], [(0, 12, "PER")], ["invented"]),
        ([(0, 12, "PER")], [(0, 3, "PER")], ["wrong boundary"]),
        ([(0, 12, "PER")], [(0, 12, "LOC")], ["wrong label"]),
        ([(0, 12, "PER")], [(0, 3, "LOC")], ["wrong label"]),
        (
            [(0, 12, "PER")],
            [(0, 3, "PER"), (4, 12, "PER")],
            ["wrong boundary", "invented"],
        ),
        ([(0, 12, "PER"), (0, 3, "FIRST")], [(0, 12, "PER")], ["missed"]),
    ],
)
def test_kinds(gold, predicted, kinds) -> None:
    found = find_mistakes(document(*gold), document(*predicted))
    assert sorted(mistake.kind for mistake in found) == sorted(kinds)


SPANS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 8), st.sampled_from("AB")).map(
        lambda t: (t[0], t[0] + t[1], t[2])
    ),
    max_size=6,
    unique=True,
)


@given(SPANS, SPANS)
def test_every_entity_is_right_or_in_exactly_one_mistake(gold, predicted) -> None:
    found = find_mistakes(document(*gold), document(*predicted))
    right = set(gold) & set(predicted)
    for spans, side in ((gold, 1), (predicted, 2)):
        entities = [m[side] for m in found if m[side]]
        concerned = [(e.start, e.end, e.label) for e in entities]
        assert sorted(concerned) == sorted(set(spans) - right)
    assert {mistake.kind for mistake in found} <= set(KINDS)


def test_words_take_the_label_of_the_outermost_entity_they_touch() -> None:
    gold = document((0, 12, "PER"), (4, 12, "LAST"), (38, 42, "LOC"), words=True)
    labels = ["PER", "PER", "O", "O", "O", "O", "LOC"]
    assert word_labels(gold.words or (), gold.entities) == labels
