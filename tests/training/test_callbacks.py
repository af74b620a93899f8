"""Checkpoints, the best epoch, NaN, and files that are never half-written."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.errors import TrainingError
from tfner.training.callbacks import (
    Checkpoint,
    DivergedError,
    StopAtNaN,
    load_arrays,
    log_text,
    save_arrays,
)


class Trainee:
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

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


@pytest.fixture
def trainee() -> Trainee:
    return Trainee()


def make(folder: Path, trainee: Any, monitor: str | None = None, **settings: Any):
    return Checkpoint(folder, trainee, monitor=monitor, fingerprint=settings)


def fill(trainee: Any, value: float) -> None:
    for variable in [*trainee.model.weights, *trainee.optimizer.variables]:
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
    tmp_path, trainee, monitor, scores, losses, best
) -> None:
    checkpoint = make(tmp_path, trainee, monitor)
    for epoch, (f1, loss) in enumerate(zip(scores, losses, strict=True)):
        fill(trainee, epoch + 1)
        checkpoint.on_epoch_end(epoch, {"loss": 1.0, "dev_f1": f1, "dev_loss": loss})
    checkpoint.load_best(trainee.model)
    assert checkpoint.best_epoch == best
    assert all((v.numpy() == best).all() for v in trainee.model.weights)


def test_a_resumed_run_has_weights_optimizer_and_the_best_score(
    tmp_path, trainee
) -> None:
    first = make(tmp_path, trainee, "dev_f1", epochs=3)
    fill(trainee, 7)
    first.on_epoch_end(0, {"dev_f1": 0.9, "dev_loss": 1.0})
    fill(trainee, 0)
    again = make(tmp_path, trainee, "dev_f1", epochs=3)
    assert again.resume() == 1
    variables = [*trainee.model.weights, *trainee.optimizer.variables]
    assert all((v.numpy() == 7).all() for v in variables)
    again.on_epoch_end(1, {"dev_f1": 0.5, "dev_loss": 0.5})
    assert again.best_epoch == 1


def test_without_a_checkpoint_nothing_is_resumed(tmp_path, trainee) -> None:
    assert make(tmp_path, trainee).resume() == 0


def test_other_settings_are_named(tmp_path, trainee) -> None:
    make(tmp_path, trainee, epochs=3, train="a").on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(TrainingError) as caught:
        make(tmp_path, trainee, epochs=4, train="b").resume()
    assert "epochs was 3, is 4; train was 'a', is 'b'" in str(caught.value)


@pytest.mark.parametrize("keep", [0, 100, -100])
def test_a_truncated_checkpoint_is_a_sentence(tmp_path, trainee, keep) -> None:
    make(tmp_path, trainee).on_epoch_end(0, {"loss": 1.0})
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TrainingError, match=r"checkpoint\.npz is damaged"):
        make(tmp_path, trainee).resume()


def test_a_checkpoint_of_another_model_is_refused(tmp_path, trainee) -> None:
    make(tmp_path, trainee).on_epoch_end(0, {"loss": 1.0})
    save_arrays(tmp_path / "best.npz", [np.zeros(5)])
    with pytest.raises(TrainingError, match="belongs to another model"):
        make(tmp_path, trainee).load_best(trainee.model)


def test_spoilt_weights_are_never_kept(tmp_path, trainee) -> None:
    checkpoint = make(tmp_path, trainee)
    fill(trainee, 1)
    checkpoint.on_epoch_end(0, {"loss": 1.0})
    fill(trainee, math.nan)
    with pytest.raises(DivergedError, match="at the end of epoch 2"):
        checkpoint.on_epoch_end(1, {"loss": 1.0})
    checkpoint.load_best(trainee.model)
    assert all((v.numpy() == 1).all() for v in trainee.model.weights)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_names_epoch_and_step(loss: float) -> None:
    watch = StopAtNaN()
    watch.on_epoch_begin(1)
    watch.on_train_batch_end(0, {"loss": 1.0})
    with pytest.raises(DivergedError, match="at epoch 2, step 4"):
        watch.on_train_batch_end(3, {"loss": loss})


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    save_arrays(path, [np.ones(3)], "old")

    def full(*arguments: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(TrainingError, match=r"a\.npz cannot be written: No space"):
        save_arrays(path, [np.zeros(3)], "new")
    assert load_arrays(path)[1] == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_the_log_is_csv_with_a_line_per_epoch() -> None:
    history = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
    assert log_text(history) == "epoch,loss\n1,0.5\n2,0.25\n"
