"""The bootstrap interval of the F1."""

from __future__ import annotations

import random
import time

import pytest

from tfner.evaluation.intervals import UNITS, bootstrap
from tfner.evaluation.tally import DocumentCounts


def documents(number: int, *, rate: float = 0.8) -> list[DocumentCounts]:
    """Two entities a document, each found with the given probability."""
    generator = random.Random(7)
    hits = [sum(generator.random() < rate for _ in range(2)) for _ in range(number)]
    return [DocumentCounts(hit, 2, 2) for hit in hits]


def test_equal_seeds_give_equal_intervals_and_say_how() -> None:
    first = bootstrap(documents(100), resamples=200, seed=3)
    assert first is not None
    assert first == bootstrap(documents(100), resamples=200, seed=3)
    other = bootstrap(documents(100), resamples=200, seed=4)
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
    found = bootstrap(counts, resamples=600)
    assert found is not None
    assert found["low"] == pytest.approx(rate - error, abs=error / 4)
    assert found["high"] == pytest.approx(rate + error, abs=error / 4)


def test_half_points_are_counted() -> None:
    found = bootstrap([DocumentCounts(0.5, 1, 1)] * 10, resamples=20)
    assert found is not None
    assert (found["low"], found["high"]) == (0.5, 0.5)


def test_one_document_has_an_interval_of_no_width() -> None:
    found = bootstrap([DocumentCounts(1, 2, 3)], resamples=20)
    assert found is not None
    assert found["low"] == found["high"] == pytest.approx(0.4)


def test_without_entities_the_interval_is_zero() -> None:
    found = bootstrap([DocumentCounts(0, 0, 0)] * 5, resamples=20)
    assert found is not None
    assert (found["low"], found["high"]) == (0.0, 0.0)


def test_without_documents_or_resamples_there_is_none() -> None:
    assert bootstrap([]) is None
    assert bootstrap(documents(5), resamples=0) is None


def test_a_thousand_resamples_of_a_large_test_part_take_about_a_second() -> None:
    counts = documents(UNITS)
    began = time.process_time()
    bootstrap(counts, resamples=1000)
    assert time.process_time() - began < 3  # measured: 0.4 s
