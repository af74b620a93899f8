"""brat pairs: what is read, what is refused, and what is written back."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.tidying import tidy
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError, StorageError

TEXT = "Maria flew to New\nYork.\n"


@pytest.fixture
def write(tmp_path):
    def write_pair(annotations, text=TEXT, name="a"):
        (tmp_path / f"{name}.ann").write_bytes(annotations.encode())
        (tmp_path / f"{name}.txt").write_bytes(text.encode())
        return tmp_path / f"{name}.ann"

    return write_pair


def read(path):
    return list(read_corpus(path))


def refusal(path):
    with pytest.raises(CorpusError) as caught:
        read(path if path.exists() else path.parent)
    return str(caught.value).replace(str(path.parent) + "/", "")


def test_a_pair_becomes_a_document_named_after_it(write):
    (document,) = read(write("T1\tPER 0 5\tMaria\nT2\tNAME 0 5\tMaria\n"))
    assert (document.id, document.text) == ("a", TEXT)
    assert document.entities == (Entity(0, 5, "NAME"), Entity(0, 5, "PER"))
    assert document.words is None


@pytest.mark.parametrize(
    "line",
    [
        "T1\tLOC 14 17;18 22\tNew York\n",  # as brat cuts it
        "T1\tLOC 14 22\tNew York\n",
        "T1\tLOC 18 22;14 17\tYork New\n",
        "T1\tLOC 14 22\tNew York\r\n",
        "T1\tLOC 14 22\tNew York",
    ],
)
def test_a_span_over_a_line_break_is_one_entity(write, line):
    assert read(write(line))[0].entities == (Entity(14, 22, "LOC"),)


def test_offsets_count_the_characters_of_the_file_as_they_are(write):
    text = "\ufeffa\r\n𠮷田\tx\r\n"
    (document,) = read(write("T1\tP 4 8\t𠮷田\tx\n", text))
    assert document.text == text
    assert document.surface(document.entities[0]) == "𠮷田\tx"
    message = refusal(write("T1\tP 3 5\t𠮷田\n", text))
    assert "is '\\n𠮷' in the text, not '𠮷田'" in message
    assert "each CR LF counts as two" in message


def test_other_annotations_are_left_out_and_counted_once(write, tmp_path, caplog):
    others = (
        "R1\tIn Arg1:T1 Arg2:T1\nE1\tT:T1\nA1\tX T1\nM1\tNeg E1\nN1\tR T1 W:1\tx\n"
        "#1\tAnnotatorNotes T1\tsure\n*\tEquiv T1 T1\n\n"
    )
    for name in "ab":
        write("T1\tPER 0 5\tMaria\n" + others, name=name)
    assert [len(d.entities) for d in read(tmp_path)] == [1, 1]
    (message,) = [r.getMessage() for r in caplog.records if "left out" in r.message]
    assert "2 relations, 2 events, 2 attributes, 2 modifications" in message


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("T1\tPER 0 5", "expected T1<TAB>LABEL START END<TAB>TEXT, received"),
        ("T1 PER 0 5 Maria", "expected T1<TAB>LABEL"),
        ("T1\tPER -1 5\tMaria", "expected T1<TAB>LABEL"),
        ("T1\tPER 0,5\tMaria", "expected T1<TAB>LABEL"),
        ("Maria", "expected T1<TAB>LABEL"),
        ("T1\tPER 5 5\t", "must satisfy 0 <= start < end <= 24"),
        ("T1\tPER 0 25\tMaria", "must satisfy 0 <= start < end <= 24"),
        ("T1\tPER 0 5\tMario", "is 'Maria' in the text, not 'Mario'"),
        ("T1\tPER 0 5;11 13\tMaria to", "is discontinuous, and entities here are not"),
        ("T1\tLOC 18 22;6 10\tYork flew", "is discontinuous"),
    ],
)
def test_a_bad_line_is_named_with_its_number(write, line, problem):
    message = refusal(write(f"T2\tPER 0 5\tMaria\n{line}\n"))
    assert message.startswith("a.ann:2: ")
    assert problem in message


def test_all_problems_of_all_pairs_are_reported_at_once(write, tmp_path):
    write("T1\tPER 0 5\tMario\nT2\tPER 0 99\tM\n", name="a")
    write("T1\tPER 0 5\tMaria\n", name="b")
    (tmp_path / "c.ann").write_text("")
    with pytest.raises(CorpusError) as caught:
        read(tmp_path)
    lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert [line.split(": ")[0].strip() for line in lines] == [
        "3 problems:",
        "a.ann:1",
        "a.ann:2",
        "c.ann",
    ]
    assert "c.txt: cannot be read: No such file" in lines[3]


@pytest.mark.parametrize(
    ("how", "found", "told"),
    [
        ("outer", [(0, 22)], "one from the first to the last piece"),
        ("parts", [(0, 5), (14, 22)], "an entity for each piece"),
        ("drop", [], "left out"),
    ],
)
def test_an_entity_in_pieces_becomes_what_is_chosen(write, caplog, how, found, told):
    path = write("T1\tX 0 5;14 17;18 22\tMaria New York\nT2\tPER 0 5\tMaria\n")
    (document,) = read_corpus(path, discontinuous=how)
    spans = [(e.start, e.end) for e in document.entities if e.label == "X"]
    assert spans == found
    assert f"{path}: 1 entity in several pieces" in caplog.text
    assert told in caplog.text


def test_the_message_about_pieces_names_an_option_that_helps(write):
    path = write("T1\tX 0 5;14 17\tMaria New\n")
    assert "--discontinuous outer, parts or drop" in refusal(path)
    assert len(list(read_corpus(path, discontinuous="outer"))) == 1


def test_directories_in_directories_are_read_and_are_part_of_the_ids(
    write, tmp_path, caplog
):
    for name in ("b", "sub/a", "sub/deep/b", ".hidden/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write("T1\tPER 0 5\tMaria\n", name=name)
    (tmp_path / "sub" / "alone.txt").write_text("x")
    assert find_format(tmp_path) == "brat"
    assert [d.id for d in read(tmp_path)] == ["b", "sub/a", "sub/deep/b"]
    assert "1 .txt file without an .ann, such as sub/alone.txt" in caplog.text
    (tmp_path / "b.ann").unlink()
    assert find_format(tmp_path) == "brat"
    write("T1\tPER 0 4\tMaria\n", name="sub/a")
    assert "sub/a.ann:1: entity 0 4 PER is 'Mari'" in refusal(tmp_path / "x")


def test_a_text_that_is_no_utf8_is_named(write):
    path = write("")
    path.with_suffix(".txt").write_bytes(b"a\n\xff")
    assert "a.txt:2: not UTF-8" in refusal(path)


def test_a_directory_is_read_by_name_and_lone_texts_are_counted(
    write, tmp_path, caplog
):
    for name in ("b", "a", "c.d"):
        write("", name=name)
    (tmp_path / "README.txt").write_text("x")
    assert find_format(tmp_path) == "brat"
    assert [d.id for d in read(tmp_path)] == ["a", "b", "c.d"]
    assert "left out: 1 .txt file without an .ann, such as README" in caplog.text


def test_what_is_not_brat_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(CorpusError, match=r"from an \.ann file, its \.txt being found"):
        list(read_corpus(tmp_path / "a.txt", format="brat"))
    with pytest.raises(CorpusError, match="this directory holds no corpus"):
        read_corpus(tmp_path)
    with pytest.raises(StorageError, match=r"missing\.ann: cannot be read: No such"):
        read_corpus(tmp_path / "missing.ann")
    with pytest.raises(ConfigError, match="a scheme is for"):
        write_corpus([], tmp_path / "out", format="brat", scheme="IOB2")


def test_check_names_the_files_in_a_directory(write, tmp_path):
    write("T1\tPER 0 5\tMaria\nT2\tPER 0 5\tMaria\n", name="a")
    write("T1\tPER 0 4\tMaria\n", name="b")
    write("T1\tLOC 13 17\t New\n", name="c")
    (report,) = check_corpora([str(tmp_path)], options=ReadOptions())
    found = [(Path(f.path).name, f.line, f.kind) for f in report.findings]
    assert found == [
        (tmp_path.name, None, "format"),
        (tmp_path.name, None, "repeated"),
        ("a.ann", None, "repeated-entity"),
        ("b.ann", 1, "bad-record"),
        ("c.ann", None, "white-space"),
    ]
    assert report.documents == 2


def test_pairs_are_written_whole(tmp_path):
    text = "New\r\n\nYork"
    entities = (Entity(0, 10, "LOC"), Entity(0, 3, "X"))
    corpus = [Document("a", text, entities), Document("b", "", words=())]
    assert write_corpus(corpus, tmp_path / "out", format="brat") == 2
    files = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    assert files == {
        "a.txt": text.encode(),
        "a.ann": b"T1\tLOC 0 3;6 10\tNew York\nT2\tX 0 3\tNew\n",
        "b.txt": b"",
        "b.ann": b"",
    }
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_words_that_brat_cannot_hold_are_counted(tmp_path, caplog):
    write_corpus([Document("a", "b", words=[(0, 1)])], tmp_path / "o", format="brat")
    assert "left out, for brat has none: the words of 1 document" in caplog.text


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("dev:1", "dev:1"),
        ("../../etc/passwd", "_._.._etc_passwd"),
        (".hidden", "_hidden"),
        ("", "_"),
        ("a\0b\nc", "a_b_c"),
        ("a" * 300, "a" * 200),
        ("語" * 100, "語" * 66),
    ],
)
def test_ids_become_safe_file_names(tmp_path, identifier, name, caplog):
    write_corpus([Document(identifier, "x")], tmp_path / "o", format="brat")
    names = sorted(p.name for p in (tmp_path / "o").iterdir())
    assert names == [f"{name}.ann", f"{name}.txt"]
    assert ("changed to be a file name: 1 id" in caplog.text) == (identifier != name)
    assert [p.name for p in tmp_path.iterdir()] == ["o"]


def test_equal_names_do_not_collide(tmp_path):
    ids = ["a/b", "a_b", "A_B", "a_b-2", "a_b"]
    corpus = [Document(name, str(n)) for n, name in enumerate(ids)]
    write_corpus(corpus, tmp_path, format="brat")
    names = sorted(p.stem for p in tmp_path.glob("*.ann"))
    assert len({name.casefold() for name in names}) == 5
    assert sorted(d.text for d in read_corpus(tmp_path)) == list("01234")


@pytest.mark.parametrize(
    ("entity", "problem"),
    [
        (Entity(0, 2, "X"), "begins or ends with a line break"),
        (Entity(1, 4, "X"), "begins or ends with a line break"),
        (Entity(3, 4, "X"), "begins or ends with a line break"),
        (Entity(1, 3, "X Y"), r"white space in the label 'X Y'"),
    ],
)
def test_entities_that_brat_cannot_hold_are_all_named(tmp_path, entity, problem):
    bad = Document("bad", "\na\n\r", (entity,))
    with pytest.raises(CorpusError, match=problem) as caught:
        write_corpus([bad, Document("good", "x"), bad], tmp_path / "o", format="brat")
    assert "2 problems" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_only_a_directory_of_pairs_is_replaced(tmp_path):
    target = tmp_path / "out"
    write_corpus([Document("a", "x")], target, format="brat")
    write_corpus([Document("b", "y")], target, format="brat")
    assert sorted(p.name for p in target.iterdir()) == ["b.ann", "b.txt"]
    for name in ("notes.md", "c.txt"):
        (target / name).write_text("precious")
        with pytest.raises(CorpusError, match="holds more than brat's pairs"):
            write_corpus([Document("b", "y")], target, format="brat")
        assert (target / name).read_text() == "precious"
        (target / name).unlink()


@pytest.mark.parametrize("name", ["-", "a.ann", "file"])
def test_brat_is_written_as_a_directory(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(CorpusError, match="brat is written as a directory"):
        write_corpus([Document("a", "x")], name, format="brat")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_lone_surrogate_is_refused_when_writing(tmp_path):
    with pytest.raises(StorageError, match=r"surrogate U\+D800"):
        write_corpus([Document("d", "\ud800")], tmp_path / "o", format="brat")
    assert list(tmp_path.iterdir()) == []


CHARACTERS = st.one_of(
    st.sampled_from("ab \n\r\t\u2028\u0085\ufeff語𠮷"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)


@st.composite
def documents(draw):
    text = draw(st.text(CHARACTERS, max_size=12))
    solid = [i for i, character in enumerate(text) if character not in "\r\n"]
    entities = []
    if solid:
        for _ in range(draw(st.integers(0, 4))):
            ends = draw(st.tuples(st.sampled_from(solid), st.sampled_from(solid)))
            label = draw(st.sampled_from(["PER", "cell-line", "組織"]))
            entities.append(Entity(min(ends), max(ends) + 1, label))
    return Document("d", text, tuple(entities))


@settings(deadline=None)
@given(st.lists(documents(), min_size=1, max_size=3))
def test_any_text_and_any_entities_come_back(corpus):
    corpus = [
        Document(f"{number}", d.text, d.entities) for number, d in enumerate(corpus)
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(corpus, Path(folder) / "o", format="brat")
        found = list(read_corpus(Path(folder) / "o"))
    assert found == [tidy(document, Counter()) for document in corpus]


def test_words_do_not_matter_for_offsets(tmp_path):
    words = (Word(0, 2), Word(2, 4))
    document = Document(
        "a", "東京大学", (Entity(0, 4, "ORG"), Entity(0, 2, "L")), words
    )
    write_corpus([document], tmp_path / "o", format="brat")
    (found,) = read_corpus(tmp_path / "o")
    assert found.entities == document.entities


def test_pairs_far_below_a_directory_are_not_looked_for(write, tmp_path):
    deep = tmp_path / "1" / "2" / "3"
    deep.mkdir(parents=True)
    for suffix, content in ((".txt", "Maria"), (".ann", "T1\tPER 0 5\tMaria\n")):
        (deep / f"a{suffix}").write_text(content)
    assert [d.id for d in read(tmp_path)] == ["1/2/3/a"]
    (deep / "4").mkdir()
    for suffix in (".txt", ".ann"):
        (deep / f"a{suffix}").rename(deep / "4" / f"a{suffix}")
    with pytest.raises(CorpusError, match="this directory holds no corpus"):
        read_corpus(tmp_path)
