"""Checkpoints: the best epoch, going on in mid-epoch, no file half-written."""

from __future__ import annotations

import contextlib
import math
import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.errors import StorageError, TrainingError
from tfner.finetuning.checkpoint import Checkpoint, Place
from tfner.training.arrays import load_arrays, save_arrays
from tfner.training.stopping import DivergedError, StoppedError, asked_to_stop


class TrainingModel:
    """A model of one layer with an optimizer that has state."""

    def __init__(self) -> None:
        self.model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(3),
                keras.layers.BatchNormalization(),
            ]
        )
        self.optimizer = keras.optimizers.Adam()
        self.optimizer.build(self.model.trainable_variables)
        self.metrics = [keras.metrics.Mean()]

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


@pytest.fixture
def training_model() -> TrainingModel:
    return TrainingModel()


def make(
    folder: Path,
    training_model: Any,
    monitor: str | None = None,
    *,
    save_every: int | None = None,
    asked: list[int] | None = None,
    **settings: Any,
) -> Checkpoint:
    made = Checkpoint(
        folder,
        training_model,
        monitor=monitor,
        fingerprint=settings,
        save_every=save_every,
        asked_to_stop=lambda: bool(asked),
    )
    made.set_params({"steps": 5})
    return made


def fill(training_model: Any, value: float) -> None:
    for variable in [
        *training_model.model.weights,
        *training_model.optimizer.variables,
    ]:
        variable.assign(np.full(variable.shape, value))


@pytest.mark.parametrize(
    ("monitor", "scores", "losses", "best"),
    [
        ("dev_f1", [0.1, 0.5, 0.3], [1, 2, 0.5], 2),
        ("dev_f1", [0.5, 0.5, 0.4], [1, 1, 1], 1),
        ("dev_f1", [0.0, 0.0, 0.0], [3, 1, 2], 2),
        ("dev_loss", [0.1, 0.2, 0.3], [0.3, 0.1, 0.2], 2),
        (None, [0.5, 0.1], [1, 2], 2),
    ],
)
def test_the_best_epoch_is_kept(
    tmp_path, training_model, monitor, scores, losses, best
) -> None:
    checkpoint = make(tmp_path, training_model, monitor)
    for epoch, (f1, loss) in enumerate(zip(scores, losses, strict=True)):
        fill(training_model, epoch + 1)
        checkpoint.on_epoch_end(epoch, {"loss": 1.0, "dev_f1": f1, "dev_loss": loss})
    checkpoint.load_best(training_model.model)
    assert checkpoint.best_epoch == best
    assert all((v.numpy() == best).all() for v in training_model.model.weights)


def test_a_resumed_run_has_weights_optimizer_and_the_best_score(
    tmp_path, training_model
) -> None:
    first = make(tmp_path, training_model, "dev_f1", epochs=3)
    fill(training_model, 7)
    first.on_epoch_end(0, {"dev_f1": 0.9, "dev_loss": 1.0})
    fill(training_model, 0)
    again = make(tmp_path, training_model, "dev_f1", epochs=3)
    assert again.resume() == Place(1)
    variables = [*training_model.model.weights, *training_model.optimizer.variables]
    assert all((v.numpy() == 7).all() for v in variables)
    again.on_epoch_end(1, {"dev_f1": 0.5, "dev_loss": 0.5})
    assert again.best_epoch == 1


def test_a_setting_that_was_not_there_yet_had_its_default(
    tmp_path, training_model
) -> None:
    before = {"epochs": 3}  # of a version without `cycle_momentum`
    make(tmp_path, training_model, **before).on_epoch_end(0, {"loss": 1.0})
    assert make(
        tmp_path, training_model, **before, cycle_momentum=False
    ).resume() == Place(1)
    with pytest.raises(TrainingError, match="cycle_momentum was False, is True"):
        make(tmp_path, training_model, **before, cycle_momentum=True).resume()


def test_without_a_checkpoint_nothing_is_resumed(tmp_path, training_model) -> None:
    assert make(tmp_path, training_model).resume() == Place()


def test_other_settings_are_named(tmp_path, training_model) -> None:
    make(tmp_path, training_model, epochs=3, train="a").on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(TrainingError) as caught:
        make(tmp_path, training_model, epochs=4, train="b").resume()
    assert "epochs was 3, is 4; train was 'a', is 'b'" in str(caught.value)


@pytest.mark.parametrize("keep", [0, 100, -100])
def test_a_truncated_checkpoint_is_a_sentence(tmp_path, training_model, keep) -> None:
    make(tmp_path, training_model).on_epoch_end(0, {"loss": 1.0})
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TrainingError, match=r"checkpoint\.npz is damaged"):
        make(tmp_path, training_model).resume()


def test_a_checkpoint_of_another_model_is_refused(tmp_path, training_model) -> None:
    make(tmp_path, training_model).on_epoch_end(0, {"loss": 1.0})
    save_arrays(tmp_path / "best.npz", [np.zeros(5)])
    with pytest.raises(TrainingError, match="belongs to another model"):
        make(tmp_path, training_model).load_best(training_model.model)


def test_spoilt_weights_are_never_kept(tmp_path, training_model) -> None:
    checkpoint = make(tmp_path, training_model)
    fill(training_model, 1)
    checkpoint.on_epoch_end(0, {"loss": 1.0})
    fill(training_model, math.nan)
    with pytest.raises(DivergedError, match="at the end of epoch 2"):
        checkpoint.on_epoch_end(1, {"loss": 1.0})
    checkpoint.load_best(training_model.model)
    assert all((v.numpy() == 1).all() for v in training_model.model.weights)


def test_a_checkpoint_in_mid_epoch_holds_its_running_means(
    tmp_path, training_model
) -> None:
    first = make(tmp_path, training_model, save_every=2)
    first.on_epoch_begin(0)
    for step in range(3):
        fill(training_model, step + 1)
        training_model.metrics[0].update_state(step + 1.0)
        first.on_train_batch_end(step)
    fill(training_model, 0)
    training_model.metrics[0].reset_state()
    again = make(tmp_path, training_model)
    assert again.resume() == Place(0, 2)
    assert all((v.numpy() == 2).all() for v in training_model.model.weights)
    again.on_epoch_begin(0)
    assert float(training_model.metrics[0].result()) == 1.5
    again.on_train_batch_end(0)  # the first step after the two that were done
    assert again.place == Place(0, 3)
    again.on_epoch_end(0, {"loss": 1.0})
    again.on_epoch_begin(1)
    again.on_train_batch_end(0)
    assert again.place == Place(1, 1)


def test_who_is_asked_to_stop_saves_first(tmp_path, training_model) -> None:
    asked: list[int] = []
    checkpoint = make(tmp_path, training_model, asked=asked)
    checkpoint.on_epoch_begin(0)
    checkpoint.on_train_batch_end(0)
    asked.append(15)
    with pytest.raises(StoppedError, match="after 0 epochs and 2 steps; all is saved"):
        checkpoint.on_train_batch_end(1)
    assert make(tmp_path, training_model).resume() == Place(0, 2)
    checkpoint.on_train_batch_end(4)  # the last step: the epoch is finished first
    with pytest.raises(StoppedError, match="after 1 epochs and 0 steps"):
        checkpoint.on_epoch_end(0, {"loss": 1.0})
    assert make(tmp_path, training_model).resume() == Place(1)


def test_sigterm_asks_to_stop_and_its_old_handler_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with asked_to_stop() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGTERM)
        assert asked()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("keep", [0, 100, -100, None])
def test_of_a_damaged_checkpoint_the_one_before_is_used(
    tmp_path, training_model, keep
) -> None:
    checkpoint = make(tmp_path, training_model)
    for epoch in range(2):
        fill(training_model, epoch + 1)
        checkpoint.on_epoch_end(epoch, {"loss": 1.0})
    path = tmp_path / "checkpoint.npz"
    if keep is None:  # killed between the two renames
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:keep])
    again = make(tmp_path, training_model)
    assert again.resume() == Place(1)
    assert all((v.numpy() == 1).all() for v in training_model.model.weights)
    assert len(again.history) == 1


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    save_arrays(path, [np.ones(3)], "old")

    def full(*arguments: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(
        StorageError, match=r"a\.npz: cannot be written: No space.*--resume"
    ):
        save_arrays(path, [np.zeros(3)], "new")
    assert load_arrays(path)[1] == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
