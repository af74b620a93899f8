"""CoNLL-U: what is read, what is refused, and what is written back."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import join_words, read_corpus, write_corpus
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.tidying import tidy
from tfner.document import Document, Entity, Word
from tfner.errors import CorpusError
from tfner.schemes import SCHEMES

UD = """\
# newdoc id = blog-1
# sent_id = s1
# text = Er war im Schwarzwald, sagt Ana.
# translit = _
1	Er	er	PRON	PPER	Case=Nom	2	nsubj	2:nsubj	_
2	war	sein	VERB	VVFIN	_	0	root	0:root	_
3-4	im	_	_	_	_	_	_	_	_
3	in	in	ADP	APPR	_	5	case	5:case	_
4	dem	der	DET	ART	_	5	det	5:det	NE=O
5	Schwarzwald	Schwarzwald	PROPN	NE	_	2	obl	2:obl	NE=B-LOC|SpaceAfter=No
6	,	,	PUNCT	$,	_	2	punct	2:punct	_
7	sagt	sagen	VERB	VVFIN	_	2	parataxis	2:parataxis	_
7.1	hat	haben	AUX	_	_	_	_	2:aux	CopyOf=2
8	Ana	Ana	PROPN	NE	_	7	nsubj	7:nsubj	Gloss=Ana|NE=B-PER|SpaceAfter=No
9	.	.	PUNCT	$.	_	2	punct	2:punct	NE=O

# sent_id = s2
1	Ja	ja	INTJ	ITJ	_	0	root	_	SpaceAfter=No
2	!	!	PUNCT	$.	_	1	punct	_	_

"""


@pytest.fixture
def write(tmp_path):
    def write_file(content):
        path = tmp_path / "a.conllu"
        path.write_bytes(content.encode())
        return path

    return write_file


def rows(*forms_and_misc, ids=None):
    """Rows of ten columns from forms and MISC columns."""
    pairs = [form.split("/") for form in forms_and_misc]
    numbers = ids or range(1, len(pairs) + 1)
    return "".join(
        f"{n}\t{form}\t_\t_\t_\t_\t_\t_\t_\t{misc}\n"
        for n, (form, misc) in zip(numbers, pairs, strict=True)
    )


def read(path, **options):
    return list(read_corpus(path, **options))


def refusal(path):
    with pytest.raises(CorpusError) as caught:
        read(path)
    return str(caught.value).replace(str(path.parent) + "/", "")


def surfaces(document):
    return [document.surface(word) for word in document.words]


def test_a_sentence_becomes_a_document_with_its_exact_text(write):
    first, second = read(write(UD))
    assert (first.id, second.id) == ("s1", "s2")
    assert first.text == "Er war im Schwarzwald, sagt Ana."
    assert surfaces(first) == [
        "Er",
        "war",
        "im",
        "Schwarzwald",
        ",",
        "sagt",
        "Ana",
        ".",
    ]
    assert first.entities == (Entity(10, 21, "LOC"), Entity(28, 31, "PER"))
    assert first.tags == ("O", "O", "O", "B-LOC", "O", "O", "B-PER", "O")
    assert first.metadata["document"] == second.metadata["document"] == "blog-1"
    assert (second.text, second.tags) == ("Ja!", ("O", "O"))


def test_reading_and_writing_gives_the_same_bytes(write, tmp_path):
    path = write(UD)
    write_corpus(read_corpus(path), tmp_path / "b.jsonl")
    for source in (path, tmp_path / "b.jsonl"):
        assert write_corpus(read_corpus(source), tmp_path / "c.conllu") == 2
        assert (tmp_path / "c.conllu").read_text() == UD


def test_other_entities_change_the_tags_and_nothing_else(write, tmp_path):
    first, second = read(write(UD))
    entities = (Entity(7, 21, "LOC"), Entity(31, 32, "X"))
    changed = replace(first, entities=entities, tags=None)
    write_corpus([changed, second], tmp_path / "b.conllu", scheme="BIOES")
    expected = (
        UD.replace("det	5:det	NE=O", "det	5:det	NE=I-LOC")
        .replace("case	5:case	_", "case	5:case	NE=B-LOC")
        .replace("NE=B-LOC|Sp", "NE=E-LOC|Sp")
        .replace("NE=B-PER", "NE=O")
        .replace("2:punct	NE=O", "2:punct	NE=S-X")
    )
    # The range has no tag of its own and one of its words had: they carry it.
    assert (tmp_path / "b.conllu").read_text() == expected
    assert read(tmp_path / "b.conllu")[0].entities == entities


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("NE", "B-DATE", "DATE"),
        ("NER", "B-DATE", "DATE"),
        ("ner", "S-DATE", "DATE"),
        ("name", "B-DATE", "DATE"),
        ("Entity", "B-DATE", "DATE"),
        ("name", "Ana", None),
        ("ENE", "B-Date", None),
    ],
)
def test_the_keys_in_use_are_known_and_kept(write, tmp_path, key, value, found):
    path = write(rows(f"a/Gloss=x|{key}={value}", "b/_"))
    (document,) = read(path)
    assert [entity.label for entity in document.entities] == [found] * bool(found)
    write_corpus([replace(document, entities=(), tags=None)], tmp_path / "b.conllu")
    misc = f"Gloss=x|{key}=O" if found else f"Gloss=x|{key}={value}"
    assert (tmp_path / "b.conllu").read_text() == rows(f"a/{misc}", "b/_") + "\n"


def test_the_range_may_hold_the_tag(write, tmp_path):
    content = rows("du/NE=B-X", "de/_", "le/_", "c/NE=I-X", ids=["1-2", 1, 2, 3]) + "\n"
    (document,) = read(write(content))
    assert document.text == "du c"
    assert (document.tags, document.entities) == (
        ("B-X", "I-X"),
        (Entity(0, 4, "X"),),
    )
    write_corpus([document], tmp_path / "b.conllu", scheme="BIOES")
    assert (tmp_path / "b.conllu").read_text() == content.replace("I-X", "E-X")


def test_tags_of_the_words_of_a_range_are_merged_and_widening_is_counted(
    write, tmp_path, caplog
):
    content = (
        rows("im/_", "in/_", "dem/NE=B-X", "c/NE=E-X", ids=["1-2", 1, 2, 3])
        + "\n"
        + rows("im/_", "in/NE=B-X", "dem/NE=E-X", ids=["1-2", 1, 2])
        + "\n"
    )
    first, second = read(write(content))
    assert (first.text, first.tags) == ("im c", ("B-X", "E-X"))
    assert first.entities == (Entity(0, 4, "X"),)
    assert second.tags == ("S-X",)
    assert (
        "entities that begin or end inside a range, read as the whole of it: 1"
        in caplog.text
    )
    write_corpus([first, second], tmp_path / "b.conllu")
    assert (tmp_path / "b.conllu").read_text() == content


def test_what_is_left_out_is_counted(write, caplog):
    content = rows("a/Entity=(p-1)", "b/NE=B-X", ids=[1, "1.1"]) + "\n# the end\n"
    (document,) = read(write(content))
    assert (document.text, document.entities) == ("a", ())
    assert "values of Entity left out for they are brackets (CorefUD): 1" in caplog.text
    assert "tags of empty nodes, left out for they have no text: 1" in caplog.text
    assert "left out after the last sentence: 1 comment" in caplog.text


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("1\ta\t_\n", ["1: expected 10 columns, none empty, received 3 with 0"]),
        (rows("/_"), ["1: expected 10 columns, none empty, received 10 with 1"]),
        (rows("a/"), ["1: expected 10 columns, none empty, received 10 with 1"]),
        ("a b c\n", ["1: expected 10 columns"]),
        ("1\ta\n" + rows("b/_", ids=[2]), ["1: expected 10 columns"]),
        (rows("a/_") + "# x\n", ["2: expected 10 columns"]),
        (rows("a/_", "b/_", ids=[1, 3]), ["2: ID must be 2, 2-N or 1.N, received '3'"]),
        (rows("a/_", ids=["x"]), ["1: ID must be 1, 1-N or 0.N, received 'x'"]),
        (rows("a/_", ids=["9" * 5000]), ["1: ID must be 1, 1-N or 0.N, received"]),
        (rows("ab/_", "a/_", ids=["1-2", 1]), ["2: the sentence ends before word 2"]),
        (rows("a/_", "b/_", ids=["2-3", 1]), ["1: ID must be 1, 1-N or 0.N"]),
        (rows("a/_", "b/_", ids=["2-1", 1]), ["1: ID must be 1, 1-N"]),
        (
            rows("a/_", "b/_", "c/_", "d/_", "e/_", ids=["1-3", 1, "2-3", 2, 3]),
            ["3: ID must be 2, 2-N or 1.N, received '2-3'"],
        ),
        (rows("a/_", "b/_", ids=[1, "3.1"]), ["2: ID must be 2, 2-N or 1.N"]),
        (rows("a/_", ids=["0.1"]), ["1: a sentence needs a word"]),
        (rows("a/NE=PER"), ["1: 'NE=PER' in MISC is not a tag"]),
        (rows("a/ner=B-"), ["1: 'ner=B-' in MISC is not a tag"]),
        (
            rows("ab/NE=B-X", "a/NE=B-X", "b/_", ids=["1-2", 1, 2]),
            ["2: a range and its words both have tags"],
        ),
        (
            rows("ab/_", "a/NE=B-X", "b/NE=B-Y", ids=["1-2", 1, 2]),
            ["1: two entities meet inside the range 'ab'"],
        ),
        (
            "# text = a c\n" + rows("a/_", "b/_"),
            ["2: # text does not match the forms: token 1 'b' does not follow"],
        ),
        (
            "# text = ab\n" + rows("a/_", "b/_"),
            ["2: # text has no space after token 0"],
        ),
        (
            "# text = a b\n" + rows("a/SpaceAfter=No", "b/_"),
            ["2: # text has a space after token 0 'a', whose MISC has SpaceAfter=No"],
        ),
        ("# text = a b c\n" + rows("a/_", "b/_"), ["2: # text goes on after the last"]),
        (
            "1\ta\n\n" + rows("b/_") + "\n" + rows("a/NE=x", "b/NE=y"),
            ["2 problems:", "1: expected", "5: 'NE=x'", "6: 'NE=y'"],
        ),
    ],
)
def test_what_breaks_the_format_is_named_with_its_line(write, content, problems):
    message = refusal(write(content)).splitlines()
    if len(problems) == 1:
        assert message[0].startswith(f"a.conllu:{problems[0]}")
    else:
        assert message[0] == "3 problems:"
        for line, problem in zip(message[1:], problems[1:], strict=True):
            assert line.startswith(f"  a.conllu:{problem}")


def test_a_given_scheme_that_contradicts_the_tags_is_refused(write):
    path = write(rows("a/NE=S-X"))
    with pytest.raises(CorpusError, match="S-X contradicts the scheme IOB2"):
        read(path, scheme="IOB2")
    assert read(path, scheme="BIOES")[0].metadata["scheme"] == "BIOES"


def test_documents_without_an_id_are_numbered(write):
    content = "".join(
        f"# {comment}\n{rows('a/_')}\n" for comment in ("text", "newdoc", "x", "newdoc")
    )
    found = [d.metadata.get("document") for d in read(write(content))]
    assert found == [None, "a#1", "a#1", "a#2"]


def test_an_empty_file_is_an_error(write):
    with pytest.raises(CorpusError, match="the file is empty"):
        read(write("\n\n"))


def test_check_reports_lines_and_transitions(write):
    content = rows("a/NE=B-X") + "\n" + rows("b/NE=I-X") + "\n" + rows("c/NE=x")
    (report,) = check_corpora([str(write(content))], options=ReadOptions())
    assert [(f.kind, f.line) for f in report.findings] == [
        ("invalid-transition", 3),
        ("bad-record", 5),
    ]
    assert report.scheme == "IOB2"


def test_other_documents_get_form_and_misc(tmp_path):
    corpus = [
        Document(
            "d/1", "東京 Tokyo。", (Entity(0, 8, "GPE"),), [(0, 2), (3, 8), (8, 9)]
        ),
        Document("d2", "no words given"),
        Document("d3", "", words=()),
    ]
    assert write_corpus(corpus, tmp_path / "a.conllu") == 2
    assert (tmp_path / "a.conllu").read_text() == (
        "# sent_id = d/1\n# text = 東京 Tokyo。\n"
        + rows("東京/NE=B-GPE", "Tokyo/NE=I-GPE|SpaceAfter=No", "。/_")
        + "\n# sent_id = d2\n# text = no words given\n"
        + rows("no/_", "words/_", "given/_")
        + "\n"
    )


@pytest.mark.parametrize(
    ("text", "words", "label"),
    [
        ("a\nb", [(0, 1), (2, 3)], "X"),
        ("a\tb", [(0, 3)], "X"),
        ("ab", [(0, 1), (1, 1), (1, 2)], "X"),
        ("a b c", [(0, 1), (4, 5)], "X"),
        ("a b", [(0, 1)], "X"),
        ("a   b", [(0, 1), (2, 3), (4, 5)], "X"),
        ("a b", [(0, 1), (2, 3)], "X|Y"),
        ("a b", [(0, 1), (2, 3)], "X\nY"),
    ],
)
def test_what_conllu_cannot_hold_is_refused(tmp_path, text, words, label):
    document = Document("d", text, (Entity(0, words[0][1], label),), words)
    with pytest.raises(CorpusError, match="document 'd': an empty word or one of"):
        write_corpus([document], tmp_path / "a.conllu")
    assert list(tmp_path.iterdir()) == []


def test_an_id_cannot_smuggle_in_lines(tmp_path):
    with pytest.raises(CorpusError, match="CoNLL-U cannot hold it"):
        write_corpus([Document("d\n# text = a", "a")], tmp_path / "a.conllu")


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {"comments": [], "rows": []},
        {"comments": [], "rows": [["1", "a"]]},
        {"comments": [1], "rows": [["1", "a", *"_______", "_"]]},
        {"comments": [], "rows": [["1", "other", *"_______", "_"]]},
        {"comments": [], "rows": [["1", "a", *"______", "\n", "_"]]},
        {"comments": ["x"], "rows": [["1", "a", *"_______", "_"]]},
        {"comments": [], "rows": [[1, "a", *"_______", "_"]]},
        {"comments": [], "rows": [["0.1", "a", *"_______", "_"]]},
    ],
)
def test_columns_that_are_not_the_documents_own_are_not_written(tmp_path, record):
    document = Document("d", "a", metadata={"conllu": record})
    write_corpus([document], tmp_path / "a.conllu")
    expected = "# sent_id = d\n# text = a\n" + rows("a/_") + "\n"
    assert (tmp_path / "a.conllu").read_text() == expected


def test_metadata_of_conllu_is_plain_json(write):
    metadata = read(write(UD))[0].metadata
    assert json.loads(json.dumps(metadata)) == metadata


SPACE_FREE = st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"])
FORMS = st.text(SPACE_FREE, min_size=1, max_size=4)
LABELS = ["", "PER", "cell-line", "組 織"]


@st.composite
def documents(draw):
    forms = draw(st.lists(FORMS, min_size=1, max_size=8))
    text, ranges = join_words(forms, draw(st.sampled_from(["auto", "space", "none"])))
    cuts = sorted(draw(st.sets(st.integers(0, len(forms)), max_size=6)))
    entities = [
        Entity(ranges[a].start, ranges[b - 1].end, label)
        for a, b in pairwise(cuts)
        if (label := draw(st.sampled_from(LABELS)))
    ]
    before, after = draw(st.tuples(*[st.sampled_from(["", " ", "\u3000", "\t"])] * 2))
    shift = len(before)
    return Document(
        draw(FORMS),
        before + text + after,
        tuple(Entity(e.start + shift, e.end + shift, e.label) for e in entities),
        tuple(Word(start + shift, end + shift) for start, end in ranges),
    )


@settings(deadline=None)
@given(st.lists(documents(), min_size=1, max_size=4), st.sampled_from(list(SCHEMES)))
def test_any_tokens_come_back_and_are_written_with_the_same_bytes(corpus, scheme):
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a.conllu", Path(folder) / "b.conllu"
        write_corpus(corpus, first, scheme=scheme)
        write_corpus(found := list(read_corpus(first)), second)
        assert first.read_bytes() == second.read_bytes()
    for old, new in zip(corpus, found, strict=True):
        assert replace(new, tags=None, metadata={}) == tidy(old, Counter())


@settings(deadline=None)
@given(st.lists(st.text("12-.a_\t\n#|=NEBIO ", max_size=30), max_size=6))
def test_no_file_gives_anything_but_documents_or_a_corpus_error(lines):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.conllu"
        filler = "_\t" * 8
        path.write_text("".join(f"1\t{filler}{line}\n{line}\n" for line in lines))
        try:
            found = list(read_corpus(path))
        except CorpusError:
            return
        write_corpus(found, path)
        assert [d.text for d in read_corpus(path)] == [d.text for d in found]
