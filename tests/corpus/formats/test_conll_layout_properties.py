"""One corpus in every layout and spelling reads as the same words and entities."""

from __future__ import annotations

import tempfile
from itertools import count, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import read_corpus, write_corpus
from tfner.schemes import SCHEMES, Span, encode_spans

WORDS = st.sampled_from(["Mira", "Sol", "#", "#1", "3", "-", "_", "O", "B-x", "東京"])
LABELS = st.sampled_from(["", "PER", "cell-line"])
LAST = (["Nobody", "saw", "Mira", "Sol"], [Span(2, 4, "PER")])
"""A sentence that holds what a spelling is known by."""


@st.composite
def sentences(draw):
    words = draw(st.lists(WORDS, min_size=1, max_size=6))
    cuts = sorted({0, len(words), *draw(st.sets(st.integers(0, len(words))))})
    spans, previous = [], ""
    for start, end in pairwise(cuts):
        label = draw(LABELS)
        if label and label != previous:  # neighbours of one label are one in IO
            spans.append(Span(start, end, label))
        previous = label
    return words, spans


CORPORA = st.lists(sentences(), min_size=1, max_size=4).map(lambda s: [*s, LAST])


def split(tag):
    prefix, _, label = tag.partition("-")
    return prefix, label


def joined_by(separator, scheme="IOB2", outside="O", suffix=False, lower=False):
    """A spelling with prefix or suffix."""

    def spell(tag):
        prefix, label = split(tag)
        if prefix == "O":
            return outside
        parts = [prefix.lower() if lower else prefix, label]
        return separator.join(reversed(parts) if suffix else parts)

    return scheme, spell


def exchanged(letters):
    """BIOES with other letters."""
    scheme, spell = joined_by("-", "BIOES")
    return scheme, lambda tag: spell(letters.get(tag[0], tag[0]) + tag[1:])


SPELLINGS = {
    "plain": joined_by("-"),
    "IOB1": joined_by("-", "IOB1"),
    "suffix": joined_by("-", suffix=True),
    "suffix_": joined_by("_", "BIOES", suffix=True),
    "underscore": joined_by("_", outside="-"),
    "colon": joined_by(":", outside="_"),
    "slash": joined_by("/", "BILOU"),
    "lower": joined_by("-", outside="o", lower=True),
    "zero": joined_by("-", outside="0"),
    "BMES": exchanged({"I": "M"}),
    "BMEWO": exchanged({"I": "M", "S": "W"}),
    "IO": ("IOB1", lambda tag: split(tag)[1] or "O"),
}


def plain(rows, number):
    return ["\t".join(row) for row in rows]


def spaced(rows, number):
    return [f"{word} NN - {tag}" for word, tag in rows]


def numbered(rows, number):
    return [f"{n}\t{word}\t{tag}" for n, (word, tag) in enumerate(rows, 1)]


def numbered_from_zero(rows, number):
    return [f"{n}\t{word}\tNN\t{tag}" for n, (word, tag) in enumerate(rows)]


def trailing(rows, number):
    ends = count(number)
    return ["\t".join(row) + "\t" * (next(ends) % 2) for row in rows]


def commented(rows, number):
    return [f"# id {number}\tdomain=en\tx", "## two more words", *plain(rows, number)]


def prefixed(rows, number):
    return [f"de:{word}\t{tag}" for word, tag in rows]


LAYOUTS = {
    "plain": (plain, {}),
    "spaced": (spaced, {}),
    "numbered": (numbered, {}),
    "numbered_from_zero": (numbered_from_zero, {}),
    "trailing": (trailing, {}),
    "commented": (commented, {}),
    "prefixed": (prefixed, {"language_prefix": True}),
}


def lines_of(corpus, spelling, layout):
    scheme, spell = SPELLINGS[spelling]
    for number, (words, spans) in enumerate(corpus):
        tags = map(spell, encode_spans(spans, len(words), SCHEMES[scheme]))
        yield from [*layout(list(zip(words, tags, strict=True)), number), ""]


def found(documents):
    """Words, and spans of words, of each document."""
    result = []
    for document in documents:
        starts = {word.start: n for n, word in enumerate(document.words)}
        ends = {word.end: n for n, word in enumerate(document.words)}
        spans = [
            Span(starts[e.start], ends[e.end] + 1, e.label) for e in document.entities
        ]
        result.append(([document.surface(word) for word in document.words], spans))
    return result


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(deadline=None, max_examples=15)
@given(CORPORA, st.sampled_from(list(LAYOUTS)), st.sampled_from(["\n", "\r\n", "\r"]))
def test_every_layout_and_spelling_reads_alike(spelling, corpus, name, end):
    layout, options = LAYOUTS[name]
    content = "".join(f"{line}{end}" for line in lines_of(corpus, spelling, layout))
    with tempfile.TemporaryDirectory() as folder:
        path, again = Path(folder) / "corpus", Path(folder) / "again.conll"
        path.write_bytes(content.encode())
        documents = list(read_corpus(path, **options))
        assert found(documents) == corpus
        write_corpus(documents, again)
        assert again.read_bytes().decode() == content.replace(end, "\n")
        write_corpus(documents, again, scheme="BILOU")
        assert found(read_corpus(again, **options)) == corpus


@settings(deadline=None, max_examples=15)
@given(CORPORA)
def test_a_header_changes_nothing(corpus):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus"
        content = "\n".join(["Token\tTag", *lines_of(corpus, "plain", plain)])
        path.write_text(content + "\n", encoding="utf-8")
        assert found(read_corpus(path)) == corpus
