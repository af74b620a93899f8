"""Documents with mistakes, as columns."""

from __future__ import annotations

from tfner.document import Document, Entity, Word
from tfner.reports.mistakes import first_mistakes, mistake_lines

TEXT = "Ada Lovelace met Charles Babbage in London"


def document(*entities: tuple[int, int, str], words: bool = False) -> Document:
    places, start = [], 0
    for word in TEXT.split():
        start = TEXT.index(word, start)
        places.append(Word(start, start + len(word)))
    spans = tuple(Entity(*entity) for entity in entities)
    return Document("1", TEXT, spans, tuple(places) if words else None)


def test_columns_tell_of_entities_within_others() -> None:
    gold = document((0, 12, "PER"), (4, 12, "LAST"), (38, 42, "LOC"), words=True)
    lines = list(mistake_lines(gold, document((0, 12, "PER"), words=True)))
    assert lines[:2] == ["# 1", "# gold, within others: Lovelace LAST"]
    assert lines[-2:] == ["London\tLOC\tO", ""]


def test_columns_show_word_gold_and_prediction() -> None:
    gold = document((0, 12, "PER"))
    lines = list(mistake_lines(gold, document((0, 3, "PER"), words=True)))
    assert lines[:3] == ["# 1", "Ada\tPER\tPER", "Lovelace\tPER\tO"]
    assert lines[-2:] == ["London\tO\tO", ""]


def test_a_word_with_a_line_break_keeps_to_its_line() -> None:
    broken = Document("1", "New\nYork", (), (Word(0, 8),))
    assert list(mistake_lines(broken, broken)) == ["# 1", "New York\tO\tO", ""]


def test_only_documents_with_a_mistake_are_shown_and_no_more_than_asked_for() -> None:
    right, wrong = document((0, 12, "PER"), words=True), document(words=True)
    gold = [right, right, right]
    assert list(first_mistakes(gold, gold, 5)) == []
    shown = list(first_mistakes(gold, [right, wrong, wrong], 1))
    assert shown == list(mistake_lines(right, wrong))
