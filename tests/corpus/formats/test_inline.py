"""Inline tags: what is read, what is refused, and what is written back."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.corpus.formats.inline import scan_inline, write_inline
from tfner.corpus.formats.options import ReadOptions
from tfner.document import Document, Entity
from tfner.errors import CorpusError


@pytest.fixture
def read(tmp_path):
    def read_text(text, **settings):
        path = tmp_path / "lines"
        path.write_text(text, "utf-8")
        return list(read_corpus(path, format="inline", **settings))

    return read_text


def spans(document):
    return [(document.surface(e), e.label) for e in document.entities]


def test_tags_are_entities_and_may_nest(read):
    (document,) = read("<PER>Ada</PER> met <ORG><LOC>Oslo</LOC> Zoo</ORG>.\n")
    assert document.text == "Ada met Oslo Zoo."
    assert spans(document) == [("Ada", "PER"), ("Oslo Zoo", "ORG"), ("Oslo", "LOC")]
    assert document.id == "lines:1"


@pytest.mark.parametrize(
    ("line", "text", "found"),
    [
        ('<ENAMEX TYPE="PERSON">Ada</ENAMEX> left', "Ada left", [("Ada", "PERSON")]),
        ("<e id='3' type='X y'>Ada</e>", "Ada", [("Ada", "X y")]),
        ("<e>Ada</e> & <3 a < b <", "Ada & <3 a < b <", [("Ada", "e")]),
        ("<e>A&amp;B</e> &lt;x&gt; &#65;&#x42;", "A&B <x> AB", [("A&B", "e")]),
        ("AT&T &nope; &#0; &#xd800;", "AT&T &nope; &#0; &#xd800;", []),
        ("<START:person> Ada B <END> , 3", "Ada B , 3", [("Ada B", "person")]),
        ("x <START> Ada <END> &amp;", "x Ada &amp;", [("Ada", "default")]),
    ],
)
def test_each_way_of_tagging_is_read(read, line, text, found):
    (document,) = read(f"{line}\n")
    assert (document.text, spans(document)) == (text, found)


def test_the_attribute_with_the_label_and_a_missing_label_can_be_named(read):
    (document,) = read('<e TYPE="X" class="Y">Ada</e>', tags_key="class")
    assert spans(document) == [("Ada", "Y")]
    (document,) = read("<START> Ada <END>", label="PER")
    assert spans(document) == [("Ada", "PER")]


def test_problems_are_named_with_their_lines(read):
    with pytest.raises(CorpusError) as caught:
        read(
            "<A>x <B>y</A></B>\nfine\n<A>x\nx</A>\n<A></A>\nx <br/>\n<START:p> x\n"
            "x <END>\n"
        )
    lines = [line.split("lines:")[-1] for line in str(caught.value).splitlines()]
    assert lines[1:] == [
        "1: </A> stands where <B> is open; close tags in the reverse order",
        "3: <A> is not closed in this line; write &lt; for a < that begins no tag",
        "4: </A> closes a tag that is not open",
        "5: the tag closed by </A> holds no text; remove it",
        "6: the tag '<br/>' holds no text; remove it",
        "7: <START:p> is not closed in this line; write &lt; for a < that begins no "
        "tag",
        "8: <END> closes a tag that is not open",
    ]


@pytest.mark.parametrize(
    ("text", "is_inline"),
    [
        ("<PER>Ada</PER> met Bo.\nNobody.\n", True),
        ("<START:person> Ada <END> met .\n", True),
        ("Nobody.\n" * 3 + "<PER>Ada</PER>\n" + "a < b\n" * 3, True),
        ('{"text": "<PER>Ada</PER>"}\n', False),
        ('<?xml version="1.0"?>\n<a>x</a>\n', False),
        ("<root>\n<a>x</a>\n</root>\n", False),
        ("<p>This is <b>bold</b></p>\n", False),
        ("<unk> O\nAda B-PER\n", False),
    ],
)
def test_files_are_recognised_by_their_tags(tmp_path, text, is_inline):
    path = tmp_path / "a.txt"
    path.write_text(text, "utf-8")
    try:
        found = find_format(path)
    except CorpusError:
        found = ""
    assert (found == "inline") == is_inline


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (Document("d", "a\nb"), "must be one line"),
        (Document("d", " "), "must be one line"),
        (Document("d", "abc", (Entity(0, 1, "A B"),)), "cannot be the name of a tag"),
        (Document("d", "abc", (Entity(0, 2, "A"), Entity(1, 3, "B"))), "cross"),
    ],
)
def test_what_lines_cannot_hold_is_named(tmp_path, document, problem):
    with pytest.raises(CorpusError, match=problem):
        write_corpus([document], tmp_path / "a.inline")
    assert not list(tmp_path.iterdir())


CHARACTERS = st.one_of(
    st.sampled_from("ab <>/&;#\t\r\u2028\ufeff語𠮷"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"),
)


@st.composite
def documents(draw):
    text = draw(st.text(CHARACTERS, min_size=1, max_size=12).filter(str.strip))
    entities, inside = [], (0, len(text))
    for _ in range(draw(st.integers(0, 3))):
        places = st.integers(*inside)
        start, end = sorted(draw(st.tuples(places, places)))
        if start < end:
            label = draw(st.sampled_from(["PER", "a.b-c", "組織"]))
            entities.append(Entity(start, end, label))
            inside = draw(st.sampled_from([(start, end), (end, inside[1])]))
    return text, tuple(entities)


@settings(deadline=None, max_examples=80)
@given(st.lists(documents(), min_size=1, max_size=3))
def test_any_line_comes_back(tmp_path_factory, pairs):
    corpus = [Document(f"a:{n}", *pair) for n, pair in enumerate(pairs, 1)]
    stream = io.StringIO()
    write_inline(corpus, stream)
    path = tmp_path_factory.mktemp("i") / "a.inline"
    path.write_text(stream.getvalue(), "utf-8", newline="")
    assert [d for _, d in scan_inline(str(path), ReadOptions())] == corpus
