"""What ends a bad run, and the log."""

from __future__ import annotations

import math

import pytest

from tfner.finetuning.callbacks import StopAtNaN
from tfner.training.log import log_text
from tfner.training.stopping import DivergedError


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_names_epoch_and_step(loss: float) -> None:
    watch = StopAtNaN()
    watch.on_epoch_begin(1)
    watch.on_train_batch_end(0, {"loss": 1.0})
    with pytest.raises(DivergedError, match="at epoch 2, step 4"):
        watch.on_train_batch_end(3, {"loss": loss})


def test_the_log_is_csv_with_a_line_per_epoch() -> None:
    history = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
    assert log_text(history) == "epoch,loss\n1,0.5\n2,0.25\n"
