"""Every epoch is a permutation, computed for any place at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.pretraining.dataset.order import record_at


def order(start: int, end: int, *, count: int, seed: int) -> list[int]:
    places = np.arange(start, end, dtype=np.int64)
    found: list[int] = record_at(places, count=count, seed=seed).tolist()
    return found


@given(count=st.integers(1, 400), epoch=st.integers(0, 10**6), seed=st.integers(0))
@settings(deadline=None)
def test_every_epoch_holds_every_record_once(count: int, epoch: int, seed: int) -> None:
    start = epoch * count
    found = order(start, start + count, count=count, seed=seed)
    assert sorted(found) == list(range(count))


def test_any_part_is_what_the_whole_has_there() -> None:
    whole = order(0, 3000, count=700, seed=4)
    assert order(1234, 2345, count=700, seed=4) == whole[1234:2345]


def test_epochs_and_seeds_differ() -> None:
    epochs = np.reshape(order(0, 5000, count=1000, seed=1), (5, 1000))
    others = np.array(order(0, 1000, count=1000, seed=2))
    for first, second in ((epochs[0], epochs[1]), (epochs[0], others)):
        assert (first == second).sum() < 10
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.15


def test_records_go_everywhere_and_neighbours_part() -> None:
    count, epochs = 500, 400
    found = np.reshape(order(0, count * epochs, count=count, seed=3), (epochs, count))
    cells = np.zeros((10, 10))
    np.add.at(cells, (np.tile(np.arange(count) // 50, epochs), found.ravel() // 50), 1)
    steps = np.bincount(((found[:, 1:] - found[:, :-1]) % count).ravel())[1:]
    for counted, freedom in ((cells, 81), (steps, count - 2)):
        mean = counted.mean()
        assert ((counted - mean) ** 2 / mean).sum() / freedom == pytest.approx(
            1, abs=0.4
        )


def test_tensorflow_computes_the_same() -> None:
    import tensorflow as tf

    places = np.arange(10**12, 10**12 + 3000, dtype=np.int64)
    found = record_at(tf.constant(places), count=12_345, seed=2**40)
    assert (
        found.numpy().tolist() == record_at(places, count=12_345, seed=2**40).tolist()
    )
