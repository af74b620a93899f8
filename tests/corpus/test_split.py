"""Parts of a corpus: seeded, of the right size, and without common sentences."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.corpus import hold_out, split_documents
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError


def corpus(size, **metadata):
    return [Document(str(i), f"text {i}", metadata=metadata) for i in range(size)]


def test_parts_have_the_sizes_asked_for_and_keep_the_order():
    parts = split_documents(corpus(100), (0.8, 0.1, 0.1), seed=1)
    assert [len(part) for part in parts] == [80, 10, 10]
    for part in parts:
        assert part == sorted(part, key=lambda document: int(document.id))


def test_the_seed_alone_decides():
    first, again, other = (
        split_documents(corpus(50), (0.5, 0.5), seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other
    # A golden value: a split must not change with the version of Python or tfner.
    assert [d.id for d in hold_out(corpus(20), 0.2, seed=7)[1]] == [
        "2",
        "8",
        "10",
        "12",
    ]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 12)), min_size=2, max_size=60
    ),
    st.floats(0.05, 0.95),
    st.integers(0, 5),
)
def test_no_document_and_no_sentence_is_in_two_parts(pairs, fraction, seed):
    documents = [
        Document(str(i), f"text {text}", metadata={"document": group} if group else {})
        for i, (text, group) in enumerate(pairs)
    ]
    try:
        train, held = hold_out(documents, fraction, seed=seed)
    except CorpusError:
        return
    assert train
    assert held
    assert sorted([*train, *held], key=lambda d: int(d.id)) == documents
    assert not {d.text for d in train} & {d.text for d in held}
    groups = [{d.metadata.get("document") for d in part} for part in (train, held)]
    assert groups[0] & groups[1] <= {None}


def test_no_part_is_empty_however_small_its_share():
    assert [len(part) for part in hold_out(corpus(3), 0.01)] == [2, 1]


def test_a_share_of_zero_is_empty():
    train, held = hold_out(corpus(3), 0)
    assert (len(train), held) == (3, [])


def test_one_document_cannot_be_split():
    with pytest.raises(CorpusError, match="form 1 groups"):
        hold_out(corpus(5, document="a"), 0.2)
    with pytest.raises(CorpusError, match="form 0 groups"):
        hold_out([], 0.2)


@pytest.mark.parametrize("fractions", [(0.5, 0.6), (1.5, -0.5), (0.5,)])
def test_fractions_must_sum_to_one(fractions):
    with pytest.raises(ConfigError, match="sum to 1"):
        split_documents(corpus(5), fractions)
