"""Plans say which window goes where; `assemble` lays windows out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.data.packing import (
    EMPTY,
    LAYOUTS,
    BatchPlan,
    assemble,
    fill_rows,
    make_batch_plan,
    packed_shape,
)
from tfner.data.windows import Window
from tfner.errors import ConfigError

MAX_LENGTH = 128
RANDOM = np.random.default_rng(0)
# Pieces of sentences: short ones as of a film search, longer ones as of abstracts.
CORPORA = {
    "short": np.clip(RANDOM.normal(13, 4.5, 4000), 4, 50).astype(np.int32),
    "long": np.clip(RANDOM.lognormal(3.5, 0.5, 4000), 4, 128).astype(np.int32),
}

layouts = pytest.mark.parametrize("layout", LAYOUTS)
corpora = pytest.mark.parametrize("lengths", CORPORA.values(), ids=CORPORA)


def plan_of(lengths: Any, layout: str, **settings: Any) -> BatchPlan:
    defaults = {"batch_size": 8, "seed": 0, "epochs": 2, "max_length": MAX_LENGTH}
    sizes = np.array(lengths, np.int32)
    return make_batch_plan(sizes, layout=layout, **{**defaults, **settings})


def epochs_of(plan: BatchPlan) -> np.ndarray:
    """(epochs, steps, rows, slots)."""
    _, *row = plan.windows.shape
    return plan.windows.reshape(-1, plan.steps_per_epoch, *row)


random_lengths = st.lists(st.integers(3, MAX_LENGTH), min_size=1, max_size=60)


@layouts
@given(random_lengths, st.integers(1, 12), st.integers(0, 3))
def test_every_epoch_uses_every_window_once(
    layout: str, lengths: list[int], batch_size: int, seed: int
) -> None:
    plan = plan_of(lengths, layout, batch_size=batch_size, seed=seed, epochs=3)
    assert len(plan.windows) == len(plan.row_lengths) == 3 * plan.steps_per_epoch
    for epoch in epochs_of(plan):
        used = np.sort(epoch[epoch != EMPTY])
        np.testing.assert_array_equal(used, np.arange(len(lengths)))


@layouts
@given(random_lengths, st.integers(1, 12))
def test_no_row_is_overfull_and_empty_slots_come_last(
    layout: str, lengths: list[int], batch_size: int
) -> None:
    plan = plan_of(lengths, layout, batch_size=batch_size)
    sizes = np.array([*lengths, 0])  # EMPTY is the last index
    assert (sizes[plan.windows].sum(axis=2) <= plan.row_lengths[:, None]).all()
    empty = plan.windows == EMPTY
    assert (np.diff(empty.astype(int), axis=2) >= 0).all()


@layouts
def test_a_plan_is_a_function_of_seed_and_epoch(layout: str) -> None:
    lengths = CORPORA["short"][:300]
    plan = plan_of(lengths, layout, seed=7)
    again, other = plan_of(lengths, layout, seed=7), plan_of(lengths, layout, seed=8)
    np.testing.assert_array_equal(plan.windows, again.windows)
    np.testing.assert_array_equal(plan.row_lengths, again.row_lengths)
    assert plan.windows.shape != other.windows.shape or (
        (plan.windows != other.windows).any()
    )
    first, second = epochs_of(plan)
    assert (first != second).any()


@layouts
@given(random_lengths, st.integers(1, 12), st.integers(1, 5))
def test_replicas_share_the_rows_of_every_batch(
    layout: str, lengths: list[int], batch_size: int, replicas: int
) -> None:
    plan = plan_of(lengths, layout, batch_size=batch_size)
    whole = plan.divisible(replicas)
    rows = plan.windows.shape[1]
    np.testing.assert_array_equal(whole.windows[:, :rows], plan.windows)
    assert (whole.windows[:, rows:] == EMPTY).all()
    assert whole.windows.shape[1] - rows < replicas
    shards = [whole.shard(replicas, slice(n, n + 1)) for n in range(replicas)]
    together = np.concatenate([shard.windows for shard in shards], axis=1)
    np.testing.assert_array_equal(together, whole.windows)


def test_replicas_of_one_machine_read_in_turn() -> None:
    plan = plan_of(CORPORA["short"][:300], "bucketed").divisible(4)
    both = plan.shard(4, slice(2, 4))
    assert both.steps_per_epoch == 2 * plan.steps_per_epoch
    for number in (2, 3):
        own = plan.shard(4, slice(number, number + 1))
        np.testing.assert_array_equal(both.windows[number - 2 :: 2], own.windows)
        np.testing.assert_array_equal(
            both.row_lengths[number - 2 :: 2], own.row_lengths
        )


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_a_group_divides_the_batches_of_an_epoch(layout: str) -> None:
    plan = plan_of(CORPORA["short"][:300], layout, group=7)
    assert plan.steps_per_epoch % 7 == 0
    for epoch in epochs_of(plan):
        np.testing.assert_array_equal(np.sort(epoch[epoch != EMPTY]), np.arange(300))


def test_batches_of_several_shapes_cannot_be_grouped() -> None:
    with pytest.raises(ConfigError, match="layout=bucketed, steps_per_execution=2"):
        plan_of([3, 4], "bucketed", group=2)


@pytest.mark.parametrize("layout", ["bucketed", "padded"])
def test_an_epoch_is_the_same_however_many_follow(layout: str) -> None:
    one = plan_of(CORPORA["short"][:300], layout, epochs=1)
    three = plan_of(CORPORA["short"][:300], layout, epochs=3)
    np.testing.assert_array_equal(one.windows, epochs_of(three)[0])


@layouts
@corpora
def test_batches_hold_as_many_windows_as_asked_for(
    layout: str, lengths: np.ndarray
) -> None:
    plan = plan_of(lengths, layout, batch_size=32)
    assert len(lengths) / plan.steps_per_epoch == pytest.approx(32, rel=0.05)


@corpora
@pytest.mark.parametrize("batch_size", [1, 2, 4, 8, 16, 64])
def test_packed_batches_of_any_size_hold_as_many_windows_on_average(
    lengths: np.ndarray, batch_size: int
) -> None:
    plan = plan_of(lengths, "packed", batch_size=batch_size, epochs=1)
    windows = len(lengths) / plan.steps_per_epoch
    assert windows == pytest.approx(batch_size, rel=0.2)


def test_one_long_window_does_not_swell_the_batches_of_short_ones() -> None:
    lengths = CORPORA["short"].copy()
    lengths[17] = 512
    plan = plan_of(lengths, "packed", batch_size=8, max_length=512)
    assert plan.static_length == 512
    assert len(lengths) / plan.steps_per_epoch == pytest.approx(8, rel=0.05)


@corpora
def test_packed_rows_are_filled(lengths: np.ndarray) -> None:
    assert plan_of(lengths, "packed", batch_size=32).filled(lengths) > 0.95


@layouts
@corpora
def test_the_filled_share_counts_pieces_over_positions(
    layout: str, lengths: np.ndarray
) -> None:
    plan = plan_of(lengths, layout, batch_size=32, epochs=3)
    positions = sum(plan.windows.shape[1] * n for n in plan.row_lengths.tolist())
    assert plan.filled(lengths) == pytest.approx(3 * lengths.sum() / positions)


def test_packed_and_padded_batches_are_all_of_one_shape() -> None:
    lengths = CORPORA["long"]
    assert (
        plan_of(lengths, "packed").static_length
        == plan_of(lengths, "packed").row_lengths.max()
    )
    assert plan_of(lengths, "padded").static_length == MAX_LENGTH


def test_bucketed_batches_have_few_lengths_and_waste_little() -> None:
    lengths = CORPORA["long"]
    plan = plan_of(lengths, "bucketed", batch_size=32)
    assert {n % 16 for n in plan.row_lengths.tolist()} == {0}
    assert plan.static_length is None
    assert plan.filled(lengths) > 0.75
    assert plan.filled(lengths) > 1.5 * plan_of(lengths, "padded").filled(lengths)


def test_packed_rows_are_spread_evenly_over_the_batches() -> None:
    plan = plan_of(CORPORA["short"], "packed", batch_size=32, epochs=3)
    rows = (plan.windows[:, :, 0] != EMPTY).sum(axis=1)
    assert rows.max() - rows.min() <= 1


def test_rows_take_the_next_windows_that_fit() -> None:
    assert fill_rows(np.array([6, 5, 3, 2, 4]), range(5), 10) == [[0, 2], [1, 3], [4]]


def test_a_window_longer_than_a_row_gets_one_of_its_own() -> None:
    assert fill_rows(np.array([2, 30, 3]), range(3), 10) == [[0, 2], [1]]


@given(random_lengths, st.integers(1, 64))
def test_a_packed_row_holds_the_longest_window(
    lengths: list[int], batch_size: int
) -> None:
    rows, row_length = packed_shape(np.array(lengths), batch_size)
    assert rows >= 1
    assert row_length >= max(lengths)
    assert row_length % 8 == 0


def test_an_unknown_layout_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'packed'"):
        plan_of([5], "paked")


def test_a_window_longer_than_a_padded_row_is_refused() -> None:
    with pytest.raises(ValueError, match="a window of 129 pieces"):
        plan_of([5, 129], "padded")


def test_windows_are_laid_out_one_after_the_other(windows: list[Window]) -> None:
    windows = sorted(windows, key=len)[-23:-20]  # of 20 to 30 pieces
    first, second, third = windows
    batch = assemble(windows, [[1, 0], [2]], shape=(3, 64), pad_id=9)
    a, b = len(second), len(second) + len(first)
    ids, mask = batch.features["input_ids"], batch.features["attention_mask"]
    np.testing.assert_array_equal(ids[0, :a], second.features["input_ids"])
    np.testing.assert_array_equal(ids[0, a:b], first.features["input_ids"])
    assert (ids[0, b:] == 9).all()
    assert (ids[2] == 9).all()
    assert mask[0].tolist() == [1] * a + [2] * (b - a) + [0] * (64 - b)
    assert mask[1].sum() == len(third)
    assert not mask[2].any()
    for window, (row, start, end) in zip(windows, batch.places, strict=True):
        at = batch.features["labeled_positions"][row, start:end]
        words = window.features["input_ids"][window.features["labeled_positions"]]
        np.testing.assert_array_equal(ids[row, at], words)
