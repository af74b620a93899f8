"""BioC in XML and JSON: what is read, what is refused, and what is written back."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.corpus.formats import FORMATS
from tfner.corpus.formats.options import ReadOptions
from tfner.document import Document, Entity
from tfner.errors import ConfigError, CorpusError, StorageError

KINDS = ("bioc-xml", "bioc-json")
HEAD = '<?xml version="1.0"?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n'
TITLE, BODY = "Mira syndrome.", "Sølvane & others helped."


def annotation(label="Disease", text="Mira syndrome", places=((0, 13),), **more):
    locations = [{"offset": offset, "length": length} for offset, length in places]
    infons = {"type": label, "identifier": "D1"}
    return {"id": "T1", "infons": infons, "text": text, "locations": locations} | more


def passage(offset=0, text=TITLE, annotations=(), **more):
    return {"offset": offset, "text": text, "annotations": [*annotations]} | more


def xml(value, name="collection"):
    """The XML of the JSON."""
    singular = {f"{name}s": name for name in ("document", "passage", "sentence")}
    singular |= {"annotations": "annotation", "relations": "relation"}
    parts, attributes = [], ""
    for key, content in value.items():
        if key in singular:
            parts += [xml(child, singular[key]) for child in content]
        elif key == "infons":
            parts += [f'<infon key="{k}">{v}</infon>' for k, v in content.items()]
        elif key == "locations":
            parts += [
                f'<location offset="{place["offset"]}" length="{place["length"]}"/>'
                for place in content
            ]
        elif key == "id" and name == "annotation":
            attributes = f' id="{content}"'
        else:
            parts.append(f"<{key}>{str(content).replace('&', '&amp;')}</{key}>")
    return f"<{name}{attributes}>\n" + "\n".join(parts) + f"</{name}>"


@pytest.fixture(params=KINDS)
def write(request, tmp_path):
    """Writes a document of passages in either form."""

    def collection(*passages, **more):
        source = {"documents": [{"id": "7", "passages": list(passages)} | more]}
        source = {"source": "x", "date": "", "key": ""} | source
        path = tmp_path / f"set.{request.param.removeprefix('bioc-')}"
        content = json.dumps(source) if "json" in request.param else HEAD + xml(source)
        path.write_text(content, "utf-8")
        assert find_format(path) == request.param
        return path

    return collection


def refusal(path, **settings):
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(path, **settings))
    return str(caught.value).replace(f"{path.parent}/", "")


def test_passages_become_one_text_at_their_distances(write, caplog):
    body = annotation("Chemical", "Sølvane", [(15, 7)])
    path = write(
        passage(annotations=[annotation(), annotation(locations=[])]),
        passage(15, BODY, [body], relations=[{"id": "R1"}]),
        passage(42, "End."),
    )
    (document,) = read_corpus(path)
    assert document.text == f"{TITLE} {BODY}   End."
    assert document.entities == (Entity(0, 13, "Disease"), Entity(15, 22, "Chemical"))
    assert document.id == "7"
    assert "left out: 1 annotations without a place, 1 relations" in caplog.text


def test_offsets_need_not_begin_at_zero_nor_agree_with_the_lengths(write):
    """An excerpt, and a file whose offsets of passages count bytes."""
    body = annotation("Chemical", "Sølvane", [(9_000_000, 7)])
    path = write(
        passage(5000, annotations=[annotation(places=[(5000, 13)])]),
        passage(9_000_000, BODY, [body]),
        passage(9_000_010, "Mira.", [annotation("X", "Mira", [(9_000_010, 4)])]),
    )
    (document,) = read_corpus(path)
    found = [document.surface(entity) for entity in document.entities]
    assert found == ["Mira syndrome", "Sølvane", "Mira"]


def test_sentences_give_the_text_of_a_passage_without_one(write):
    second = annotation("Chemical", "Sølvane", [(15, 7)])
    sentences = [passage(annotations=[annotation()]), passage(15, BODY, [second])]
    (document,) = read_corpus(write(passage(text="", sentences=sentences)))
    assert document.text == f"{TITLE} {BODY}"
    assert len(document.entities) == 2
    whole = passage(text=f"{TITLE} {BODY}", sentences=sentences)
    assert list(read_corpus(write(whole))) == [document]


def test_an_annotation_of_several_places_is_decided_over(write, caplog):
    path = write(passage(annotations=[annotation("X", "Mira dro", [(0, 4), (8, 3)])]))
    assert "--discontinuous outer, parts or drop" in refusal(path)
    (document,) = read_corpus(path, discontinuous="outer")
    assert document.entities == (Entity(0, 11, "X"),)
    assert "1 entity in several pieces" in caplog.text


def test_the_label_is_another_infon_on_request(write):
    path = write(passage(annotations=[annotation()]))
    (document,) = read_corpus(path, tags_key="identifier")
    assert document.entities == (Entity(0, 13, "D1"),)
    message = refusal(path, tags_key="class")
    assert "has no infon class. It has: type, identifier" in message
    assert "--tags-key" in message


def test_all_problems_are_named_together(write):
    path = write(
        passage(
            annotations=[
                annotation(text="Mirabell"),
                annotation(places=[(2, 90)]),
                annotation(places=[(70, 2)]),
                annotation(places=[("x", 2)]),
            ]
        )
    )
    message = refusal(path)
    assert message.startswith("4 problems")
    assert "document '7': annotation 'T1': 'Mira syndrome' stands at" in message
    assert "must satisfy 0 <= start < end <= 14" in message
    assert "offset 70 lies in no passage" in message
    assert "`offset` must be a number of characters, not 'x'" in message


def test_problems_of_xml_have_their_lines(tmp_path):
    path = tmp_path / "a.xml"
    bad = passage(annotations=[annotation(text="x")])
    path.write_text(xml({"documents": [{"id": "7", "passages": [bad]}]}))
    assert refusal(path).startswith("a.xml:7: document '7'")
    path.write_text("<collection>\n<document>\n</collection>")
    assert refusal(path, format="bioc-xml") == "a.xml:3: not XML: mismatched tag"


@pytest.mark.parametrize(
    "declared",
    ['<!ENTITY a "aaaa">', '<!ENTITY a SYSTEM "file:///etc/passwd">', ""],
)
def test_entities_of_a_document_type_are_refused(tmp_path, declared):
    path = tmp_path / "a.xml"
    path.write_text(
        f'<!DOCTYPE collection SYSTEM "BioC.dtd" [{declared}]>\n'
        "<collection><document><passage><offset>0</offset><text>&a;</text>"
        "</passage></document></collection>"
    )
    assert "the entity a is declared or used; such files can do harm" in refusal(path)


def test_what_is_no_bioc_is_refused(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text("<html><p>x</p></html>")
    assert "XML without a <document>" in refusal(path)
    path = tmp_path / "a.json"
    path.write_text('{"documents": 7}')
    assert "expected a collection with `documents`" in refusal(path, format="bioc-json")
    path.write_text('{"passages": [{"offset": 0, "text": "\\ud800"}]}')
    assert "lone surrogate" in refusal(path)
    path.write_text("[" * 100_000)
    assert "beyond all measure" in refusal(path, format="bioc-json")


@pytest.mark.parametrize("form", ["lines", "list", "wrapped"])
def test_json_of_several_documents_is_read_in_every_form(tmp_path, form):
    sources = [{"id": str(n), "passages": [passage()]} for n in range(3)]
    content = {
        "lines": "\n".join(map(json.dumps, sources)),
        "list": json.dumps([{"source": "x", "documents": sources}]),
        "wrapped": json.dumps({"PubTator3": sources}),
    }
    path = tmp_path / "a.json"
    path.write_text(content[form])
    assert find_format(path) == "bioc-json"
    assert [document.id for document in read_corpus(path)] == ["0", "1", "2"]


def test_what_xml_cannot_hold_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"document 'd' holds U\+0001"):
        write_corpus([Document("d", "a\x01")], tmp_path / "a.xml")
    assert not list(tmp_path.iterdir())
    with pytest.raises((CorpusError, StorageError), match=r"D800"):
        write_corpus([Document("d", "\ud800")], tmp_path / "a", format="bioc-json")
    with pytest.raises(ConfigError, match="holds no tags"):
        write_corpus([], tmp_path / "a.xml", scheme="IOB2")


CHARACTERS = st.one_of(
    st.sampled_from("ab <>&\"'\n\r\t]\u2028\u0085\ufeff語𠮷"),
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
)


@st.composite
def documents(draw):
    text = draw(st.text(CHARACTERS, max_size=12))
    places = st.integers(0, len(text))
    entities = [
        Entity(min(ends), max(ends), draw(st.sampled_from(["PER", "a & b", "組織"])))
        for ends in draw(st.lists(st.tuples(places, places), max_size=3))
        if ends[0] != ends[1]
    ]
    return Document(draw(st.sampled_from(["", "a:1", "<&>"])), text, tuple(entities))


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=50)
@given(corpus=st.lists(documents(), min_size=1, max_size=3))
def test_any_documents_come_back(kind, corpus):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        assert write_corpus(corpus, path, format=kind) == len(corpus)
        scan = FORMATS[kind].scan
        assert scan is not None
        assert [d for _, d in scan(str(path), ReadOptions())] == corpus
