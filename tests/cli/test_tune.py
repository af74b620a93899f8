"""`tfner tune`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import flags_of
from tests.conftest import toy_sentences, write_columns
from tfner.cli.tune import WITHOUT, summary
from tfner.config.train import TrainConfig
from tfner.finetuning import tuning


@pytest.fixture
def flags(toy_settings: dict[str, Any], tmp_path: Path) -> list[str]:
    dev = write_columns(tmp_path / "dev.conll", toy_sentences(48, first=60))
    changes = {"dev": dev, "output": tmp_path / "study", "epochs": 1}
    return flags_of(toy_settings | changes)


@pytest.mark.slow
def test_a_search_prints_its_trials_and_the_best_one(
    tfner, flags, tmp_path, toy_corpus
) -> None:
    result = tfner("tune", *flags, "--head", "softmax", "--trials", 2)
    assert result.code == 0, result.err
    head, first, second, *rest = result.out.splitlines()
    searched = ["warmup-ratio", "layerwise-lr-decay", "dropout"]
    assert head.split() == ["trial", "dev", "F1", *searched]
    assert [first.split()[0], second.split()[0]] == ["1", "2"]
    assert "trial 1 of 2: --warmup-ratio 0.1" in result.err
    assert "is the best of 2, and so higher than on new texts" in "".join(rest)
    assert not any("test F1" in line for line in rest)
    assert rest[-1].startswith(f"model: {tmp_path / 'study' / 'trial-'}")
    test = ("--test", toy_corpus / "test.conll")
    again = tfner("tune", *flags, "--head", "softmax", *test, "--trials", 2, "--json")
    assert "trial 1 of" not in again.err
    found = json.loads(again.out)
    assert found["test"]["support"] > 0
    assert found == json.loads((tmp_path / "study" / "summary.json").read_text("utf-8"))
    other = tfner("tune", *flags, "--trials", 2).sentence
    assert "is searched was 'warmup_ratio, layerwise_lr_decay, dropout', is" in other


def test_given_settings_are_fixed_even_if_they_are_the_default(
    tfner, flags, tmp_path, monkeypatch
) -> None:
    seen: dict[str, Any] = {}

    def note(config: TrainConfig, **given: Any) -> dict[str, Any]:
        seen.update(given)
        raise KeyboardInterrupt

    monkeypatch.setattr(tuning, "tune", note)
    (tmp_path / "run.toml").write_text('[model]\ndropout = 0.1\n[task]\nhead = "crf"\n')
    given = ["--config", tmp_path / "run.toml", "--hours", 0.5]
    result = tfner("tune", *flags, *given)
    assert result.code == 130
    assert "interrupted. The same command goes on" in result.err
    assert seen == {
        "searched": ["warmup_ratio", "layerwise_lr_decay", "decode"],
        "trials": None,
        "hours": 0.5,
    }


def test_what_trials_do_not_have_is_no_option(tfner) -> None:
    shown = tfner("tune", "--help").out
    for name in WITHOUT:
        if name != "trials":  # it counts those of the search
            assert f"{TrainConfig.leaves()[name].option} " not in shown


def test_the_recipe_is_named_beside_the_best() -> None:
    def trial(number: int, state: str, f1: float | None, *scores: float) -> Any:
        settings = {"head": "crf" if number > 1 else "softmax"}
        return {
            "trial": number,
            "state": state,
            "dev_f1": f1,
            "settings": settings,
            "dev_f1_by_epoch": list(scores),
        }

    found = {
        "best": "trial-2",
        "bundle": "study/trial-2",
        "searched": {"head": {}},
        "test": {"f1": 0.5},
        "trials": [
            trial(1, "complete", 0.6, 0.6),
            trial(2, "complete", 0.7, 0.7),
            trial(3, "pruned", None, 0.125),
            trial(4, "diverged", None),
        ],
    }
    assert "\n".join(summary(found)) == (
        "trial            dev F1     head\n"
        "1                0.6000  softmax\n"
        "2                0.7000      crf\n"
        "3      pruned at 0.1250      crf\n"
        "4              diverged      crf\n"
        "\n"
        "dev F1 0.7000 of trial 2 is the best of 4, and so higher than on new texts\n"
        "dev F1 0.6000 of trial 1, what `tfner train` would do\n"
        "test F1 0.5000 of trial 2\n"
        "again: tfner train --config study/trial-2/run.toml --output DIR\n"
        "model: study/trial-2"
    )
