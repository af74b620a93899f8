"""CoNLL-U Plus: columns by their names, read as CoNLL-U."""

from __future__ import annotations

import pytest

from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.errors import CorpusError

CONTENT = """# global.columns = ID FORM UPOS MISC X:NER
# sent_id = s1
# text = Mira Sol flew.
1\tMira\tPROPN\t_\tB-PER
2\tSol\tPROPN\t_\tI-PER
3-4\tflew.\t_\tSpaceAfter=No\t_
3\tflew\tVERB\t_\tO
4\t.\tPUNCT\t_\tO

# sent_id = s2
1\tOslo\tPROPN\tGloss=a\tB-LOC

"""


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="a.conllup"):
        (tmp_path / name).write_text(content)
        return tmp_path / name

    return write_file


def found(document):
    return [(document.surface(e), e.label) for e in document.entities]


@pytest.mark.parametrize("name", ["a.conllup", "a.conllu", "a.txt", "dev"])
def test_it_is_recognised_and_read(write, name):
    path = write(CONTENT, name)
    assert find_format(path) == "conllu"
    first, second = read_corpus(path)
    assert (first.id, first.text) == ("s1", "Mira Sol flew.")
    assert found(first) == [("Mira Sol", "PER")]
    assert found(second) == [("Oslo", "LOC")]


def test_it_is_written_as_conllu(write, tmp_path):
    documents = list(read_corpus(write(CONTENT)))
    write_corpus(documents, tmp_path / "b.conllu")
    written = (tmp_path / "b.conllu").read_text()
    assert "global.columns" not in written
    assert "1\tOslo\t_\tPROPN\t_\t_\t_\t_\t_\tNE=B-LOC|Gloss=a" in written
    again = list(read_corpus(tmp_path / "b.conllu"))
    assert [(d.text, d.entities) for d in again] == [
        (d.text, d.entities) for d in documents
    ]


def test_words_without_numbers_and_tags_of_any_spelling_are_read(write):
    path = write("# global.columns = FORM MY:TAGS\nMira\tPER\nSol\tPER\nran\tO\n")
    (document,) = read_corpus(path, tags_key="my:tags")
    assert found(document) == [("Mira Sol", "PER")]
    assert found(next(read_corpus(path))) == []


@pytest.mark.parametrize(
    ("content", "settings", "problem"),
    [
        ("# global.columns = ID NER\n1\tO\n", {}, "none is FORM"),
        ("# global.columns = FORM NER\na\tO\n", {"tags_key": "X"}, "none is X"),
        ("# global.columns = FORM NER\na\tO\nb\n", {}, "a.conllup:3: expected 2 col"),
        ("# global.columns = FORM NER\na\tO\nb\tB-X\nc\tX\n", {}, ":4: 'X' is not a"),
        ("# global.columns = FORM NER\na\tNN\nb\tVB\n", {}, "column NER: no tags"),
    ],
)
def test_what_is_wrong_is_named(write, content, settings, problem):
    with pytest.raises(CorpusError, match=problem):
        list(read_corpus(write(content), **settings))
