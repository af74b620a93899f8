from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.document import Document, Entity, Word
from tfner.errors import LabelError
from tfner.schemes import Span
from tfner.tokenization.align import POLICIES, align, split_words, with_words
from tfner.tokenization.words.splitters import split_whitespace

WORDS = (Word(0, 4), Word(5, 5), Word(5, 11), Word(12, 15))


@pytest.mark.parametrize("policy", POLICIES)
def test_entities_on_word_borders_need_no_policy(policy: str) -> None:
    words, spans, counts = align(
        WORDS, [Entity(5, 15, "B"), Entity(0, 4, "A")], policy=policy
    )
    assert words == WORDS
    assert spans == [Span(0, 1, "A"), Span(2, 4, "B")]
    assert counts["entities_misaligned"] == counts["entities_dropped"] == 0


def test_split_cuts_words_at_entity_borders() -> None:
    words, spans, counts = align(WORDS, [Entity(6, 8, "A"), Entity(8, 13, "B")])
    assert words[2:] == ((5, 6), (6, 8), (8, 11), (12, 13), (13, 15))
    assert spans == [Span(3, 4, "A"), Span(4, 6, "B")]
    assert (counts["words_split"], counts["entities_misaligned"]) == (2, 2)


def test_expand_grows_to_whole_words_and_drops_the_later_of_two_that_meet() -> None:
    entities = [Entity(6, 8, "A"), Entity(9, 13, "B"), Entity(14, 15, "C")]
    words, spans, counts = align(WORDS, entities, policy="expand")
    assert words == WORDS
    assert spans == [Span(2, 3, "A"), Span(3, 4, "C")]
    assert (counts["entities_expanded"], counts["entities_dropped"]) == (2, 1)


def test_drop_leaves_out_what_cuts_a_word() -> None:
    words, spans, counts = align(
        WORDS, [Entity(0, 4, "A"), Entity(6, 8, "B")], policy="drop"
    )
    assert (words, spans) == (WORDS, [Span(0, 1, "A")])
    assert counts["entities_dropped"] == counts["entities_misaligned"] == 1


def test_white_space_at_the_ends_of_an_entity_cuts_nothing() -> None:
    words, spans, counts = align(WORDS, [Entity(0, 5, "A"), Entity(11, 15, "B")])
    assert words == WORDS
    assert spans == [Span(0, 1, "A"), Span(3, 4, "B")]
    assert counts["entities_misaligned"] == 0


def test_an_entity_between_words_is_counted_as_lost() -> None:
    _, spans, counts = align(WORDS, [Entity(4, 5, "A")])
    assert spans == []
    assert counts["entities_without_words"] == counts["entities_dropped"] == 1


@pytest.mark.parametrize("second", [(1, 3), (3, 7), (0, 4)])
def test_nested_and_overlapping_entities_need_the_span_task(
    second: tuple[int, int],
) -> None:
    with pytest.raises(LabelError, match="--task span"):
        align(WORDS, [Entity(0, 4, "A"), Entity(*second, "B")])


def test_unknown_policy_names_the_known_ones() -> None:
    with pytest.raises(LabelError, match="did you mean 'expand'"):
        align(WORDS, [], policy="expnd")


@st.composite
def words_and_entities(draw: st.DrawFn) -> tuple[list[Word], list[Entity]]:
    """Words that cover a text but for single gaps, and flat entities over it."""
    words = []
    position = 0
    for length, gap in draw(st.lists(st.tuples(st.integers(0, 4), st.booleans()))):
        words.append(Word(position, position + length))
        position += length + gap
    borders = draw(st.lists(st.integers(0, position), unique=True))
    pairs = zip(sorted(borders)[::2], sorted(borders)[1::2], strict=False)
    return words, [Entity(a, b, "AB"[a % 2]) for a, b in pairs]


@given(words_and_entities())
def test_split_loses_no_entity_that_holds_part_of_a_word(
    sample: tuple[list[Word], list[Entity]],
) -> None:
    before, entities = sample
    words, spans, counts = align(before, entities)
    inked = {i for start, end in before for i in range(start, end)}
    expected = [e for e in entities if inked & set(range(e.start, e.end))]
    assert [span.label for span in spans] == [e.label for e in expected]
    for (first, last, _), entity in zip(spans, expected, strict=True):
        covered = {i for a, b in words[first:last] for i in range(a, b)}
        assert covered == inked & set(range(entity.start, entity.end))
    assert counts["entities_dropped"] == len(entities) - len(expected)


@given(words_and_entities())
def test_split_words_keep_every_character_in_order(
    sample: tuple[list[Word], list[Entity]],
) -> None:
    words, entities = sample
    cut = split_words(words, entities)
    assert [i for a, b in cut for i in range(a, b)] == [
        i for a, b in words for i in range(a, b)
    ]


@given(words_and_entities(), st.sampled_from(POLICIES))
def test_spans_are_ordered_and_flat_and_losses_add_up(
    sample: tuple[list[Word], list[Entity]], policy: str
) -> None:
    words, spans, counts = align(*sample, policy=policy)
    for before, after in pairwise(spans):
        assert before.end <= after.start
    assert all(0 <= s.start < s.end <= len(words) for s in spans)
    assert counts["entities"] == len(spans) + counts["entities_dropped"]


def test_words_that_are_found_begin_and_end_with_what_is_seen() -> None:
    text = "to \u200eOslo\u200e."
    found = with_words(Document("1", text, (Entity(4, 8, "LOC"),)), split_whitespace)
    assert [found.surface(word) for word in found.words or ()] == ["to", "Oslo", "."]
