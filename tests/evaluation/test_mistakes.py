"""Every entity that is not right is one mistake of one kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.document import Document, Entity, Word
from tfner.evaluation.mistakes import (
    KINDS,
    columns,
    find_mistakes,
    first_mistakes,
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
        ([(0, 12, "PER")], [(0, 3, "PER")], ["wrong border"]),
        ([(0, 12, "PER")], [(0, 12, "LOC")], ["wrong label"]),
        ([(0, 12, "PER")], [(0, 3, "LOC")], ["wrong label"]),
        (
            [(0, 12, "PER")],
            [(0, 3, "PER"), (4, 12, "PER")],
            ["wrong border", "invented"],
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
        concerned = [tuple(m[side]) for m in found if m[side]]
        assert sorted(concerned) == sorted(set(spans) - right)
    assert {mistake.kind for mistake in found} <= set(KINDS)


def test_words_take_the_label_of_the_outermost_entity_they_touch() -> None:
    gold = document((0, 12, "PER"), (4, 12, "LAST"), (38, 42, "LOC"), words=True)
    labels = ["PER", "PER", "O", "O", "O", "O", "LOC"]
    assert word_labels(gold.words or (), gold.entities) == labels


def test_columns_tell_of_entities_within_others() -> None:
    gold = document((0, 12, "PER"), (4, 12, "LAST"), (38, 42, "LOC"), words=True)
    lines = list(columns(gold, document((0, 12, "PER"), words=True)))
    assert lines[-2:] == ["# gold, within others: Lovelace LAST", ""]


def test_columns_show_word_gold_and_prediction() -> None:
    gold = document((0, 12, "PER"))
    lines = list(columns(gold, document((0, 3, "PER"), words=True)))
    assert lines[:3] == ["# 1", "Ada\tPER\tPER", "Lovelace\tPER\tO"]
    assert lines[-2:] == ["London\tO\tO", ""]


def test_only_documents_with_a_mistake_are_shown_and_no_more_than_asked_for() -> None:
    right, wrong = document((0, 12, "PER"), words=True), document(words=True)
    gold = [right, right, right]
    assert list(first_mistakes(gold, gold, 5)) == []
    shown = list(first_mistakes(gold, [right, wrong, wrong], 1))
    assert shown == list(columns(right, wrong))
