"""Sentences are packed as google-research/electra packs them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.pretraining.records import naive_segments
from tfner.pretraining.dataset.segments import article_random, pack_sentences

SENTENCES = st.lists(st.lists(st.integers(5, 9), max_size=40), min_size=0, max_size=60)
LENGTHS = st.sampled_from([8, 16, 64, 128])


def numbered(sentences: list[list[int]]) -> list[list[int]]:
    """The same lengths with pieces that all differ, so that order shows."""
    pieces = iter(range(10**6))
    return [[next(pieces) for _ in sentence] for sentence in sentences]


@given(sentences=SENTENCES, max_length=LENGTHS, seed=st.integers(0, 99))
@settings(deadline=None)
def test_examples_equal_those_of_the_published_rules(
    sentences: list[list[int]], max_length: int, seed: int
) -> None:
    sentences = numbered(sentences)
    expected = naive_segments(sentences, max_length, random.Random(seed))
    found = pack_sentences(sentences, max_length=max_length, rng=random.Random(seed))
    assert [(first, second) for first, second, _ in found] == list(expected)


@given(
    sentences=SENTENCES,
    max_length=LENGTHS,
    seed=st.integers(0, 99),
    carry=st.booleans(),
)
@settings(deadline=None)
def test_every_piece_is_in_one_example_or_counted(
    sentences: list[list[int]], max_length: int, seed: int, carry: bool
) -> None:
    sentences = numbered(sentences)
    found = list(
        pack_sentences(
            sentences, max_length=max_length, rng=random.Random(seed), carry=carry
        )
    )
    kept = [piece for first, second, _ in found for piece in first + second]
    assert len(kept) == len(set(kept))
    lost = sum(cut for _, _, cut in found)
    assert len(kept) + lost == sum(map(len, sentences))
    for first, second, cut in found:
        assert first
        assert len(first) + len(second) + (3 if second else 2) <= max_length
        assert cut >= 0
    if carry:
        assert not any(cut for *_, cut in found[:-1])
        assert lost <= 2


def test_the_shares_are_the_published_ones() -> None:
    sentences = numbered([[0] * 5] * 200_000)
    examples = list(pack_sentences(sentences, max_length=128, rng=random.Random(1)))
    single = sum(not second for _, second, _ in examples) / len(examples)
    short = sum(len(a) + len(b) < 120 for a, b, _ in examples) / len(examples)
    assert single == pytest.approx(0.10, abs=0.015)
    assert short == pytest.approx(0.05 * 115 / 124, abs=0.01)
    halves = [len(a) for a, b, _ in examples if b and len(a) + len(b) >= 120]
    assert halves.count(65) / len(halves) == pytest.approx(0.5, abs=0.02)
    assert halves.count(60) / len(halves) == pytest.approx(0.5, abs=0.02)


def test_an_article_draws_numbers_of_its_own() -> None:
    lines = ["一。", "二。"]
    draws = [
        article_random(*arguments).random()
        for arguments in ((lines, 1), (lines, 1), (lines, 2), (lines[:1], 1))
    ]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3
