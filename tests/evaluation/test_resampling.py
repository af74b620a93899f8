"""Intervals of an F1 and of a difference, and how far chance explains it."""

from __future__ import annotations

import random
import statistics
import time
from itertools import product

import pytest

from tfner.evaluation.resampling import (
    UNITS,
    bootstrap_interval,
    paired_bootstrap,
    randomization_test,
)
from tfner.evaluation.tally import DocumentCounts


def documents(number: int, *, rate: float = 0.8) -> list[DocumentCounts]:
    """Two entities a document, each found with the given probability."""
    generator = random.Random(7)
    hits = [sum(generator.random() < rate for _ in range(2)) for _ in range(number)]
    return [DocumentCounts(hit, 2, 2) for hit in hits]


def test_equal_seeds_give_equal_intervals_and_say_how() -> None:
    first = bootstrap_interval(documents(100), resamples=200, seed=3)
    assert first is not None
    assert first == bootstrap_interval(documents(100), resamples=200, seed=3)
    other = bootstrap_interval(documents(100), resamples=200, seed=4)
    assert other is not None
    assert first["low"] != other["low"]
    assert first["seed"] == 3
    assert first["resamples"] == 200
    assert first["documents"] == 100
    assert first["level"] == 0.95


@pytest.mark.parametrize("number", [500, 2 * UNITS + 1])
def test_the_width_is_that_of_the_normal_approximation(number: int) -> None:
    """Also where documents are drawn in blocks."""
    counts = documents(number)
    rate = sum(count.credit for count in counts) / (2 * number)
    error = 1.96 * (rate * (1 - rate) / (2 * number)) ** 0.5
    found = bootstrap_interval(counts, resamples=600)
    assert found is not None
    assert found["low"] == pytest.approx(rate - error, abs=error / 4)
    assert found["high"] == pytest.approx(rate + error, abs=error / 4)


def test_half_points_are_counted() -> None:
    found = bootstrap_interval([DocumentCounts(0.5, 1, 1)] * 10, resamples=20)
    assert found is not None
    assert (found["low"], found["high"]) == (0.5, 0.5)


def test_one_document_has_an_interval_of_no_width() -> None:
    found = bootstrap_interval([DocumentCounts(1, 2, 3)], resamples=20)
    assert found is not None
    assert found["low"] == found["high"] == pytest.approx(0.4)


def test_without_entities_the_interval_is_zero() -> None:
    found = bootstrap_interval([DocumentCounts(0, 0, 0)] * 5, resamples=20)
    assert found is not None
    assert (found["low"], found["high"]) == (0.0, 0.0)


def test_without_documents_or_resamples_there_is_none() -> None:
    assert bootstrap_interval([]) is None
    assert bootstrap_interval(documents(5), resamples=0) is None


def test_a_thousand_resamples_of_a_large_test_part_take_about_a_second() -> None:
    counts = documents(UNITS)
    began = time.process_time()
    bootstrap_interval(counts, resamples=1000)
    assert time.process_time() - began < 3  # measured: 0.1 s


SMALL = [DocumentCounts(*row) for row in ((2, 3, 2), (0, 1, 2), (1, 1, 1), (0.5, 2, 3))]
OTHER = [DocumentCounts(*row) for row in ((1, 2, 2), (1, 1, 2), (1, 2, 1), (2, 3, 3))]
DRAWS = 20_000


def f1(counts: list[DocumentCounts]) -> float:
    credit, predicted, gold = (sum(column) for column in zip(*counts, strict=True))
    return 2 * credit / (predicted + gold)


def middle(values: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(values, n=40, method="inclusive")
    return cuts[0], cuts[-1]


def test_the_interval_is_that_of_every_possible_draw() -> None:
    every = [f1(list(drawn)) for drawn in product(SMALL, repeat=len(SMALL))]
    found = bootstrap_interval(SMALL, resamples=DRAWS)
    assert found is not None
    assert (found["low"], found["high"]) == pytest.approx(middle(every), abs=0.02)


def test_the_paired_interval_is_that_of_every_possible_draw() -> None:
    numbers = range(len(SMALL))
    every = [
        f1([OTHER[n] for n in drawn]) - f1([SMALL[n] for n in drawn])
        for drawn in product(numbers, repeat=len(SMALL))
    ]
    found = paired_bootstrap(SMALL, OTHER, resamples=DRAWS, seed=1)
    assert found == pytest.approx(middle(every), abs=0.02)


def test_p_is_the_share_of_all_exchanges_with_as_large_a_difference() -> None:
    same = [DocumentCounts(3, 4, 4)]
    first, second = same + SMALL, same + OTHER

    def distance(exchanged: tuple[bool, ...]) -> float:
        sides = [
            (b, a) if swap else (a, b)
            for a, b, swap in zip(SMALL, OTHER, exchanged, strict=True)
        ]
        return abs(f1(same + [b for _, b in sides]) - f1(same + [a for a, _ in sides]))

    every = [distance(flips) for flips in product((False, True), repeat=len(SMALL))]
    exact = sum(value >= every[0] - 1e-12 for value in every) / len(every)
    assert 0 < exact < 1
    found = randomization_test(first, second, resamples=DRAWS, seed=2)
    assert found == pytest.approx(exact, abs=0.02)


def test_paired_tests_of_a_large_corpus_take_seconds() -> None:
    sides = documents(UNITS), documents(UNITS, rate=0.7)
    began = time.process_time()
    low, high = paired_bootstrap(*sides, resamples=10_000, seed=0)
    assert low < high < 0
    assert randomization_test(*sides, resamples=10_000, seed=0) < 0.001
    assert time.process_time() - began < 8  # measured: 1 s
