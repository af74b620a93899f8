"""Runs that stop half-way, diverge, or find something in their place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.config.train import TrainConfig
from tfner.errors import ConfigError, StorageError, TrainingError
from tfner.finetuning.train import output_of, train
from tfner.inference.bundle import Bundle

from .conftest import Stop, stop_at, stop_in_epoch

ROOT = Path(__file__).resolve().parents[2]
TERMINATED_RUN = """
import os, signal, sys
from pathlib import Path
from tfner.config.train import TrainConfig, read_settings
from tfner.errors import TrainingError
from tfner.finetuning import run
from tfner.finetuning.callbacks import StopAtNaN
from tfner.finetuning.train import train

class Terminator(StopAtNaN):
    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (2, 1):
            os.kill(os.getpid(), signal.SIGTERM)
run.StopAtNaN = Terminator
try:
    train(TrainConfig(**read_settings(Path(sys.argv[1]), [], {})))
except TrainingError as error:
    sys.exit(str(error))
"""
KILLED_RUN = """
import logging, os, signal, sys
from tfner.config.train import TrainConfig, read_settings
from tfner.finetuning import callbacks
from tfner.finetuning.train import train

kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
class Killer(callbacks.StopAtNaN):
    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (3, 1):
            kill()
class Listener(logging.Handler):
    def emit(self, record):
        if sys.argv[2] == "between" and record.getMessage().startswith("epoch 2/"):
            kill()
logging.basicConfig(level="INFO", handlers=[Listener()])
if sys.argv[2] == "during":
    from tfner.finetuning import run
    run.StopAtNaN = Killer
from pathlib import Path
train(TrainConfig(**read_settings(Path(sys.argv[1]), [], {})))
"""


FULL_DISK = """
import logging, resource, sys
from pathlib import Path
from tfner.config.train import TrainConfig, read_settings
from tfner.errors import StorageError
from tfner.finetuning.train import train

class Listener(logging.Handler):
    def emit(self, record):
        if record.getMessage().startswith("best epoch"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
logging.basicConfig(level="INFO", handlers=[Listener()])
try:
    train(TrainConfig(**read_settings(Path(sys.argv[1]), [], {})))
except StorageError as error:
    sys.exit(str(error))
"""


def run_script(code: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def whole(toy_settings, tmp_path_factory) -> Path:
    """A run of three epochs that nothing interrupted."""
    output = tmp_path_factory.mktemp("whole") / "model"
    train(TrainConfig(**toy_settings | {"epochs": 3, "output": str(output)}))
    return output


@pytest.mark.slow
def test_a_resumed_run_ends_as_if_never_interrupted(
    config, whole, weights, same, monkeypatch, heed
) -> None:
    settings = config(epochs=3)
    stop_in_epoch(monkeypatch, 1, 1)
    with pytest.raises(Stop):
        train(settings)
    monkeypatch.undo()
    said: list[str] = []
    # Before the first epoch ended: it starts afresh.
    with pytest.raises(Stop), heed(stop_at("epoch 1/3")):
        train(settings.replace(resume=True))
    stop_in_epoch(monkeypatch, 2, 2)
    with pytest.raises(Stop):  # in the middle of the second epoch
        train(settings.replace(resume=True))
    monkeypatch.undo()
    with heed(said.append):
        bundle = train(settings.replace(resume=True))
    assert "resumed after epoch 1" in said
    assert same(weights(bundle.directory), weights(whole))
    assert len(bundle.metrics["history"]) == 3
    assert Bundle.load(whole).metrics["dev"] == bundle.metrics["dev"]
    assert not Path(f"{settings.saving.output}.training").exists()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["between", "during"])
def test_a_killed_run_can_be_resumed(
    config, whole, weights, same, tmp_path, moment, heed
) -> None:
    settings = config(epochs=3)
    (tmp_path / "run.toml").write_text(settings.to_toml())
    killed = run_script(KILLED_RUN, tmp_path / "run.toml", moment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    said: list[str] = []
    with heed(said.append):
        bundle = train(settings.replace(resume=True))
    assert "resumed after epoch 2" in said
    assert same(weights(bundle.directory), weights(whole))


@pytest.mark.slow
def test_a_terminated_run_goes_on_in_mid_epoch(
    config, whole, weights, same, tmp_path, heed
) -> None:
    settings = config(epochs=3)
    (tmp_path / "run.toml").write_text(settings.to_toml())
    stopped = run_script(TERMINATED_RUN, tmp_path / "run.toml")
    assert stopped.returncode == 1
    assert "after 1 epochs and 2 steps; all is saved" in stopped.stderr
    said: list[str] = []
    with heed(said.append):
        bundle = train(settings.replace(resume=True))
    assert "resumed after epoch 1 and 2 steps" in said
    assert same(weights(bundle.directory), weights(whole))
    assert bundle.metrics["history"] == Bundle.load(whole).metrics["history"]


@pytest.mark.slow
def test_a_checkpoint_every_step_gives_the_same_run(
    config, whole, weights, same, monkeypatch, heed
) -> None:
    settings = config(epochs=3, save_every=1)
    stop_in_epoch(monkeypatch, 3, 3)
    with pytest.raises(Stop):
        train(settings)
    monkeypatch.undo()
    said: list[str] = []
    with heed(said.append):
        bundle = train(settings.replace(resume=True))
    assert "resumed after epoch 2 and 2 steps" in said
    assert same(weights(bundle.directory), weights(whole))
    assert bundle.metrics["history"] == Bundle.load(whole).metrics["history"]


@pytest.fixture
def unfinished(config, heed) -> TrainConfig:
    """Settings of a run that stopped after its first epoch."""
    settings = config()
    with pytest.raises(Stop), heed(stop_at("epoch 1/")):
        train(settings)
    return settings


def test_an_unfinished_run_is_only_resumed_unchanged(
    unfinished, toy_corpus, tmp_path
) -> None:
    before = files(tmp_path)
    with pytest.raises(ConfigError, match=r"holds an unfinished run\. Add --resume"):
        train(unfinished)
    other = {"resume": True, "learning_rate": 1.0, "epochs": 5}
    with pytest.raises(TrainingError) as caught:
        train(unfinished.replace(**other))
    assert "epochs was 2, is 5; learning_rate was 0.005, is 1.0" in str(caught.value)
    with pytest.raises(StorageError, match="No such file"):
        train(unfinished.replace(resume=True, train=str(toy_corpus / "no.conll")))
    assert files(tmp_path) == before


OLD = b'{"tfner_schema": "of the old model"}'


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """What looks like an older model where the new one is to go."""
    output = tmp_path / "model"
    output.mkdir()
    (output / "config.json").write_bytes(OLD)
    return output


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_finished_model_is_not_touched_unasked(config, finished) -> None:
    with pytest.raises(ConfigError, match=r"holds a finished model\. Add --overwrite"):
        train(config(train="no such file"))
    with pytest.raises(ConfigError, match="holds a finished model"):
        train(config(resume=True))


def test_overwrite_replaces_only_models(config, tmp_path) -> None:
    output = tmp_path / "model"
    output.mkdir()
    (output / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="is no model"):
        train(config(overwrite=True))
    assert files(output) == {"thesis.tex": b"years of work"}
    (tmp_path / "file").write_text("text")
    with pytest.raises(ConfigError, match="is no model"):
        train(config(output=str(tmp_path / "file"), overwrite=True))


@pytest.mark.slow
def test_overwrite_keeps_the_old_model_until_the_new_one_is_complete(
    config, finished, tmp_path, heed
) -> None:
    settings = config(overwrite=True, epochs=1)
    for error, change in (
        (StorageError, {"train": str(tmp_path / "no.conll")}),
        (ConfigError, {"max_length": 4000}),
    ):
        with pytest.raises(error):
            train(settings.replace(**change))
        assert files(tmp_path) == {"model/config.json": OLD}
    with pytest.raises(Stop), heed(stop_at("best epoch")):
        train(settings)
    assert files(finished) == {"config.json": OLD}


@pytest.mark.slow
def test_a_model_that_cannot_be_saved_leaves_the_old_one_and_the_checkpoint(
    config, finished, tmp_path
) -> None:
    """A limit on the size of files stands for the full disk; HDF5 crashes on one."""
    (tmp_path / "run.toml").write_text(config(overwrite=True, epochs=1).to_toml())
    for size in (1_000, 60_000, 100_000):
        failed = run_script(FULL_DISK, tmp_path / "run.toml", size)
        assert failed.returncode == 1, failed.stderr
        sentence = failed.stderr.splitlines()[-1]
        assert sentence.startswith(f"{finished}: cannot be written: ")
        assert "File too large" in sentence
        assert files(finished) == {"config.json": OLD}
        kept = sorted(p.name for p in tmp_path.iterdir())
        assert kept == ["model", "model.training", "run.toml"]


@pytest.mark.slow
def test_a_run_that_diverges_at_once_leaves_what_was_there(
    config, finished, tmp_path
) -> None:
    settings = config(learning_rate=1e30, warmup_ratio=0.0, overwrite=True)
    with pytest.raises(TrainingError, match=r"at epoch 1, step 2.*--learning-rate"):
        train(settings)
    assert files(tmp_path) == {"model/config.json": OLD}
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


class Poison:
    """Makes a weight NaN when the first epoch is over."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def __call__(self) -> Any:
        from tfner.checkpoints.loading import load_encoder

        self.encoder = load_encoder(self.directory)
        return self.encoder

    def hear(self, line: str) -> None:
        if line.startswith("epoch 1/"):
            weight = self.encoder.trainable_variables[0]
            weight.assign(np.full(weight.shape, np.nan))


@pytest.mark.slow
def test_a_run_that_diverges_later_keeps_the_last_good_epoch(
    config, weights, heed
) -> None:
    poison = Poison(config().model.encoder)
    with pytest.raises(TrainingError) as caught, heed(poison.hear):
        train(config(), encoder=poison)
    output = Path(config().saving.output)
    assert f"The model of epoch 1 is in {output}" in str(caught.value)
    assert "epoch 2, step 1" in str(caught.value)
    assert [line["epoch"] for line in Bundle.load(output).metrics["history"]] == [1]
    assert all(np.isfinite(array).all() for array in weights(output).values())
    assert not Path(f"{output}.training").exists()


@pytest.mark.slow
def test_a_diverging_run_never_replaces_a_finished_model(
    config, finished, heed
) -> None:
    poison = Poison(config().model.encoder)
    with (
        pytest.raises(TrainingError, match=r"model\.training/seed-0\.bundle"),
        heed(poison.hear),
    ):
        train(config(overwrite=True), encoder=poison)
    assert files(finished) == {"config.json": OLD}
    kept = Bundle.load(finished.with_name("model.training") / "seed-0.bundle")
    assert json.dumps(kept.metrics)


@pytest.mark.slow
def test_the_working_directory_can_be_the_output(config, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    train(config(output=".", epochs=1))
    assert Bundle.load(folder).metrics["history"]


def test_a_link_is_followed(config, tmp_path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "model").symlink_to(tmp_path / "real")
    assert output_of(config())[0].path == tmp_path / "real"


def test_an_output_that_cannot_be_written_is_refused_first(config, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/model\.training: cannot be"):
        train(config(output=str(tmp_path / "file" / "model"), train="no such file"))
