"""Round trips of column files over random words, tags and schemes."""

from __future__ import annotations

import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import join_words, read_corpus, write_corpus
from tfner.corpus.tags.schemes import TagCensus
from tfner.corpus.tidying import tidy
from tfner.document import Document, Entity
from tfner.schemes import SCHEMES, Span, encode_spans

WORDS = st.text(
    st.characters(exclude_characters="\t\n\r ", exclude_categories=["Cs"]),
    min_size=1,
    max_size=4,
).filter(lambda word: not word.startswith(("-DOCSTART-", "\ufeff")))


@st.composite
def documents(draw):
    words = draw(st.lists(WORDS, min_size=1, max_size=8))
    text, ranges = join_words(words, draw(st.sampled_from(["auto", "space", "none"])))
    cuts = sorted(draw(st.sets(st.integers(0, len(words)), max_size=6)))
    entities = [
        Entity(ranges[a].start, ranges[b - 1].end, label)
        for a, b in pairwise(cuts)
        if (label := draw(st.sampled_from(["", "PER", "cell-line"])))
    ]
    return Document("d", text, tuple(entities), tuple(ranges))


def spans(document):
    """Word ranges of the entities: what every scheme must carry through."""
    starts = {word.start: i for i, word in enumerate(document.words)}
    ends = {word.end: i for i, word in enumerate(document.words)}
    return [(starts[e.start], ends[e.end], e.label) for e in document.entities]


@settings(deadline=None)
@given(
    st.lists(documents(), min_size=1, max_size=4),
    st.lists(st.sampled_from(list(SCHEMES)), min_size=1, max_size=3),
)
def test_words_and_entities_survive_any_chain_of_schemes(corpus, schemes):
    with tempfile.TemporaryDirectory() as folder:
        path, current = Path(folder) / "a.bio", iter(corpus)
        for scheme in schemes:
            write_corpus(current, path, scheme=scheme)
            current = iter(list(read_corpus(path)))
        result = list(current)
    corpus = [tidy(document, Counter()) for document in corpus]
    assert [spans(d) for d in result] == [spans(d) for d in corpus]
    assert [[d.surface(w) for w in d.words] for d in result] == [
        [d.surface(w) for w in d.words] for d in corpus
    ]


@settings(deadline=None)
@given(st.lists(documents(), min_size=1, max_size=4), st.sampled_from(list(SCHEMES)))
def test_writing_what_was_read_gives_the_same_bytes(corpus, scheme):
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a.bio", Path(folder) / "b.bio"
        write_corpus(corpus, first, scheme=scheme)
        write_corpus(read_corpus(first), second)
        assert first.read_bytes() == second.read_bytes()


@settings(deadline=None)
@given(st.lists(documents(), max_size=4))
def test_jsonl_gives_back_equal_documents(corpus):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl.gz"
        write_corpus(corpus, path)
        if corpus:
            tidied = [tidy(document, Counter()) for document in corpus]
            assert list(read_corpus(path)) == tidied


@settings(deadline=None)
@given(st.sampled_from(list(SCHEMES)))
def test_a_file_that_uses_a_scheme_to_the_full_is_found_to_be_in_it(name):
    spans = [Span(0, 1, "A"), Span(1, 3, "A"), Span(3, 6, "A"), Span(7, 8, "B")]
    census = TagCensus()
    census.add(encode_spans(spans, 9, SCHEMES[name]), list(range(1, 10)))
    assert census.best().name == name
    assert census.invalid(census.best()) == 0
