"""`tune`: what it keeps, how it goes on, and what it refuses."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.conftest import alive, toy_sentences, write_columns
from tfner.config.train import TrainConfig, read_settings
from tfner.errors import ConfigError, TrainingError
from tfner.finetuning import study, tuning
from tfner.finetuning.train import train
from tfner.finetuning.tuning import tune
from tfner.inference.bundle import Bundle
from tfner.training.step import TrainingModel

from .conftest import Stop

RATES = {"learning_rate": {"choices": [5e-3, 0.0]}}
"""One that learns, which is decided, and one that is hopeless."""


@pytest.fixture(scope="module")
def larger_dev(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("larger_dev")
    return str(write_columns(folder / "dev.conll", toy_sentences(48, first=60)))


@pytest.fixture
def settings(config, larger_dev, tmp_path) -> Callable[..., TrainConfig]:
    usual = {"dev": larger_dev, "output": str(tmp_path / "study"), "batch_size": 4}

    def make(**changes: Any) -> TrainConfig:
        found: TrainConfig = config(**usual | changes)
        return found

    return make


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets what is searched, and after how many trials one may end early."""

    def set(space: Any = RATES, complete: int = 1) -> None:
        monkeypatch.setattr(tuning, "search_space", lambda *_: space)
        monkeypatch.setattr(study, "FEWEST_COMPLETE", complete)

    return set


def trials_of(output: Path) -> list[str]:
    return sorted(path.name for path in output.glob("trial-*"))


@pytest.mark.slow
def test_the_best_model_is_kept_alone_and_its_settings_repeat_it(
    settings, tmp_path, weights, same, toy_corpus
) -> None:
    given = settings(test=str(toy_corpus / "test.conll"))
    rates = ["dropout", "layerwise_lr_decay"]
    found = tune(given, searched=rates, trials=2)
    output = tmp_path / "study"
    assert trials_of(output) == [found["best"]]
    assert json.loads((output / "summary.json").read_text("utf-8")) == json.loads(
        json.dumps(found)
    )
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 2
    assert found["trials"][0]["settings"] == {"dropout": 0.1, "layerwise_lr_decay": 1.0}
    best = max(trial["dev_f1"] for trial in found["trials"])
    bundle = Bundle.load(output)
    assert bundle.directory.name == found["best"]
    assert bundle.metrics["dev"]["f1"] == found["dev"]["f1"] == best
    assert bundle.metrics["test"] is None
    assert found["test"]["support"] > 0

    again = read_settings(bundle.directory / "run.toml", [], {})
    model = train(TrainConfig(**{**again, "output": str(tmp_path / "again")}))
    assert same(weights(bundle.directory), weights(model.directory))

    models = alive(TrainingModel)
    more = tune(given, searched=rates, trials=4)
    assert more["trials"][:2] == found["trials"]
    assert len(more["trials"]) == 4
    assert tune(given, searched=rates, trials=3) == more
    assert len(alive(TrainingModel)) <= len(models)


@pytest.mark.slow
def test_a_hopeless_trial_ends_early_and_leaves_nothing(
    settings, space, tmp_path, heed
) -> None:
    space()
    said: list[str] = []
    with heed(said.append):
        found = tune(settings(epochs=3), hours=1)
    first, *others = found["trials"]
    assert (first["state"], len(first["dev_f1_by_epoch"])) == ("complete", 3)
    ends = {t["state"] for t in others if t["settings"]["learning_rate"] == 0.0}
    assert ends == {"pruned"}
    hopeless = next(t for t in others if t["dev_f1_by_epoch"])
    assert len(hopeless["dev_f1_by_epoch"]) < 3
    assert trials_of(tmp_path / "study") == ["trial-1"]
    assert any("all that can be drawn has been tried" in line for line in said)
    assert sum("training, 48 dev" in line for line in said) == 1


@pytest.mark.slow
def test_a_stopped_search_goes_on_within_a_trial(
    settings, tmp_path, heed, larger_dev
) -> None:
    given = {"searched": ["dropout"], "trials": 2}
    whole = tune(settings(epochs=3), **given)
    shutil.rmtree(tmp_path / "study")

    seen: list[str] = []

    def stop(line: str) -> None:
        seen.append(line)
        if line.startswith("epoch 2/3") and "trial 2 of 2" in " ".join(seen):
            raise Stop

    with pytest.raises(Stop), heed(stop):
        tune(settings(epochs=3), **given)
    assert (tmp_path / "study" / "trial-2.training").is_dir()
    said: list[str] = []
    with heed(said.append):
        found = tune(settings(epochs=3), **given)
    epochs = [line[:9] for line in said if line.startswith("epoch ")]
    assert epochs in (["epoch 2/3", "epoch 3/3"], ["epoch 3/3"])
    assert found == whole
    assert trials_of(tmp_path / "study") == [found["best"]]


def test_a_trial_that_was_all_but_told_is_not_trained_again(
    settings, monkeypatch
) -> None:
    given = {"searched": ["dropout"], "trials": 1}
    with monkeypatch.context() as broken:
        broken.setattr(study.Trial, "complete", None)
        with pytest.raises(TypeError):
            tune(settings(), **given)
    monkeypatch.setattr(tuning, "run_trials", None)
    assert tune(settings(), **given)["trials"][0]["state"] == "complete"


OTHERS: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"max_length": 31}, "dropout", "max_length was 32, is 31"),
    ({"seed": 1}, "dropout", "seed was 0, is 1"),
    ({"limit": 59}, "dropout", "digest of the training corpus was"),
    ({}, "epochs", "what is searched was 'dropout', is 'epochs'"),
)
"""Settings, what is searched, and what is said of it."""


def test_a_study_of_other_settings_is_left_alone(
    settings, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(tuning, "_run", lambda *_: (_ for _ in ()).throw(Stop))
    with pytest.raises(Stop):
        tune(settings(), searched=["dropout"])
    summary = tmp_path / "study" / "summary.json"
    summary.write_text("as it was")
    for change, searched, complaint in OTHERS:
        with pytest.raises(ConfigError, match="holds a study of other") as caught:
            tune(settings(**change), searched=[searched])
        assert complaint in str(caught.value)
        assert summary.read_text() == "as it was"
    with pytest.raises(Stop):
        tune(settings(seed=1, overwrite=True), searched=["dropout"])
    assert not summary.exists()


@pytest.mark.slow
def test_losses_that_are_no_numbers_and_too_little_memory_end_a_trial(
    settings, space, monkeypatch
) -> None:
    space({"learning_rate": {"choices": [5e-3, 1e30]}})
    found = tune(settings(), hours=1)
    states = {t["settings"]["learning_rate"]: t["state"] for t in found["trials"]}
    assert states == {5e-3: "complete", 1e30: "diverged"}

    def fail(*_: Any, **__: Any) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM")

    monkeypatch.setattr(tuning, "run_trials", fail)
    with pytest.raises(TrainingError, match="none of 2 trials came to its end: out of"):
        tune(settings(overwrite=True), trials=2)


@pytest.mark.parametrize(
    ("change", "given", "complaint"),
    [
        ({"dev": None, "dev_fraction": 0.2}, {}, "12 dev sentences are too few"),
        ({"dev": None, "recipe": "auto"}, {}, "0 dev sentences are too few"),
        ({}, {"searched": ["warmup_steps"]}, "nothing is left to search"),
        ({}, {"hours": 0}, "--hours must be above 0"),
        ({"output": "gs://bucket/study"}, {}, "Give a local --output"),
        ({"strategy": "multi-worker"}, {}, "a study trains in one process"),
    ],
    ids=str,
)
def test_what_cannot_be_searched_is_told(settings, change, given, complaint) -> None:
    with pytest.raises(ConfigError, match=complaint):
        tune(settings(**change), **given)


def test_something_else_is_not_replaced(settings, tmp_path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "thesis.tex").write_text("")
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match="exists and is no study"):
            tune(settings(overwrite=overwrite))


@pytest.mark.slow
def test_without_dev_all_trials_hold_out_the_same(settings, tmp_path) -> None:
    given = settings(dev=None, dev_fraction=0.67, epochs=1)
    found = tune(given, searched=["dropout"], trials=2)
    table = tomllib.loads(
        (tmp_path / "study" / found["best"] / "run.toml").read_text("utf-8")
    )
    assert (table["data"]["dev_fraction"], table["data"]["dev_seed"]) == (0.67, 0)
    assert found["dev"]["support"] > 0


def test_a_missing_package_is_named(settings, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'tfner\[tune\]'"):
        tune(settings())
