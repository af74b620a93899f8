"""The store of checkpoints: which ones stay, and which one a run resumes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfner.config.pretrain import PretrainConfig
from tfner.errors import TrainingError
from tfner.training.checkpoints import LastTwoCheckpoints, NumberedCheckpoints


def test_the_last_checkpoints_and_every_nth_are_kept(tmp_path: Path) -> None:
    store = NumberedCheckpoints(tmp_path, keep=2, keep_every=3)
    for step in range(1, 10):
        store.save(step, [np.array([float(step)])], {})
    assert store.steps() == [3, 6, 8, 9]
    path = tmp_path / "step-00000006.npz"
    assert store.load(6) == (path, [np.array([6.0])], {"step": 6})
    with pytest.raises(TrainingError, match=r"step 5\. Kept: 3, 6, 8, 9"):
        store.load(5)


def test_a_resumed_run_keeps_no_more_and_nothing_but_what_is_whole(
    tmp_path: Path,
) -> None:
    many, one = (NumberedCheckpoints(tmp_path, keep=keep) for keep in (9, 1))
    for step in (5, 10, 15):  # a kill came before the older ones were removed
        many.save(step, [np.array(step)], {"settings": {"seed": 1}})
    with pytest.raises(TrainingError, match="seed was 1, is 2"):
        one.resume(PretrainConfig, {"seed": 2})
    assert one.steps() == [5, 10, 15]
    one.path(15).write_bytes(b"")
    state = one.resume(PretrainConfig, {"seed": 1})
    assert state is not None
    assert (state.arrays, one.steps()) == ([10], [10, 15])
    one.save(12, [np.array(12)], {"settings": {"seed": 1}})
    assert one.steps() == [12, 15]
    one.save(15, [np.array(15)], {"settings": {"seed": 1}})
    assert one.steps() == [15]


def test_the_last_one_and_the_one_before_are_kept(tmp_path: Path) -> None:
    store = LastTwoCheckpoints(tmp_path / "run")
    assert store.newest() is None
    for step in range(3):
        store.save([np.array(step)], {"settings": {}})
    assert [store.read(path).arrays for path in store.paths()] == [[2], [1]]


def test_of_damaged_ones_the_newest_whole_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = NumberedCheckpoints(tmp_path, keep=3)
    for step in range(3):
        store.save(step, [np.array(step)], {"settings": {}})
    for damaged in (2, 1):
        path = store.path(damaged)
        path.write_bytes(path.read_bytes()[:-9])
    state = store.newest()
    assert state is not None
    assert state.arrays == [0]
    assert caplog.text.count("is damaged: the one before it is used") == 2
    store.path(0).write_bytes(b"")
    with pytest.raises(TrainingError, match="3 damaged checkpoints"):
        store.newest()


def test_only_a_run_of_equal_settings_is_resumed(tmp_path: Path) -> None:
    store = LastTwoCheckpoints(tmp_path)
    store.save([np.array(7)], {"settings": {"steps": 5, "seed": 1}})
    state = store.resume(PretrainConfig, {"seed": 1})
    assert state is not None
    assert state.arrays == [7]
    with pytest.raises(TrainingError, match=r"steps was 5, is 6; seed was 1, is 2\."):
        store.resume(PretrainConfig, {"steps": 6, "seed": 2})
