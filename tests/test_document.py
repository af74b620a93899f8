"""Documents and entities refuse what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from tfner.document import Document, Entity, Word

TEXT = "Ada Lovelace wrote"
WORDS = (Word(0, 3), Word(4, 12), Word(13, 18))


@pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 3), (-1, 2)])
def test_an_entity_needs_a_range_that_is_not_empty(start: int, end: int) -> None:
    with pytest.raises(ValueError, match=rf"Received: start={start}, end={end}"):
        Entity(start, end, "PER")


def test_an_entity_needs_a_label() -> None:
    with pytest.raises(ValueError, match="needs a label"):
        Entity(0, 1, "")


def test_entities_are_equal_whatever_their_score() -> None:
    assert Entity(0, 3, "PER", 0.5) == Entity(0, 3, "PER")
    assert len({Entity(0, 3, "PER", 0.5), Entity(0, 3, "PER")}) == 1


def test_entities_are_sorted_with_the_outer_before_the_inner() -> None:
    inner, outer, later = Entity(0, 3, "A"), Entity(0, 12, "B"), Entity(4, 12, "A")
    assert Document("1", TEXT, (later, inner, outer)).entities == (outer, inner, later)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"entities": (Entity(13, 19, "X"),)}, r"'d1': entity 13-19 X lies outside"),
        ({"words": (Word(0, 4), Word(3, 12))}, r"'d1': words must be in order"),
        ({"words": (Word(4, 12), Word(0, 3))}, r"Received: 0-3 in 'Ada"),
        ({"words": (Word(13, 19),)}, "inside the text"),
        ({"words": WORDS, "tags": ("O",)}, "'d1': 3 words but 1 tags"),
        ({"tags": ("O",)}, "0 words but 1 tags"),
    ],
)
def test_a_document_names_itself_and_what_does_not_fit(
    parts: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Document("d1", TEXT, **parts)


def test_lists_become_tuples_so_that_documents_compare_equal() -> None:
    loose = Document("1", TEXT, [], [(0, 3)], ["O"])  # type: ignore[arg-type]
    assert loose == Document("1", TEXT, (), (Word(0, 3),), ("O",))


def test_empty_words_and_an_empty_text_are_allowed() -> None:
    assert Document("1", "", words=(Word(0, 0),), tags=("O",)).words == (Word(0, 0),)


def test_the_surface_of_entities_and_words_is_their_text() -> None:
    document = Document("1", TEXT, (Entity(0, 12, "PER"),), WORDS)
    assert document.surface(document.entities[0]) == "Ada Lovelace"
    assert [document.surface(word) for word in WORDS] == ["Ada", "Lovelace", "wrote"]
