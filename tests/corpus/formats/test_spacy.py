"""DocBin: the same entities as spaCy's, within bounds, and read by spaCy again."""

from __future__ import annotations

import re
import sys
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError

spacy = pytest.importorskip("spacy")
ENGLISH = spacy.blank("en")

TEXT = "Mira Sol flew to Oslo.\nNobody saw  her"


def make(path, *docs, **settings):
    spacy.tokens.DocBin(docs=docs, **settings).to_disk(path)
    return path


def tagged(text=TEXT, spans=((0, 8, "PERSON"), (17, 21, "CITY")), key=None):
    doc = ENGLISH(text)
    found = [doc.char_span(start, end, label) for start, end, label in spans]
    if key is None:
        doc.ents = found
    else:
        doc.spans[key] = found
    return doc


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.spacy"


def triples(document):
    return [(e.start, e.end, e.label) for e in document.entities]


def test_ents_are_read_as_spacy_has_them(path):
    docs = [tagged(), tagged("Nobody.", ()), tagged("Oslo", [(0, 4, "ORG")])]
    make(path, *docs)
    assert find_format(path) == "spacy"
    found = list(read_corpus(path))
    for document, doc in zip(found, docs, strict=True):
        assert document.text == doc.text
        expected = [(e.start_char, e.end_char, e.label_) for e in doc.ents]
        assert triples(document) == expected
        words = [(t.idx, t.idx + len(t)) for t in doc if not t.is_space]
        assert document.words == tuple(Word(*word) for word in words)
    assert [document.id for document in found] == ["a:1", "a:2", "a:3"]
    bare = path.rename(path.with_name("bare"))
    assert find_format(bare) == "spacy"


def test_words_without_known_spaces_are_joined(path):
    doc = spacy.tokens.Doc(spacy.vocab.Vocab(), words=["Mira", "ran", "."])
    doc.set_ents([spacy.tokens.Span(doc, 0, 1, "PER")])
    make(path, doc)
    (document,) = read_corpus(path, join="none")
    assert document.text == "Miraran."
    (document,) = read_corpus(path)
    assert (document.text, triples(document)) == ("Mira ran .", [(0, 4, "PER")])


def test_a_span_group_is_read_where_ents_are_empty(path, caplog):
    nested = ((0, 8, "PER"), (5, 8, "NAME"))
    make(path, tagged(spans=nested, key="sc"), tagged(spans=()))
    first, second = read_corpus(path)
    assert triples(first) == list(nested)
    assert second.entities == ()


def test_a_span_group_beside_ents_is_told_and_read_on_request(path, caplog):
    doc = tagged()
    doc.spans["more"] = [doc.char_span(0, 4, "FIRST")]
    make(path, doc)
    (document,) = read_corpus(path)
    assert len(document.entities) == 2
    assert "left out: span groups: more (1 span); --tags-key names one" in caplog.text
    (document,) = read_corpus(path, tags_key="more")
    assert triples(document) == [(0, 4, "FIRST")]
    with pytest.raises(CorpusError, match=r"no span group 'x'. Known: more \(1 span\)"):
        list(read_corpus(path, tags_key="x"))


def test_of_several_span_groups_one_must_be_named(path):
    doc = tagged(spans=((0, 8, "PER"),), key="a")
    doc.spans["b"] = [doc.char_span(0, 4, "X")]
    make(path, doc)
    with pytest.raises(CorpusError, match="Name one with --tags-key"):
        list(read_corpus(path))


def test_what_nobody_annotated_is_no_corpus_but_can_be_predicted(path):
    make(path, ENGLISH(TEXT))
    with pytest.raises(CorpusError, match="no document has entities, and none says"):
        list(read_corpus(path))
    (document,) = read_corpus(path, tags="optional")
    assert document.text == TEXT
    make(path, ENGLISH(TEXT), attrs=["LEMMA"])
    with pytest.raises(CorpusError, match="no document has entities, and none says"):
        list(read_corpus(path))


def test_a_small_file_that_unpacks_to_much_is_refused(path):
    path.write_bytes(zlib.compress(b"\x81\xa5attrs" + b"\0" * (1 << 27), 9))
    with pytest.raises(CorpusError, match="more than 64 MB when unpacked"):
        list(read_corpus(path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x\x9c",
        zlib.compress(b"\xc1"),
        zlib.compress(b"\x91" * 9000),
        zlib.compress(b"\xdd\xff\xff\xff\xff"),
        zlib.compress(b"\x81\xa5attrs\x90"),
    ],
)
def test_what_is_no_docbin_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(CorpusError, match="damaged, or no DocBin of spaCy"):
        list(read_corpus(path))


def test_without_spacy_one_sentence_names_the_extra(path, monkeypatch):
    make(path, tagged())
    monkeypatch.setitem(sys.modules, "srsly.msgpack", None)
    monkeypatch.setitem(sys.modules, "spacy.tokens", None)
    with pytest.raises(ConfigError, match=r'pip install "tfner\[spacy\]"'):
        list(read_corpus(path))
    with pytest.raises(ConfigError, match=r'pip install "tfner\[spacy\]"'):
        write_corpus([Document("a", "b")], path)


def test_overlapping_entities_are_written_as_a_span_group(path, caplog):
    caplog.set_level("INFO")
    corpus = [
        Document("a", "Oslo Zoo", (Entity(0, 8, "ORG"), Entity(0, 4, "LOC"))),
        Document("b", "Oslo", (Entity(0, 4, "LOC"),)),
    ]
    assert write_corpus(corpus, path) == 2
    assert "entities overlap: all are the span group sc" in caplog.text
    docs = list(spacy.tokens.DocBin().from_disk(path).get_docs(spacy.vocab.Vocab()))
    found = [[(s.text, s.label_) for s in doc.spans["sc"]] for doc in docs]
    assert found == [[("Oslo Zoo", "ORG"), ("Oslo", "LOC")], [("Oslo", "LOC")]]
    assert [d.entities for d in read_corpus(path)] == [d.entities for d in corpus]


def test_words_are_cut_where_entities_are_and_counted(path, caplog):
    words = (Word(0, 6),)
    write_corpus([Document("a", "Osloer", (Entity(0, 4, "LOC"),), words)], path)
    assert "1 word cut where an entity begins or ends inside" in caplog.text
    (document,) = read_corpus(path)
    assert document.words == (Word(0, 4), Word(4, 6))


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("Oslo ", (0, 5)),
        ("Oslo Zoo", (0, 5)),
        ("Oslo Zoo", (4, 8)),
        ("Oslo  Zoo", (0, 5)),
        ("Oslo  Zoo", (5, 9)),
        (" Oslo", (0, 5)),
        ("Oslo \n Zoo", (0, 6)),
        ("Oslo \n Zoo", (6, 10)),
    ],
)
@pytest.mark.parametrize("has_words", [True, False])
def test_entities_may_begin_or_end_with_a_space(path, text, entity, has_words):
    words = tuple(Word(*m.span()) for m in re.finditer(r"\w+", text))
    gold = Document("a", text, (Entity(*entity, "LOC"),), words if has_words else None)
    write_corpus([gold], path)
    (doc,) = spacy.tokens.DocBin().from_disk(path).get_docs(spacy.vocab.Vocab())
    assert doc.text == text
    assert [(e.start_char, e.end_char) for e in doc.ents] == [entity]


CHARACTERS = st.one_of(
    st.sampled_from("ab .\n\t\u3000\u200b語𠮷"),
    st.characters(exclude_categories=["Cs"]),
)


@st.composite
def documents(draw):
    text = draw(st.text(CHARACTERS, max_size=12))
    places = st.integers(0, len(text))
    entities = tuple(
        Entity(min(ends), max(ends), draw(st.sampled_from(["PER", "a b"])))
        for ends in draw(st.lists(st.tuples(places, places), max_size=3))
        if ends[0] != ends[1] and text[min(ends) : max(ends)].strip()
    )
    words = None
    if draw(st.booleans()):
        words, at = [], 0
        for part in text.split(" "):
            words += [Word(at, at + len(part))] if part.strip() else []
            at += len(part) + 1
    return Document("d", text, entities, words and tuple(words))


@settings(deadline=None, max_examples=40)
@given(st.lists(documents(), min_size=1, max_size=3))
def test_any_text_and_any_entities_come_back(corpus):
    from tfner.corpus.formats.options import ReadOptions
    from tfner.corpus.formats.spacy import scan_spacy

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.spacy"
        write_corpus(corpus, path)
        found = [d for _, d in scan_spacy(str(path), ReadOptions())]
        bin_ = spacy.tokens.DocBin().from_disk(path)
        texts = [doc.text for doc in bin_.get_docs(spacy.vocab.Vocab())]
    assert texts == [document.text for document in corpus]
    assert [d.text for d in found] == texts
    assert [d.entities for d in found] == [d.entities for d in corpus]
