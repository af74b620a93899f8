"""A run that is replaced, and the one that takes its place."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner.checkpoints.loading import load_encoder
from tfner.config.pretrain import PretrainConfig
from tfner.pretraining import run as pretrainer
from tfner.pretraining.run import pretrain
from tfner.training.checkpoints import NumberedCheckpoints

Make = Callable[..., PretrainConfig]


def steps_of(run: Path) -> list[int]:
    """The steps of the log."""
    with (run / "log.csv").open() as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


def stop_after(patch: pytest.MonkeyPatch, step: int) -> None:
    """Stops every run after a step, as Ctrl-C does."""

    class Stopper(pretrainer.PretrainingCallback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            super().on_train_batch_end(batch, logs)
            if self.step == step:
                raise KeyboardInterrupt

    patch.setattr(pretrainer, "PretrainingCallback", Stopper)


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_run_that_is_replaced_stays_until_the_new_one_has_a_checkpoint(
    make_pretraining: Make, finished: Path, tmp_path: Path, heed: Any
) -> None:
    output = tmp_path / "run"
    shutil.copytree(finished, output)
    before, lines = contents(tmp_path), []
    new = {"seed": 5, "save_every": 4, "log_every": 1}
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(KeyboardInterrupt), heed(lines.append):
            pretrain(make_pretraining(output, overwrite=True, **new))
    assert contents(tmp_path) == before
    assert f"{output}: stays, for nothing was saved" in lines
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            pretrain(make_pretraining(output, overwrite=True, **new))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert NumberedCheckpoints(output / "checkpoints").steps() == [4]
    assert steps_of(output) == [1, 2, 3, 4, 5]
    assert not (output / "encoder").exists()
    pretrain(make_pretraining(output, resume=True, **new))
    assert steps_of(output) == [1, 2, 3, 4, 5, 6]
    assert load_encoder(output / "encoder").hidden_size == 32
