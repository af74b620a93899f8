"""Tables with a header: words or sentences in rows."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import find_format, join_words, read_corpus, write_corpus
from tfner.corpus.formats.csv_header import parse_list
from tfner.corpus.tidying import tidy
from tfner.document import Document, Entity
from tfner.errors import CorpusError
from tfner.schemes import SCHEMES


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="a.csv"):
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write_file


def found(document):
    return [(document.surface(e), e.label) for e in document.entities]


KAGGLE = (
    "Sentence #,Word,POS,Tag\nSentence: 1,Mira,NNP,B-per\n,Sol,NNP,I-per\n,ran,VBD,O\n"
    'Sentence: 2,Oslo,NNP,B-geo\n,",",",",O\n'
)


@pytest.mark.parametrize(
    "content",
    [
        KAGGLE,
        KAGGLE.replace("\n", "\r\n"),
        "\ufeff" + KAGGLE,
        "sentence_idx,word,tag\n1,Mira,B-per\n1,Sol,I-per\n1,ran,O\n2,Oslo,B-geo\n"
        '2,",",O\n',
        "tag;token;sent_id\nB-per;Mira;s1\nI-per;Sol;s1\nO;ran;s1\nB-geo;Oslo;s2\n"
        "O;,;s2\n",
        "sentence\tword\ttag\n1\tMira\tB-per\n1\tSol\tI-per\n1\tran\tO\n2\tOslo\tB-geo\n"
        "2\t,\tO\n",
        'word,tag\nMira,B-per\nSol,I-per\nran,O\n\nOslo,B-geo\n",",O\n',
        "id,tokens,ner_tags\n7,\"['Mira', 'Sol', 'ran']\",\"['B-per', 'I-per', 'O']\"\n"
        "8,\"['Oslo', ',']\",\"['B-geo', 'O']\"\n",
        "tokens,tags\n\"['Mira' 'Sol'\n 'ran']\",\"['B-per' 'I-per' 'O']\"\n"
        "\"['Oslo' ',']\",\"['B-geo' 'O']\"\n",
        'Sentence #,Sentence,POS,Tag\n1,Mira Sol ran,x,"[""B-per"", ""I-per"", '
        '""O""]"\n'
        '2,"Oslo ,",x,"[""B-geo"", ""O""]"\n',
        'text,labels\nMira Sol ran,B-per I-per O\n"Oslo ,",B-geo O\n',
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a", "a.tsv"])
def test_tables_of_any_shape_are_read(write, content, name):
    path = write(content, name)
    assert find_format(path) == "csv"
    first, second = read_corpus(path)
    assert found(first) == [("Mira Sol", "per")]
    assert found(second) == [("Oslo", "geo")]
    assert [len(d.words) for d in (first, second)] == [3, 2]


def test_columns_may_be_named(write):
    path = write("a,b,sentence\nMira,PER,1\nSol,PER,1\nran,O,1\n")
    with pytest.raises(CorpusError, match="--tokens-key"):
        list(read_corpus(path, tags_key="b"))
    (document,) = read_corpus(path, tokens_key="A", tags_key="b")
    assert found(document) == [("Mira Sol", "PER")]
    with pytest.raises(CorpusError, match="--tags-key"):
        list(read_corpus(path, tokens_key="a"))


def test_tables_without_tags_are_read_for_prediction(write):
    path = write("sentence,word\n1,Mira\n1,ran\n2,Sol\n")
    documents = list(read_corpus(path, tags="optional"))
    assert [d.text for d in documents] == ["Mira ran", "Sol"]
    assert documents[0].tags is None
    masked = write("sentence,word,tag\n1,Mira,_\n1,ran,_\n")
    assert next(read_corpus(masked, tags="optional")).tags is None


def test_integer_tags_take_their_names(write):
    path = write('tokens,ner_tags\n"[""Mira"", ""ran""]","[1, 0]"\n')
    (document,) = read_corpus(path, labels=["O", "B-PER"])
    assert found(document) == [("Mira", "PER")]
    with pytest.raises(CorpusError, match="--tag-names"):
        list(read_corpus(path))


def test_quotation_marks_between_tabs_may_be_words(write):
    path = write('sentence\tword\ttag\n1\t"\tO\n1\tMira\tB-X\n1\t"\tO\n')
    (document,) = read_corpus(path)
    assert document.text == '" Mira "'


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "empty"),
        ("Mira\nran\n", "the first row must name the columns"),
        ("sentence,word,tag\n1,Mira,B-X\n1\n1,a,O\n", "csv:3: expected at least 3"),
        ("sentence,word,tag\n1,Mira,B-X\n1,a,X-X\n", "'X-X' is not a tag"),
        ("sentence,word,tag\n1,Mira,NN\n1,a,VB\n", "--tags-key"),
        ("tokens,tags\n\"['a', 'b']\",\"['O']\"\n", "csv:2: 2 words but 1 tag"),
        ("tokens,tags\n\"['a', b]\",\"['O']\"\n", "csv:2: no list: 'b]' stands"),
        ("word,tag\n" + "a,O\n" * 1001, "where sentences begin"),
        ('sentence,word,tag\n1,"a' + "x" * (1 << 24), "no table: field larger"),
        (
            "sentence,word,tag\n1,b,O\n1,M\xfcller,B-X\n".encode("latin1"),
            "-f latin1 -t",
        ),
    ],
)
def test_what_is_wrong_is_named(write, content, problem):
    with pytest.raises(CorpusError, match=problem):
        list(read_corpus(write(content)))


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ("['it\\'s', \"it's\", '\\u4e9c\\n']", ["it's", "it's", "亜\n"]),
        ('["a\\"b", "\\\\"]', ['a"b', "\\"]),
        ("[]", []),
        ("[1, 0, 12]", ["1", "0", "12"]),
        ("[ -LRB-", ["[", "-LRB-"]),
    ],
)
def test_lists_of_any_language_are_parsed(cell, items):
    assert parse_list(cell) == items


WORDS = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4
).filter(lambda word: word.strip() == word)


@st.composite
def documents(draw):
    words = draw(st.lists(WORDS, min_size=1, max_size=6))
    text, ranges = join_words(words, "space")
    start = draw(st.integers(0, len(words) - 1))
    end = draw(st.integers(start + 1, len(words)))
    entities = (Entity(ranges[start].start, ranges[end - 1].end, "X"),)
    return Document("d", text, entities * draw(st.integers(0, 1)), tuple(ranges))


def spans(document):
    """Word ranges of the entities."""
    starts = {word.start: n for n, word in enumerate(document.words)}
    ends = {word.end: n for n, word in enumerate(document.words)}
    return [(starts[e.start], ends[e.end], e.label) for e in document.entities]


@settings(deadline=None, max_examples=60)
@given(st.lists(documents(), min_size=1, max_size=4), st.sampled_from(list(SCHEMES)))
def test_words_and_entities_survive(corpus, scheme):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        write_corpus(corpus, path, scheme=scheme)
        result = list(read_corpus(path))
    corpus = [tidy(document, Counter()) for document in corpus]
    assert [spans(d) for d in result] == [spans(d) for d in corpus]
    assert [[d.surface(w) for w in d.words] for d in result] == [
        [d.surface(w) for w in d.words] for d in corpus
    ]
