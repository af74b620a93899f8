"""Predictions as JSON lines, columns, coloured text and HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tfner.corpus import read_corpus
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError
from tfner.reports.predictions import COLORS, RENDERERS, render

PLAIN = Document(
    "d1",
    "Anna <b>&amp; Bo</b> in 東京😀",
    (Entity(0, 4, "PER", 0.98765), Entity(24, 26, "LOC")),
    (Word(0, 4), Word(5, 13), Word(14, 20), Word(21, 23), Word(24, 26), Word(26, 27)),
    ("B-PER", "O", "O", "O", "B-LOC", "O"),
)
NESTED = Document(
    "d2",
    "bank of china in lima",
    (
        Entity(0, 13, "ORG"),
        Entity(8, 13, "LOC"),
        Entity(8, 16, "MISC"),
        Entity(17, 21, "LOC"),
    ),
)
LABELS = ("PER", "LOC", "ORG", "MISC")


def rendered(format: str, *documents: Document) -> str:
    return "".join(render(documents, format, labels=LABELS))


class Page(HTMLParser):
    """The text of a page and of its marks, and the tags it has."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.paragraphs: list[str] = []
        self.marks: list[tuple[str, str]] = []
        self._open: list[str] = []
        self._marks: list[int] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        if tag == "p":
            self.paragraphs.append("")
        if tag == "mark":
            self._marks.append(len(self.marks))
            self.marks.append(("", ""))

    def handle_endtag(self, tag: str) -> None:
        while self._open.pop() != tag:
            pass
        if tag == "mark":
            self._marks.pop()

    def handle_data(self, data: str) -> None:
        if "p" in self._open and "small" not in self._open:
            self.paragraphs[-1] += data
        if "small" in self._open:
            self.marks[self._marks[-1]] = (self.marks[self._marks[-1]][0], data)
            return
        for number in self._marks:
            text, label = self.marks[number]
            self.marks[number] = (text + data, label)


def test_json_lines_are_as_designed() -> None:
    lines = rendered("jsonl", PLAIN, NESTED).splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["d1", "d2"]
    assert json.loads(lines[0]) == {
        "id": "d1",
        "text": PLAIN.text,
        "entities": [
            {"start": 0, "end": 4, "label": "PER", "text": "Anna", "score": 0.9877},
            {"start": 24, "end": 26, "label": "LOC", "text": "東京", "score": None},
        ],
    }
    assert "東京😀" in lines[0]


def test_json_lines_hold_nested_entities() -> None:
    (line,) = rendered("jsonl", NESTED).splitlines()
    assert len(json.loads(line)["entities"]) == 4


@pytest.mark.parametrize("separator", ["\n", "\x85", "\u2028", "\r\n"])
def test_a_text_of_several_lines_is_one_json_line(separator: str) -> None:
    text = rendered("jsonl", Document("1", f"a{separator}b"))
    assert text.count("\n") == 1
    assert json.loads(text)["text"] == f"a{separator}b"


def test_columns_hold_words_and_tags() -> None:
    second = Document("2", "x", (), (Word(0, 1),), ("O",))
    assert rendered("conll", PLAIN, second) == (
        "Anna\tB-PER\n<b>&amp;\tO\nBo</b>\tO\nin\tO\n東京\tB-LOC\n😀\tO\n\nx\tO\n\n"
    )


def test_columns_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "found.conll"
    path.write_text(rendered("conll", PLAIN), "utf-8")
    (document,) = read_corpus(path, scheme="IOB2")
    assert document.tags == PLAIN.tags
    assert [e.label for e in document.entities] == ["PER", "LOC"]


def test_columns_keep_what_else_a_column_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "gold.conll"
    path.write_text("-DOCSTART- -X- O\n\nEU NNP O\nrejects VBZ O\n\n", "utf-8")
    (gold,) = read_corpus(path)
    predicted = replace(gold, tags=("B-ORG", "O"), entities=(Entity(0, 2, "ORG"),))
    assert rendered("conll", predicted) == (
        "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n\n"
    )


def test_columns_refuse_a_model_without_tags() -> None:
    document = Document("d9", "anna", (), (Word(0, 4),))
    with pytest.raises(CorpusError, match="this model gives none: its entities"):
        rendered("conll", document)


def test_columns_refuse_a_word_that_would_break_them() -> None:
    document = Document("d9", "new\nyork", (), (Word(0, 8),), ("O",))
    with pytest.raises(CorpusError, match=r"document 'd9': .*'new\\nyork'; columns"):
        rendered("conll", document)


def test_rasa_items_hold_the_outermost_entities_and_are_read_back(
    tmp_path: Path,
) -> None:
    text = rendered("rasa", PLAIN, NESTED, Document("d3", "[1](x) - "))
    assert text == (
        "- [Anna](PER) <b>&amp; Bo</b> in [東京](LOC)😀\n"
        "- [bank of china](ORG) in [lima](LOC)\n"
        "- \\[1\\](x) - \n"
    )
    path = tmp_path / "found.md"
    path.write_text(text, "utf-8")
    documents = list(read_corpus(path))
    assert [d.text for d in documents] == [PLAIN.text, NESTED.text, "[1](x) - "]
    assert documents[0].entities == PLAIN.entities


def test_rasa_items_hold_nothing_of_the_gold() -> None:
    note = {"start": 0, "end": 4, "label": "PER", "attributes": {"value": "gold"}}
    metadata = {"intent": "gold", "entity_attributes": [note]}
    document = Document("1", "Anna", (Entity(0, 4, "PER"),), metadata=metadata)
    assert rendered("rasa", document) == "- [Anna](PER)\n"


def test_rasa_items_refuse_a_text_that_would_break_them() -> None:
    with pytest.raises(CorpusError, match="document 'd9' holds a line break"):
        rendered("rasa", Document("d9", "new\nyork"))


def test_coloured_text_is_the_text_with_labels() -> None:
    text = rendered("text", PLAIN)
    assert f"\x1b[1;{COLORS[0]}mAnna\x1b[0m" in text
    assert f"\x1b[1;{COLORS[1]}m東京\x1b[0m" in text
    bare = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert bare == "Anna[PER] <b>&amp; Bo</b> in 東京[LOC]😀\n"


def test_coloured_text_shows_entities_within_others() -> None:
    bare = re.sub(r"\x1b\[[\d;]*m", "", rendered("text", NESTED))
    assert bare == (
        "bank of china[LOC][ORG] in lima[LOC]\noverlapping: china in[MISC]\n"
    )


def test_a_page_highlights_entities() -> None:
    page = Page(rendered("html", PLAIN, NESTED))
    assert page.paragraphs == [PLAIN.text, NESTED.text, "overlapping: china in"]
    assert page.marks == [
        ("Anna", "PER"),
        ("東京", "LOC"),
        ("bank of china", "ORG"),
        ("china", "LOC"),
        ("lima", "LOC"),
        ("china in", "MISC"),
    ]
    assert rendered("html", PLAIN).startswith("<!doctype html>")
    assert 'title="0.988"' in rendered("html", PLAIN)


def test_a_page_is_complete_in_itself() -> None:
    assert not re.search(r"https?:|src=|url\(|@import", rendered("html", PLAIN))


@pytest.mark.parametrize("place", ["text", "entity", "label"])
def test_a_page_runs_nothing_that_comes_from_a_text(place: str) -> None:
    attack = '<script>alert("x")</script>'
    label = attack if place == "label" else "PER"
    text = "Anna" if place == "label" else f"{attack} Anna"
    end = len(attack) if place == "entity" else len(text)
    start = 0 if place == "entity" else end - 4
    document = Document("1", text, (Entity(start, end, label),))
    source = "".join(render([document], "html", labels=[label]))
    assert "<script" not in source
    page = Page(source)
    assert page.paragraphs == [text]
    assert page.marks == [(text[start:end], label)]


@pytest.mark.parametrize("format", ["text", "html"])
def test_labels_that_the_model_does_not_list_are_drawn(format: str) -> None:
    document = Document("1", "zorg", (Entity(0, 4, "NEW"),))
    assert "NEW" in rendered(format, document)


@pytest.mark.parametrize("format", RENDERERS)
def test_empty_texts_and_no_documents_are_no_trouble(format: str) -> None:
    rendered(format)
    rendered(format, Document("1", "", (), (), ()))


@pytest.mark.parametrize("format", RENDERERS)
def test_documents_are_rendered_one_by_one(format: str) -> None:
    def documents() -> Iterator[Document]:
        yield Document("1", "anna", (), (Word(0, 4),), ("O",))
        pytest.fail("the second document was asked for before the first was out")

    assert any("anna" in part for part in render(documents(), format, labels=LABELS))


def test_an_unknown_format_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'htm'; did you mean 'html'"):
        render((), "htm", labels=())


def test_annotation_tools_get_what_was_predicted_and_no_more() -> None:
    documents = replace(PLAIN, metadata={"answer": "accept", "_task_hash": 3}), NESTED
    first, second = map(json.loads, rendered("doccano", *documents).splitlines())
    assert first == {
        "id": "d1",
        "text": PLAIN.text,
        "label": [[0, 4, "PER"], [24, 26, "LOC"]],
    }
    assert len(second["label"]) == 4
    first, _ = map(json.loads, rendered("prodigy", *documents).splitlines())
    assert first.keys() == {"id", "text", "tokens", "spans"}
    assert first["spans"][0] == {
        "start": 0,
        "end": 4,
        "token_start": 0,
        "token_end": 0,
        "label": "PER",
        "score": 0.9877,
    }


def test_label_studio_gets_predictions_with_scores_and_the_name_of_the_model() -> None:
    parts = render([PLAIN, NESTED], "labelstudio", labels=LABELS, model="my-model")
    first, second = json.loads("".join(parts))
    (prediction,) = first["predictions"]
    assert prediction["model_version"] == "my-model"
    assert prediction["score"] == 0.9877
    assert prediction["result"][0]["value"]["score"] == 0.9877
    assert first["data"] == {"text": PLAIN.text, "id": "d1"}
    assert len(second["predictions"][0]["result"]) == 4
