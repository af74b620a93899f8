"""PubTator: what is read, what is refused, and what is written back."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.pubtator import scan_pubtator, write_pubtator
from tfner.document import Document, Entity
from tfner.errors import CorpusError

SAMPLE = """\
77|t|Mira syndrome in adults.
77|a|Four cases of Mira syndrome after solvane.
77\t0\t13\tMira syndrome\tDisease\tD000001
77\t39\t52\tMira syndrome\tDisease\tD000001
77\t59\t66\tsolvane\tChemical
77\tCID\tD000002\tD000001

78|t|Nothing here.
78|a|
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "set.txt"
    file.write_text(SAMPLE, "utf-8")
    return file


def refusal(path, text):
    path.write_text(text, "utf-8")
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(path, format="pubtator"))
    return str(caught.value).replace(f"{path.parent}/", "")


def test_title_and_abstract_are_one_text(path, caplog):
    assert find_format(path) == "pubtator"
    first, second = read_corpus(path)
    title = "Mira syndrome in adults."
    assert first.text == f"{title} Four cases of Mira syndrome after solvane."
    assert (first.id, first.metadata) == ("77", {"title": title})
    assert first.entities == (
        Entity(0, 13, "Disease"),
        Entity(39, 52, "Disease"),
        Entity(59, 66, "Chemical"),
    )
    assert (second.text, second.entities) == ("Nothing here.", ())
    assert "left out: 2 concept identifiers, 1 relations" in caplog.text


def test_it_comes_back_as_it_was(path, tmp_path):
    documents = list(read_corpus(path))
    again = tmp_path / "b.pubtator"
    assert write_corpus(documents, again) == 2
    assert list(read_corpus(again)) == documents
    assert again.read_text().splitlines()[:3] == [
        *SAMPLE.splitlines()[:2],
        "77\t0\t13\tMira syndrome\tDisease",
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("77\t0\t12\tMira syndrome\tDisease", "is 'Mira syndrom' in the text, not"),
        ("77\t0\t99\tMira\tDisease", "must satisfy 0 <= start < end <= 28"),
        ("77\t4\t4\t\tDisease", "must satisfy 0 <= start < end"),
        ("77\t0\t4\tMira", "is 'Mira' in the text, not 'Mira'"),
        ("77\t0\t4\tMira\t", "entity 0-4 has no label"),
        ("78\t0\t4\tMira\tDisease", "a line of '78' stands in document '77'"),
        ("77|a|again", "this is a second one"),
        ("anything", "expected ID<TAB>START<TAB>END<TAB>TEXT<TAB>LABEL, received"),
    ],
)
def test_a_bad_line_is_named_with_its_number(path, line, problem):
    message = refusal(path, f"77|t|Mira syndrome.\n77|a|Four of them.\n{line}\n")
    assert message.startswith("set.txt:3: ")
    assert problem in message


def test_all_bad_lines_are_named_together(path):
    bad = "77\t0\t5\tMira\tX\n"
    message = refusal(path, f"1\t2\t3\tx\tX\n77|t|Mira\n{bad}{bad}\n\n78|t|x\n{bad}")
    lines = [line.split(": ")[0].strip() for line in message.splitlines()]
    assert lines == ["4 problems:", "set.txt:1", "set.txt:3", "set.txt:4", "set.txt:8"]


def test_what_it_cannot_hold_is_named(tmp_path):
    corpus = [
        Document("a", "x\ny"),
        Document("b", "x", (Entity(0, 1, "A\tB"),)),
        Document("c", "x"),
    ]
    with pytest.raises(CorpusError, match="2 problems") as caught:
        write_corpus(corpus, tmp_path / "b.pubtator")
    assert "document 'a': a line break" in str(caught.value)
    assert r"document 'b': white space in the label 'A\tB'" in str(caught.value)
    assert not list(tmp_path.iterdir())


CHARACTERS = st.one_of(
    st.sampled_from("ab |\t\u2028\u0085語𠮷"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"),
)


@st.composite
def documents(draw):
    text = draw(st.text(CHARACTERS, max_size=12))
    places = st.integers(0, max(len(text), 1))
    entities = [
        Entity(min(ends), max(ends), draw(st.sampled_from(["PER", "a b", "組織"])))
        for ends in draw(st.lists(st.tuples(places, places), max_size=3))
        if ends[0] != ends[1] and max(ends) <= len(text)
    ]
    title = text[: draw(places)]
    is_title = text.startswith(f"{title} ") and text != f"{title} "
    return Document(
        "d", text, tuple(entities), metadata={"title": title} if is_title else {}
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(documents(), min_size=1, max_size=3))
def test_any_text_without_line_breaks_comes_back(tmp_path_factory, corpus):
    stream = io.StringIO()
    assert write_pubtator(corpus, stream) == len(corpus)
    path = tmp_path_factory.mktemp("p") / "a.pubtator"
    path.write_text(stream.getvalue(), "utf-8", newline="")
    assert [d for _, d in scan_pubtator(str(path), ReadOptions())] == corpus
