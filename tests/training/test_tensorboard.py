"""Event files as TensorBoard reads them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf

from tfner.errors import ConfigError
from tfner.finetuning.run import NOT_COMPARED
from tfner.finetuning.train import train
from tfner.training.tensorboard import TensorBoard


def events(directory: Path) -> list[Any]:
    """All events in the order in which they were written."""
    return [
        event
        for path in sorted(directory.iterdir())
        for event in tf.compat.v1.train.summary_iterator(str(path))
    ]


def curves(found: list[Any]) -> dict[str, dict[int, float]]:
    """Points of every curve; a start drops what earlier files say of later steps."""
    points: dict[str, dict[int, float]] = {}
    for event in found:
        if event.session_log.status == tf.compat.v1.SessionLog.START:
            for curve in points.values():
                for step in [step for step in curve if step >= event.step]:
                    del curve[step]
        for value in event.summary.value:
            points.setdefault(value.tag, {})[event.step] = value.simple_value
    return points


@pytest.fixture
def run() -> Any:
    """Epochs of a run that reports this loss."""

    def go(directory: Path, *epochs: int, loss: float) -> None:
        callback = TensorBoard(str(directory))
        callback.set_model(
            SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5))
        )
        callback.on_train_begin()
        for epoch in epochs:
            callback.on_epoch_begin(epoch)
            callback.on_epoch_end(epoch, {"loss": loss})
        callback.on_train_end()

    return go


def test_a_run_shows_its_scores_and_learning_rate(config, tmp_path) -> None:
    bundle = train(config(tensorboard=str(tmp_path / "logs"), seed=3))
    found = events(tmp_path / "logs" / "seed-3")
    assert found[0].file_version == "brain.Event:2"
    shown = curves(found)
    history = bundle.metrics["history"]
    assert set(shown) == {*history[0], "learning_rate"} - {"epoch"}
    for name in ("loss", "accuracy", "dev_loss", "dev_f1"):
        expected = {line["epoch"]: pytest.approx(line[name]) for line in history}
        assert shown[name] == expected
    assert 0 == shown["learning_rate"][2] < shown["learning_rate"][1] <= 5e-3


def test_a_resumed_run_goes_on_with_its_curves(run: Any, tmp_path: Path) -> None:
    run(tmp_path, 0, 1, loss=1.0)
    run(tmp_path, 2, loss=2.0)
    assert curves(events(tmp_path))["loss"] == {1: 1.0, 2: 1.0, 3: 2.0}


def test_another_run_takes_the_place_of_the_curves(run: Any, tmp_path: Path) -> None:
    run(tmp_path, 0, 1, 2, loss=1.0)
    run(tmp_path, 0, loss=2.0)
    assert curves(events(tmp_path))["loss"] == {1: 2.0}
    assert len(list(tmp_path.iterdir())) == 2


def test_what_was_written_is_there_before_the_run_ends(tmp_path: Path) -> None:
    callback = TensorBoard(str(tmp_path))
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    assert [event.step for event in events(tmp_path)] == [0, 1]


@pytest.mark.parity
def test_tensorboard_reads_the_same(run: Any, tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="pip install tensorboard",
    )
    run(tmp_path, 0, 1, 2, loss=1.0)
    run(tmp_path, 1, loss=2.0)
    read = accumulator.EventAccumulator(str(tmp_path)).Reload()
    shown = {
        tag: {event.step: event.value for event in read.Scalars(tag)}
        for tag in read.Tags()["scalars"]
    }
    assert shown == curves(events(tmp_path))
    assert shown["loss"] == {1: 1.0, 2: 2.0}


def test_a_directory_that_cannot_be_written_is_told_before_training(
    config, tmp_path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"`tensorboard` .*file/seed-0 cannot be"):
        train(config(tensorboard=str(tmp_path / "file")))


def test_a_resumed_run_may_write_elsewhere() -> None:
    assert "tensorboard" in NOT_COMPARED
