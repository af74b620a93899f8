"""Windows go through a runner in rows, and their outputs come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.data.windows import Ints, Window
from tfner.document import Word
from tfner.inference.batching import POSITIONS, run_windows

PAD = 3


class Echo:
    """A runner that answers each word with the id of its piece."""

    def __init__(self, *, packs: bool = True, row_length: int | None = None) -> None:
        self.packs, self.row_length = packs, row_length
        self.shapes: list[tuple[int, ...]] = []
        self.slots: list[int] = []

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, np.ndarray]:
        ids = features["input_ids"]
        assert all(array.shape == ids.shape for array in features.values())
        assert (ids[features["attention_mask"] == 0] == PAD).all()
        self.shapes.append(ids.shape)
        self.slots.append(int(features["attention_mask"].max()))
        found = np.take_along_axis(ids, features["labeled_positions"], axis=1)
        return {"probs": found[..., None].astype("float32")}


def make_windows(lengths: Sequence[int]) -> list[Window]:
    """Windows whose pieces' ids tell window and position; every second is a word."""
    windows = []
    for number, length in enumerate(lengths):
        positions = np.arange(1, length - 1, 2, dtype=np.int32)
        features = {
            "input_ids": np.arange(length, dtype=np.int32) + 1000 * (number + 1),
            "token_type_ids": np.zeros(length, np.int32),
            "labeled_positions": positions,
        }
        numbers = np.arange(len(positions), dtype=np.int32)
        words = tuple(Word(i, i + 1) for i in range(len(positions)))
        limits = (0, length - 2)
        windows.append(Window(limits, limits, numbers, words, features))
    return windows


@given(
    st.lists(st.integers(2, 200), max_size=40),
    st.booleans(),
    st.sampled_from([None, 200, 512]),
)
def test_every_window_gets_the_outputs_of_its_own_words(
    lengths: list[int], packs: bool, row_length: int | None
) -> None:
    windows = make_windows(lengths)
    run = Echo(packs=packs, row_length=row_length)
    outputs = run_windows(run, windows, pad_id=PAD)
    assert len(outputs) == len(windows)
    for window, output in zip(windows, outputs, strict=True):
        ids = window.features["input_ids"][window.features["labeled_positions"]]
        np.testing.assert_array_equal(output["probs"][:, 0], ids)
    assert packs or max(run.slots, default=1) == 1
    assert {length for _, length in run.shapes} <= (
        {row_length} if row_length else {*range(16, 209, 16)}
    )


def test_short_windows_share_rows_and_rows_are_well_filled() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(5, 30, 512).tolist()
    run = Echo()
    run_windows(run, make_windows(lengths), pad_id=PAD)
    positions = sum(rows * length for rows, length in run.shapes)
    assert sum(lengths) / positions > 0.95
    assert len(set(run.shapes)) <= 4
    assert max(rows * length for rows, length in run.shapes) <= POSITIONS


@pytest.mark.parametrize("packs", [True, False])
def test_one_long_window_does_not_stretch_the_rows_of_the_others(packs: bool) -> None:
    run = Echo(packs=packs)
    run_windows(run, make_windows([512, *[12] * 400]), pad_id=PAD)
    positions = sum(rows * length for rows, length in run.shapes)
    assert positions < 2 * (512 + 400 * 16)


def test_no_windows_run_nothing() -> None:
    run = Echo()
    assert run_windows(run, [], pad_id=PAD) == []
    assert run.shapes == []
