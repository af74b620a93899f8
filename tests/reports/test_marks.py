"""Marks of entities: every character once, marks nested, all of each entity marked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tfner.document import Document, Entity
from tfner.reports.marks import marked

TEXT = "abcdefghijklmnopqrstuvwxyz"
ENTITIES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 6), st.sampled_from("AB")),
    max_size=6,
    unique=True,
)


@given(ENTITIES)
def test_marks_nest_hold_their_entities_and_lose_no_text(spans) -> None:
    entities = tuple(Entity(start, start + size, label) for start, size, label in spans)
    document = Document("1", TEXT, entities)
    opened: list[Entity] = []
    covered = dict.fromkeys(entities, "")
    ended: list[Entity] = []
    written = ""
    for step in marked(TEXT, document.entities):
        if step.opens:
            opened.append(step.opens)
        elif step.closes:
            assert opened.pop() == step.closes
            ended += [step.closes] if step.ends else []
        else:
            written += step.text
            for entity in opened:
                covered[entity] += step.text
    assert opened == []
    assert written == TEXT
    assert sorted(ended) == sorted(entities)
    assert covered == {entity: document.surface(entity) for entity in entities}


def test_nested_marks_never_open_twice() -> None:
    entities = (Entity(0, 9, "A"), Entity(0, 4, "B"), Entity(2, 4, "C"))
    steps = list(marked(TEXT, entities))
    assert [step.opens.label for step in steps if step.opens] == ["A", "B", "C"]
    assert [step.closes.label for step in steps if step.closes] == ["C", "B", "A"]
