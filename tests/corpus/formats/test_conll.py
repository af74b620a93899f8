"""Column files: what is read, what is refused, and what is written back."""

from __future__ import annotations

import io
import logging
import os
from pathlib import Path

import pytest

from tfner.corpus import read_corpus, write_corpus
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError, LabelError


@pytest.fixture
def write(tmp_path):
    def write_file(content: str | bytes, name: str = "a.bio") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def read(path, **options):
    return list(read_corpus(path, **options))


def surfaces(document):
    return [document.surface(word) for word in document.words]


def test_a_sentence_becomes_a_document_with_character_entities(write):
    (document,) = read(write("New\tB-LOC\nYork\tI-LOC\nis\tO\nbig\tO\n\n"))
    assert document.text == "New York is big"
    assert document.entities == (Entity(0, 8, "LOC"),)
    assert document.tags == ("B-LOC", "I-LOC", "O", "O")
    assert document.id == "a:1"
    assert document.metadata["scheme"] == "IOB2"


@pytest.mark.parametrize(
    "content",
    [
        "x\tB-A\ny\tI-A\n\nz\tO\n\n",
        "x\tB-A\ny\tI-A\n\nz\tO",  # no final newline
        "x\tB-A\r\ny\tI-A\r\n\r\nz\tO\r\n",
        "x\tB-A\r\ny\tI-A\r\n\nz\tO\n",  # mixed line ends
        "x B-A\ny I-A\n\nz O\n",
        "x  B-A \ny   I-A\n\nz O\n",  # runs of blanks and one at the end
        "x\tB-A\ny\tI-A\n \t \n\t\n\nz\tO\n",  # blank lines that hold blanks
        "\ufeffx\tB-A\ny\tI-A\n\nz\tO\n",
    ],
)
def test_variants_of_one_file_read_alike(write, content):
    first, second = read(write(content))
    assert (surfaces(first), first.tags) == (["x", "y"], ("B-A", "I-A"))
    assert (surfaces(second), second.tags) == (["z"], ("O",))


@pytest.mark.parametrize("word", ["\u200b", "\u3000", "\u00a0", "\u2028", "\x85", "#"])
@pytest.mark.parametrize("separator", ["\t", " "])
def test_a_word_that_unicode_calls_blank_stays_a_word(write, word, separator):
    (document,) = read(write(f"a{separator}O\n{word}{separator}B-X\nb{separator}O\n"))
    assert surfaces(document) == ["a", word, "b"]
    assert document.surface(document.entities[0]) == word


def test_an_empty_token_is_a_word_of_length_zero_and_no_entity(write):
    (document,) = read(write("a\tO\n\tB-X\nb\tI-X\n"))
    assert document.words == (Word(0, 1), Word(1, 1), Word(2, 3))
    assert document.entities == (Entity(2, 3, "X"),)


def test_an_empty_tag_is_read_as_outside_and_counted_in_the_log(write, caplog):
    (document,) = read(write("a\tB-X\n。\t"))
    assert document.tags == ("B-X", "O")
    assert "1 empty tag read as O" in caplog.text


def test_word_and_tag_columns_are_selectable(write):
    path = write("B-X 1 foo n\nO 2 bar v\n")
    (document,) = read(path, word_column=2, tag_column=0)
    assert (document.text, document.entities) == ("foo bar", (Entity(0, 3, "X"),))
    with pytest.raises(CorpusError, match="tag_column=7"):
        read(path, tag_column=7)


def test_files_without_tags_are_read_on_request(write):
    path = write("foo\nbar\n")
    (document,) = read(path, tags="none")
    assert (document.text, document.tags, document.entities) == ("foo bar", None, ())
    with pytest.raises(CorpusError, match="--no-tags"):
        read(path)


@pytest.mark.parametrize(
    ("join", "text"),
    [
        ("auto", "日本のNHK radio。"),
        ("space", "日本 の NHK radio 。"),
        ("none", "日本のNHKradio。"),
    ],
)
def test_join_makes_the_text(write, join, text):
    path = write("日本\tB-L\nの\tO\nNHK\tO\nradio\tO\n。\tO\n")
    assert read(path, join=join)[0].text == text


def test_labels_may_hold_hyphens(write):
    (document,) = read(write("x\tB-cell-line\ny\tI-cell-line\n"))
    assert document.entities == (Entity(0, 3, "cell-line"),)


def test_unrepaired_tags_are_kept_and_read_as_conlleval_does(write):
    path = write("a\tB-P\nb\tI-L\nc\tO\n\nd\tB-P\ne\tI-P\n\nf\tO\ng\tB-L\nh\tI-L\n")
    document = read(path)[0]
    assert document.tags == ("B-P", "I-L", "O")
    assert document.entities == (Entity(0, 1, "P"), Entity(2, 3, "L"))


def test_the_scheme_found_is_announced(write, caplog):
    caplog.set_level(logging.INFO)
    read(write("a\tI-P\nb\tI-P\n\nc\tI-L\nd\tB-L\n"))
    assert "read as IOB1 (0 transitions" in caplog.text


def test_a_given_scheme_that_contradicts_the_file_is_an_error_with_its_line(write):
    path = write("a\tO\nb\tI-P\nc\tI-P\n\nd\tI-L\n")
    with pytest.raises(
        CorpusError, match=r"a\.bio:2: I-P after O .*2 such.*IOB1 leaves"
    ):
        read(path, scheme="IOB2")
    with pytest.raises(CorpusError, match="contradicts the scheme IOB2"):
        read(write("a\tB-P\nb\tE-P\n"), scheme="bio")


def test_a_given_scheme_with_some_invalid_steps_is_read(write, caplog):
    content = "a\tB-P\nb\tI-P\nc\tO\nd\tI-P\n\n" + "e\tB-P\nf\tI-P\n\n" * 3
    assert len(read(write(content), scheme="IOB2")) == 4
    assert "1 transition that IOB2 does not allow" in caplog.text


def test_wrong_column_counts_are_all_named(write):
    lines = "MEDLINE:1\n\na\tO\nb\tO\n\nMEDLINE:2\n\nc\tO\nd\tx\tO\n"
    with pytest.raises(CorpusError) as caught:
        read(write(lines))
    message = str(caught.value)
    assert "3 problems" in message
    assert "a.bio:1: expected 2 columns, received 1: 'MEDLINE:1'" in message
    assert "a.bio:6:" in message
    assert "a.bio:9: expected 2 columns, received 3" in message
    assert "-DOCSTART-" in message


def test_one_wrong_line_is_said_to_be_one(write):
    with pytest.raises(CorpusError, match=r"\n1 such line\."):
        read(write("a\tO\nb\tO\nc\n"))


def test_many_wrong_lines_are_shown_in_part_and_counted(write):
    with pytest.raises(CorpusError) as caught:
        read(write("a\tO\n" * 100 + "b\n" * 50))
    assert str(caught.value).count("expected 2 columns") == 20
    assert "50 such lines" in str(caught.value)


def test_tags_of_no_scheme_are_named_with_line_and_number(write):
    with pytest.raises(CorpusError) as caught:
        read(write("a\tB-P\nb\tX-P\nc\tX-P\nd\tPER\n"))
    assert "a.bio:2: 'X-P' is not a tag (2 times" in str(caught.value)
    assert "a.bio:4: 'PER' is not a tag" in str(caught.value)


def test_unknown_scheme_and_join_are_refused(write):
    path = write("a\tO\n")
    with pytest.raises(LabelError, match="did you mean 'IOB'"):
        read_corpus(path, scheme="IOB9")
    with pytest.raises(LabelError, match="IOB2"):
        read_corpus(path, scheme="tags")
    with pytest.raises(ConfigError, match="auto"):
        read_corpus(path, join="smart")


def test_a_corpus_without_entities_is_read(write):
    assert read(write("a\tO\nb\tO\n"))[0].entities == ()


CONLL_2003 = """-DOCSTART- -X- -X- O

EU NNP B-NP I-ORG
rejects VBZ B-VP O

-DOCSTART- -X- -X- O

Peter NNP B-NP I-PER
Blackburn NNP I-NP I-PER

BRUSSELS NNP B-NP I-LOC
Paris NNP I-NP B-LOC

"""


def test_other_columns_and_document_lines_survive_byte_for_byte(write, tmp_path):
    path = write(CONLL_2003, "a.conll")
    assert write_corpus(read_corpus(path), tmp_path / "b.conll") == 3
    assert (tmp_path / "b.conll").read_text() == CONLL_2003


def test_sentences_know_their_document(write):
    documents = read(write(CONLL_2003))
    assert [d.metadata["document"] for d in documents] == ["a#1", "a#2", "a#2"]


def test_another_scheme_changes_the_tag_column_alone(write, tmp_path):
    write_corpus(read_corpus(write(CONLL_2003)), tmp_path / "b.conll", scheme="BIOES")
    lines = (tmp_path / "b.conll").read_text().splitlines()
    assert lines[2] == "EU NNP B-NP S-ORG"
    assert lines[7:9] == ["Peter NNP B-NP B-PER", "Blackburn NNP I-NP E-PER"]
    assert lines[10:12] == ["BRUSSELS NNP B-NP S-LOC", "Paris NNP I-NP S-LOC"]


def test_comments_and_columns_survive_jsonl(write, tmp_path):
    path = write("# id 1\nx NN B-A\ny VB O\n\n", "a.conll")
    write_corpus(read_corpus(path, comments=True), tmp_path / "b.jsonl")
    write_corpus(read_corpus(tmp_path / "b.jsonl"), tmp_path / "c.conll")
    assert (tmp_path / "c.conll").read_text() == path.read_text()


@pytest.mark.parametrize(
    "metadata",
    [
        {"scheme": "http", "separator": "; ", "comments": "none", "document_lines": 3},
        {"scheme": ["IOB2"], "columns": [["x"]], "word_column": 0, "tag_column": "1"},
        {"columns": 3, "word_column": 0, "tag_column": 1},
        {"columns": [["x"]], "word_column": 0, "tag_column": 1},
        {"columns": [[1, 2]], "word_column": 0, "tag_column": 1},
        {"columns": [["y", "O"]], "word_column": 0, "tag_column": 1},
    ],
)
def test_metadata_that_means_something_else_is_left_alone(tmp_path, metadata):
    document = Document("d", "x", (Entity(0, 1, "A"),), metadata=metadata)
    write_corpus([document], tmp_path / "a.bio")
    assert (tmp_path / "a.bio").read_text() == "x\tB-A\n\n"


def test_documents_without_words_are_cut_at_white_space(tmp_path):
    document = Document("d", "in New York", (Entity(3, 11, "LOC"),))
    write_corpus([document], tmp_path / "a.bio")
    assert (tmp_path / "a.bio").read_text() == "in\tO\nNew\tB-LOC\nYork\tI-LOC\n\n"


def test_what_columns_cannot_hold_is_named_and_nothing_is_written(tmp_path):
    documents = [
        Document("off", "New York", (Entity(0, 2, "LOC"),)),
        Document("fine", "x", (Entity(0, 1, "LOC"),)),
        Document("nest", "New York", (Entity(0, 8, "LOC"), Entity(0, 3, "X"))),
        Document("tab", "a\tb", (), (Word(0, 3),)),
    ]
    with pytest.raises(CorpusError) as caught:
        write_corpus(documents, tmp_path / "a.bio")
    message = str(caught.value)
    assert "'off': no word boundary at entity 0-2 LOC" in message
    assert "'nest': entities are nested" in message
    assert "jsonl" in message
    assert "'tab'" in message
    assert list(tmp_path.iterdir()) == []


def test_predicted_words_that_differ_from_the_rows_are_written_as_two_columns(
    write, tmp_path
):
    (document,) = read(write("ab NN O\n"))
    own = Document(
        document.id,
        document.text,
        (),
        (Word(0, 1), Word(1, 2)),
        ("O", "B-X"),
        document.metadata,
    )
    write_corpus([own], tmp_path / "b.bio")
    assert (tmp_path / "b.bio").read_text() == "a O\nb B-X\n\n"


@pytest.fixture
def standard_input(monkeypatch):
    def give(content: bytes) -> str:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return "-"

    return give


def test_standard_input_and_pipes_give_what_the_file_gives(write, standard_input):
    content = b"\xef\xbb\xbfa x B-X\nb y I-X\n\n-DOCSTART- -X- O\n\nc z O\n"
    expected = read(write(content))
    found = read(standard_input(content), format="conll")
    assert [(d.text, d.tags) for d in found] == [(d.text, d.tags) for d in expected]
    here, there = os.pipe()
    os.write(there, content)
    os.close(there)
    found = read(f"/dev/fd/{here}", format="conll")
    assert [(d.text, d.tags) for d in found] == [(d.text, d.tags) for d in expected]
    os.close(here)


def test_a_raw_text_serves_standard_input_too(tmp_path, standard_input):
    (tmp_path / "raw.txt").write_text("a  b\nc\n")
    path = standard_input(b"a\tO\nb\tB-X\n\nc\tO\n\n")
    found = read(path, format="conll", raw_text=tmp_path / "raw.txt")
    assert [d.text for d in found] == ["a  b", "c"]
