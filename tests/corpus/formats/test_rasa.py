"""Rasa Markdown: what is read, what is refused and where, and round trips."""

from __future__ import annotations

import logging
import time

import pytest

from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.rasa_attributes import ATTRIBUTES
from tfner.document import Document, Entity
from tfner.errors import CorpusError

CANONICAL = """\
- no intent yet in [Oslo](city)

## intent:book/flight
- from [LA](city:Los Angeles) to [Rome]{"entity": "city", "role": "to", "group": "1"}
- [株](ORG)の\\[1\\]、C:\\\\new (x) {y} \\<!-- no comment -->
-   two spaces before, one after\x20

## intent:挨拶
- - a dash
- # a hash
-\x20
- [😀](emoji)[a](b)
- [x]{"entity": "a:b", "value": "(1)"}
"""


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="a.md"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write_file


def read(path, **options):
    return list(read_corpus(path, **options))


def problem(path):
    with pytest.raises(CorpusError) as caught:
        read(path)
    return str(caught.value)


def surfaces(document):
    return [(document.surface(e), e.label) for e in document.entities]


def test_sections_give_intents_and_marks_give_entities(write):
    path = write('## intent:fly\n- in [New York](city:NYC) on [1]{"entity": "n"}\n')
    (document,) = read(path)
    assert document == Document(
        "a:2",
        "in New York on 1",
        (Entity(3, 11, "city"), Entity(15, 16, "n")),
        metadata={
            "intent": "fly",
            ATTRIBUTES: [
                {"start": 3, "end": 11, "label": "city", "attributes": {"value": "NYC"}}
            ],
        },
    )


def test_a_canonical_file_is_written_back_byte_for_byte(write, tmp_path):
    path = write(CANONICAL)
    assert write_corpus(read_corpus(path), tmp_path / "b.jsonl") == 9
    write_corpus(read_corpus(tmp_path / "b.jsonl"), tmp_path / "c.md")
    assert (tmp_path / "c.md").read_text("utf-8") == CANONICAL


def test_the_texts_of_the_canonical_file_are_exact(write):
    documents = read(write(CANONICAL))
    assert [d.text for d in documents] == [
        "no intent yet in Oslo",
        "from LA to Rome",
        "株の[1]、C:\\new (x) {y} <!-- no comment -->",
        "  two spaces before, one after ",
        "- a dash",
        "# a hash",
        "",
        "😀a",
        "x",
    ]
    assert surfaces(documents[7]) == [("😀", "emoji"), ("a", "b")]
    assert surfaces(documents[8]) == [("x", "a:b")]


def test_lines_without_dashes_are_read_as_published(write, caplog):
    caplog.set_level(logging.INFO)
    content = "[1998年度](DATE)に着手し、\n\n- 二\n## 三\n"
    first, second, third = read(write(content))
    assert first.text == "1998年度に着手し、"
    assert surfaces(first) == [("1998年度", "DATE")]
    assert (second.text, third.text) == ("- 二", "## 三")
    assert "a.md: no sections or dashes: a sentence a line" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "see [1] and [2].",
        "[a] (b)",
        "a [nested [pair]]",
        "smile :] or (: { or :[",
        "[a][b]",
        "f(x) {y}",
        "\\n stays, and \\ at the end \\",
    ],
)
def test_brackets_that_are_no_marks_are_text(write, text):
    (document,) = read(write(f"- {text}\n"))
    assert (document.text, document.entities) == (text, ())


def test_a_mark_within_plain_brackets_is_read(write):
    (document,) = read(write("- [see [Oslo](city)]\n"))
    assert document.text == "[see Oslo]"
    assert surfaces(document) == [("Oslo", "city")]


def test_other_bullets_and_indents_are_read(write):
    documents = read(write("## intent: a\n  * one\n+ two\n-three\n-\n"))
    assert [d.text for d in documents] == ["one", "two", "three", ""]
    assert {d.metadata["intent"] for d in documents} == {"a"}


def test_comments_are_left_out_wherever_they_stand(write):
    content = (
        "<!-- one\n- [x](\n-->\n## intent:a <!-- b -->\n"
        "- yes <!-- c\nd --> \n- <!-- e -->no<!-- f -->\n"
    )
    documents = read(write(content))
    assert [(d.id, d.text) for d in documents] == [("a:5", "yes"), ("a:7", "no")]
    assert documents[0].metadata == {"intent": "a"}


def test_sections_without_sentences_are_skipped_and_counted(write, caplog):
    caplog.set_level(logging.INFO)
    content = (
        "## synonym:s\n- [a](\n## intent:i\n- b\n## regex:r\n- [0-9]{5}\n"
        "## lookup:l\npath/to/file\n## regex:q\n- x\n"
    )
    assert [d.text for d in read(write(content))] == ["b"]
    assert "hold no sentences: 1 synonym, 2 regex, 1 lookup" in caplog.text


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("a [b (c)", 5, "this [ is not closed"),
        ("a] (b) c](d)", 11, "no [ opens this mark"),
        ("[a [b](X) c](Y)", 3, "brackets within a mark"),
        ("[a [1]](X)", 3, "brackets within a mark"),
        ("[a](b", 6, "this ( is not closed"),
        ("[a](b(c))", 6, "or holds brackets"),
        ("[](X)", 3, "an entity without text"),
        ("[a]()", 6, "an empty label"),
        ("[a]( :v)", 6, "an empty label"),
        ("[a](X:)", 6, "an empty value"),
        ('[a]{"entity" "b"}', 16, "not JSON: Expecting ':'"),
        ("[a]{", 7, "not JSON"),
        ('[a]{"value": "b"}', 6, 'needs "entity"'),
        ('[a]{"entity": 3}', 6, 'needs "entity"'),
        ('[a]{"entity": ""}', 6, 'needs "entity"'),
        ('[a]{"entity": ' + "[" * 5_000, 6, "beyond all measure"),
        ('[a]{"entity": ' + "9" * 5_000 + "}", 6, "beyond all measure"),
        ('[a][{"entity": "b"}, {"entity": "c"}]', 6, "several entities"),
    ],
)
def test_broken_marks_are_named_with_line_and_column(write, line, column, message):
    found = problem(write(f"- good\n- {line}\n"))
    assert f"a.md:2: column {column}: " in found
    assert message in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("## intnt:a\n- b\n", "a.md:1: unknown section 'intnt'; did you mean 'intent'"),
        ("## intent\n- b\n", "a.md:1: a section needs a name"),
        ("## intent: \n- b\n", "a.md:1: a section needs a name"),
        ("- a\nb\n", "a.md:2: an item must begin with '- '. Received: 'b'"),
        ("a\n## intent:b\n", "a.md:2: the section '## intent:b' stands in a file"),
        ("- a\n<!-- b\n- c\n", "a.md:2: a comment begins here and does not end"),
        ("\n<!-- b -->\n", "the file is empty"),
    ],
)
def test_broken_files_are_named_with_their_line(write, content, message):
    assert message in problem(write(content))


def test_all_problems_of_a_file_are_reported_together(write):
    content = "- [a](\n- [](X) [b]()\n- fine\n## x:y\n"
    found = problem(write(content))
    assert found.startswith("3 problems:")
    assert "a.md:2: column 3: an entity without text" in found
    assert "column 12: an empty label" in found


def test_a_long_line_of_nothing_but_brackets_ends_soon_and_in_few_words(write):
    for line in ("[" * 100_000 + "(", "[](" * 30_000):
        begin = time.process_time()
        assert len(problem(write(f"- {line}\n"))) < 5_000
        assert time.process_time() - begin < 5  # some 0.2 s on an idle core


def test_check_names_the_problems_and_goes_on(write):
    path = write("- [a](\n- [b](X)\n")
    (report,) = check_corpora([str(path)], options=ReadOptions())
    assert [(f.kind, f.line) for f in report.findings] == [("bad-record", 1)]
    assert report.documents == 1


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("d", "a\nb"), "document 'd' holds a line break"),
        (Document("d", "a\r"), "document 'd' holds a line break"),
        (
            Document("d", "abc", (Entity(0, 3, "A"), Entity(1, 2, "B"))),
            "document 'd': entity 1-2 B lies within or across 0-3 A",
        ),
        (
            Document("d", "abc", (Entity(0, 2, "A"), Entity(1, 3, "B"))),
            "entity 1-3 B lies within or across 0-2 A",
        ),
        (Document("d", "a", metadata={"intent": "b\nc"}), "the intent 'b\\nc'"),
        (Document("d", "a", metadata={"intent": {}}), "the intent '{}'"),
    ],
)
@pytest.mark.parametrize("format", ["rasa", "rasa-yaml"])
def test_what_the_format_cannot_hold_is_refused(tmp_path, format, document, message):
    path = tmp_path / "b"
    with pytest.raises(CorpusError) as caught:
        write_corpus([Document("c", "fine"), document], path, format=format)
    assert message in str(caught.value)
    assert "jsonl" in str(caught.value)
    assert not path.exists()


def test_a_sentence_without_intent_among_others_is_named_so(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    corpus = [Document("1", "a", metadata={"intent": "i"}), Document("2", "b")]
    write_corpus(corpus, tmp_path / "a.md")
    content = (tmp_path / "a.md").read_text()
    assert content == "## intent:i\n- a\n\n## intent:none\n- b\n"
    assert "under 'none': 1 sentence without an intent" in caplog.text


def test_attributes_of_entities_that_are_gone_are_not_written(tmp_path):
    note = {"start": 0, "end": 1, "label": "X", "attributes": {"value": "v"}}
    for notes in ([note], "foreign", [3], [{"start": 0}]):
        document = Document(
            "d", "ab", (Entity(0, 1, "Y"),), metadata={ATTRIBUTES: notes}
        )
        write_corpus([document], tmp_path / "a.md")
        assert (tmp_path / "a.md").read_text() == "- [a](Y)b\n"


def test_marked_sentences_are_recognised_whatever_the_file_is_named(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("fly from [Oslo](city) to me\nHello there, my friend.\n")
    assert find_format(path) == "rasa"
    path.write_text("See [our page](https://x.example/a) for all of it.\nHello you.\n")
    assert find_format(path) != "rasa"


def test_endless_blanks_take_no_endless_time(write):
    begin = time.process_time()
    with pytest.raises(CorpusError, match="a section needs a name"):
        list(read_corpus(write("## intent:a\n- b\n##" + " " * (1 << 20) + "x\n")))
    assert time.process_time() - begin < 5
