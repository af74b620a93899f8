"""What is searched, and that a study goes on as if nothing had stopped it."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.config.train import TrainConfig
from tfner.errors import ConfigError, StorageError
from tfner.finetuning.search_space import SEARCHED, search_space, settings_of
from tfner.finetuning.study import Plan, Study, open_study
from tfner.finetuning.training_data import load_training_data

SPACE: dict[str, Any] = {
    "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
    "epochs": {"low": 2, "high": 6, "log": True},
    "head": {"choices": ["softmax", "crf"]},
    "decode": {"choices": ["argmax", "viterbi"]},
}
FIRST = {"learning_rate": 1e-4, "epochs": 3, "head": "softmax", "decode": "viterbi"}
PLAN = Plan(about={"dropout": 0.1}, space=SPACE, first=FIRST, epochs=3, seed=0)


class Killed(Exception):
    """Stands for the end of a process."""


def score(settings: dict[str, Any], epoch: int) -> float:
    """Best at a rate of 3e-4, and rising."""
    miss = abs(math.log(settings["learning_rate"] / 3e-4))
    return (1 - miss / 10) * (1 - 0.5**epoch)


def run_trial(study: Study, *, dies_after: int | None = None) -> None:
    trial = study.next()
    for epoch in range(1, trial.settings["epochs"] + 1):
        hopeless = trial.is_hopeless(epoch, score(trial.settings, epoch))
        if epoch == dies_after:
            raise Killed
        if hopeless:
            trial.end("pruned")
            return
    trial.complete(score(trial.settings, trial.settings["epochs"]))


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Any]:
    return lambda plan=PLAN, name="study.journal": open_study(tmp_path / name, plan)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Fourteen trials of one process."""
    journal = tmp_path_factory.mktemp("whole") / "study.journal"
    with open_study(journal, PLAN) as study:
        for _ in range(14):
            run_trial(study)
        return study.records()


def test_the_first_trial_is_what_was_decided_and_hopeless_ones_end_early(
    whole,
) -> None:
    assert whole[0]["settings"] == FIRST
    assert [record["trial"] for record in whole] == list(range(1, 15))
    states = {record["state"] for record in whole}
    assert states == {"complete", "pruned"}
    for number, record in enumerate(whole):
        scores, epochs = record["dev_f1_by_epoch"], record["settings"]["epochs"]
        if record["state"] == "complete":
            assert len(scores) == epochs
            assert record["dev_f1"] == scores[-1]
        else:
            step = len(scores) - 1
            others = sorted(
                r["dev_f1_by_epoch"][step]
                for r in whole[:number]
                if r["state"] == "complete" and len(r["dev_f1_by_epoch"]) > step
            )
            assert max(scores) < others[len(others) // 2]
            assert record["dev_f1"] is None


@pytest.mark.parametrize("dies_after", [None, 1, 2])
def test_a_study_goes_on_where_its_process_ended(opened, whole, dies_after) -> None:
    for _ in range(14):
        with contextlib.suppress(Killed), opened() as study:
            run_trial(study, dies_after=dies_after)
    with opened() as study:
        while study.finished < 14:
            run_trial(study)
        assert study.records() == whole
        scores = [record["dev_f1"] or 0.0 for record in whole]
        assert study.best == scores.index(max(scores)) + 1


def test_other_seeds_draw_other_trials(opened, whole) -> None:
    with opened(replace(PLAN, seed=1)) as study:
        run_trial(study)
        run_trial(study)
        assert study.records()[0] == whole[0]
        assert study.records()[1]["settings"] != whole[1]["settings"]


def test_what_the_study_began_with_counts(opened) -> None:
    with opened() as study:
        run_trial(study)
    later = replace(PLAN, first={**FIRST, "epochs": 6}, epochs=6, space={})
    with opened(later) as study:
        assert study.plan == PLAN
        assert study.next().settings.keys() == FIRST.keys()
    with (
        pytest.raises(ConfigError, match=r"other settings: dropout was 0\.1, is 0\.2"),
        opened(replace(PLAN, about={"dropout": 0.2})),
    ):
        pass


def test_a_study_is_open_once(opened, tmp_path) -> None:
    with opened(), pytest.raises(ConfigError, match="another process is search"):
        opened().__enter__()
    with opened():
        pass


def test_what_a_lost_machine_left_is_mended(opened, tmp_path, whole) -> None:
    with opened() as study:
        run_trial(study)
    journal = tmp_path / "study.journal"
    content = journal.read_bytes()
    journal.write_bytes(content + b'{"op_code": 4, "wor')
    (tmp_path / "study.journal.lock").symlink_to(journal)
    with opened() as study:
        assert study.records() == whole[:1]
    journal.write_bytes(content[:20] + b"\n" + content[20:])
    with pytest.raises(StorageError, match=r"study\.journal: damaged;.+--overwrite"):
        opened().__enter__()


def test_what_was_tried_is_not_tried_again(opened) -> None:
    space = {name: SPACE[name] for name in ("head", "decode")}
    first = {name: FIRST[name] for name in space}
    outcomes, repeated = {}, 0
    with opened(replace(PLAN, space=space, first=first)) as study:
        while not study.is_exhausted:
            trial = study.next()
            key = json.dumps(trial.settings)
            if earlier := study.repeat(trial):
                assert outcomes[key][0] == earlier
                repeated += 1
            elif trial.settings["head"] == "crf":
                trial.end("pruned")
                outcomes[key] = (trial.number, "pruned", None)
            else:
                trial.complete(0.5)
                outcomes[key] = (trial.number, "complete", 0.5)
        assert len(outcomes) == 3
        assert len(study.records()) == 3 + repeated
        for record in study.records():
            outcome = outcomes[json.dumps(record["settings"])]
            assert (record["state"], record["dev_f1"]) == outcome[1:]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "learning_rate": st.floats(1e-6, 1),
            "dropout": st.floats(0, 0.4),
            "epochs": st.integers(1, 60),
            "head": st.sampled_from(["softmax", "crf"]),
            "decode": st.sampled_from(["argmax", "viterbi"]),
        },
    )
)
def test_drawn_settings_are_short_and_make_sense(drawn: dict[str, Any]) -> None:
    settings = settings_of(drawn)
    assert settings_of(settings) == settings
    assert settings.keys() == drawn.keys()
    for name, value in settings.items():
        if isinstance(value, float):
            assert (
                float(f"{value:.2g}") == value == pytest.approx(drawn[name], rel=0.06)
            )
        elif name == "decode" and drawn.get("head") == "crf":
            assert value == "viterbi"
        else:
            assert value == drawn[name]


def space_of(toy_settings: dict[str, Any], *besides: str, **settings: Any) -> Any:
    left = {n: v for n, v in toy_settings.items() if n not in SEARCHED}
    data = load_training_data(TrainConfig(**left, output="none", **settings))
    given = {*settings, *besides}
    searched = [name for name in SEARCHED if name not in given]
    return data.config.to_json(), search_space(data, searched)


def test_ranges_hold_what_was_decided(toy_settings) -> None:
    decided, space = space_of({**toy_settings, "recipe": "auto"})
    assert tuple(space) == SEARCHED
    for name, about in space.items():
        if "choices" in about:
            assert decided[name] in about["choices"]
            assert len(about["choices"]) > 1
        else:
            assert about["low"] <= decided[name] <= about["high"]
            assert about["low"] < about["high"]
            assert isinstance(about["low"], int) == isinstance(decided[name], int)
    assert json.loads(json.dumps(space)) == space


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        ({"dropout": 0.1, "epochs": 3}, {"dropout", "epochs"}),
        ({"label_pieces": "all"}, {"head"}),
        ({"loss": "focal"}, {"head"}),
        ({"head": "crf"}, {"head", "decode"}),
        ({"warmup_steps": 3}, {"warmup_ratio"}),
        ({"task": "span"}, {"head", "decode"}),
    ],
    ids=lambda value: " ".join(sorted(value)),
)
def test_what_is_given_or_senseless_is_not_searched(
    toy_settings, settings, gone
) -> None:
    _, space = space_of({**toy_settings, "recipe": "auto"}, **settings)
    assert set(SEARCHED) - set(space) == gone
