"""What is copied, and that marks and words are cut as tfner cuts them; in Chromium."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner import read_corpus
from tfner.document import Document, Entity
from tfner.reports.marks import marked

pytestmark = pytest.mark.slow

NESTED = "🦊 Ada Lovelace met Charles Babbage at the University of London."
Find = Callable[[str], None]


def copied(page: Any, button: str) -> str:
    page.click(button)
    page.wait_for_selector("#copied:not([hidden])")
    return page.evaluate("navigator.clipboard.readText()")


def test_json_holds_what_is_shown_with_offsets_of_python(page: Any, find: Find) -> None:
    find(NESTED)
    page.get_by_role("checkbox", name="ORGANISATION").uncheck()
    answer = json.loads(copied(page, "#copy-json"))
    [document] = answer.pop("documents")
    assert answer == {"model": "names", "version": "3", "offsets": "characters"}
    assert document["text"] == NESTED
    found = document["entities"]
    assert [NESTED[e["start"] : e["end"]] for e in found] == [e["text"] for e in found]
    assert [(e["label"], e["score"]) for e in found] == [
        ("PERSON", 0.991),
        ("PERSON", 0.874),
        ("PLACE", 0.95),
    ]
    assert "Copied 3 entities as JSON" in page.text_content("#copied")


def test_conll_is_read_by_tfner_and_names_what_is_lost(
    page: Any, find: Find, tmp_path: Path
) -> None:
    find(f"{NESTED}\n\n日本銀行の渋沢栄一")
    lines = copied(page, "#copy-conll")
    said = page.text_content("#copied")
    assert "Left out: 2 entities inside or across another" in said
    path = tmp_path / "copied.conll"
    path.write_text(lines, encoding="utf-8")
    documents = list(read_corpus(str(path), format="conll", scheme="IOB2"))
    found = [(d.surface(e), e.label) for d in documents for e in d.entities]
    assert [(surface.replace(" ", ""), label) for surface, label in found] == [
        ("AdaLovelace", "PERSON"),
        ("CharlesBabbage", "PERSON"),
        ("UniversityofLondon", "ORGANISATION"),
        ("日本銀行", "組織"),
        ("渋沢栄一", "人名"),
    ]
    assert len(documents) == 2


def test_copies_work_without_the_clipboard_of_secure_pages(
    page: Any, find: Find
) -> None:
    find("In London")
    page.evaluate(
        "() => Object.defineProperty(navigator, 'clipboard', { value: undefined })"
    )
    page.click("#copy-conll")
    page.wait_for_selector("text=Copied 2 words")
    assert page.evaluate("document.activeElement.id") == "copy-conll"
    page.fill("#text", "")
    page.focus("#text")
    page.keyboard.press("Control+V")
    assert page.input_value("#text") == "In\tO\nLondon\tB-PLACE\n\n"


def random_case(seed: int) -> tuple[str, list[Entity]]:
    """A text, and entities that nest, cross and share borders."""
    draw = random.Random(seed)
    text = "".join(draw.choice("ab \n日") for _ in range(draw.randint(1, 20)))
    entities = set()
    for _ in range(draw.randint(0, 6)):
        start = draw.randrange(len(text))
        end = draw.randint(start + 1, len(text))
        entities.add(Entity(start, end, draw.choice("XY")))
    return text, list(Document("1", text, tuple(entities)).entities)


def test_marks_are_drawn_in_the_steps_of_reports(page: Any) -> None:
    cases = [random_case(seed) for seed in range(300)]
    drawn = page.evaluate(
        """async (cases) => {
            const { inOrder, steps } = await import(new URL("page/marks.js", location));
            return cases.map(([text, entities]) => [...steps(text, inOrder(entities))]);
        }""",
        [
            (
                text,
                [{"start": e.start, "end": e.end, "label": e.label} for e in es][::-1],
            )
            for text, es in cases
        ],
    )
    for (text, entities), steps in zip(cases, drawn, strict=True):
        expected = []
        for step in marked(text, entities):
            if step.opens:
                expected.append({"opens": entities.index(step.opens)})
            elif step.closes:
                index = entities.index(step.closes)
                expected.append({"closes": index, "ends": step.ends})
            else:
                expected.append({"text": step.text})
        assert steps == expected


def test_conll_of_any_text_keeps_every_character_and_outer_entity(page: Any) -> None:
    cases = [random_case(seed) for seed in range(300)]
    copies = page.evaluate(
        """async (cases) => {
            const { toConll } = await import(new URL("page/formats.js", location));
            return cases.map(([text, entities]) => toConll(text, entities, "en"));
        }""",
        [
            (text, [{"start": e.start, "end": e.end, "label": e.label} for e in es])
            for text, es in cases
        ],
    )
    for (text, entities), copy in zip(cases, copies, strict=True):
        rows = [line.split("\t") for line in copy["lines"].split("\n") if line]
        assert "".join(word for word, _ in rows) == "".join(text.split())
        with_words = [e for e in entities if text[e.start : e.end].strip()]
        begun = sum(tag.startswith("B-") for _, tag in rows)
        assert begun <= len(entities) - copy["lost"]
        assert begun >= bool(with_words)
        previous = "O"
        for _, tag in rows:
            if tag.startswith("I-"):
                assert previous[1:] == tag[1:]
            previous = tag
