"""CoNLL-2012: brackets are entities, also within others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfner.corpus import find_format, read_corpus
from tfner.corpus.formats.conll2012 import read_brackets
from tfner.errors import CorpusError
from tfner.schemes import Span

SPECIMEN = Path(__file__).parents[1] / "specimens" / "conll2012.v4_gold_conll"


def test_brackets_are_entities_that_may_nest():
    first, second = read_corpus(SPECIMEN)
    assert first.text == "Mira Sol flew to Oslo Airport ."
    assert [(first.surface(e), e.label) for e in first.entities] == [
        ("Mira Sol", "PERSON"),
        ("Oslo Airport", "FAC"),
        ("Oslo", "GPE"),
    ]
    assert (second.text, second.entities) == ("She slept", ())
    assert [d.metadata["document"] for d in (first, second)] == [
        "bn/voa/00/voa_0001#0",
        "bn/voa/00/voa_0001#1",
    ]


def test_it_is_recognised_by_its_content(tmp_path):
    for name in ("dev", "a.conll", "a.txt"):
        (tmp_path / name).write_text(SPECIMEN.read_text())
        assert find_format(tmp_path / name) == "conll2012"


@pytest.mark.parametrize(
    ("cells", "spans"),
    [
        (["*", "-"], []),
        (["(A)", "(A*", "*", "*)"], [Span(0, 1, "A"), Span(1, 4, "A")]),
        (["(A(B*", "*))"], [Span(0, 2, "B"), Span(0, 2, "A")]),
        (["(A(B)*", "*)"], [Span(0, 1, "B"), Span(0, 2, "A")]),
    ],
)
def test_brackets_are_paired(cells, spans):
    assert read_brackets(cells) == spans


def test_all_problems_are_named_with_their_lines(tmp_path):
    content = SPECIMEN.read_text().replace("(PERSON*", "PERSON*").replace("(GPE)", "(")
    content = content.replace("slept  VBD", "slept")
    (tmp_path / "a.v4_gold_conll").write_text(content)
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(tmp_path / "a.v4_gold_conll"))
    message = str(caught.value)
    assert "conll:2: 'PERSON*' in column 10 is no bracket" in message
    assert "conll:6: '(FAC('" in message
    assert "conll:13: expected 12 columns, received 11" in message


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("(PERSON*", "*", "word 1: a bracket ends that none has begun"),
        ("(FAC(GPE) ", "(FAC(GPE* ", r"word 4: the bracket \(FAC does not end"),
    ],
)
def test_a_bracket_without_a_partner_is_named(tmp_path, old, new, problem):
    (tmp_path / "a").write_text(SPECIMEN.read_text().replace(old, new))
    with pytest.raises(CorpusError, match=problem):
        list(read_corpus(tmp_path / "a"))


def test_a_line_of_endless_blanks_takes_no_endless_time(tmp_path):
    path = tmp_path / "a.v4_gold_conll"
    path.write_text("#begin document (a" + " " * (1 << 20) + "x\n")
    with pytest.raises(CorpusError):
        list(read_corpus(path))
