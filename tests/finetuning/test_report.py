"""The report of a run: what was scored is reported, nothing is done a second time."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tfner.finetuning import data
from tfner.finetuning.train import run_trials
from tfner.inference.bundle import Bundle
from tfner.inference.descriptions import describe_model
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner

FILES = ("train", "dev", "test")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts what a run reads, how often its model runs, and what it loads again."""
    counts = Counter[str]()
    read, run = data.read_corpus, KerasRunner.__call__

    def counting_read(path: str, **more: Any) -> Any:
        counts[f"read {Path(path).stem}"] += 1
        return read(path, **more)

    def counting_run(self: KerasRunner, features: Any) -> Any:
        counts["model runs"] += 1
        return run(self, features)

    def loading(*arguments: Any, **more: Any) -> Any:
        pytest.fail("the model was loaded again")

    monkeypatch.setattr(data, "read_corpus", counting_read)
    monkeypatch.setattr(KerasRunner, "__call__", counting_run)
    monkeypatch.setattr(Bundle, "load_model", loading)
    monkeypatch.setattr(Predictor, "load", loading)
    return counts


def test_a_report_holds_what_the_run_has_scored_and_reads_and_runs_nothing_again(
    config, toy_corpus, tmp_path, calls
) -> None:
    parts = {name: str(toy_corpus / f"{name}.conll") for name in FILES}
    run_trials(config(output=str(tmp_path / "a"), epochs=1, **parts))
    once = Counter(calls)
    assert {name: once[f"read {name}"] for name in FILES} == dict.fromkeys(FILES, 1)
    assert once["model runs"] > 0
    calls.clear()
    place, output = tmp_path / "report", tmp_path / "b"
    result = run_trials(config(output=str(output), epochs=1, **parts), report=place)
    assert calls == once
    metrics = json.loads((place / "metrics.json").read_text("utf-8"))
    assert result["test"].items() <= metrics.items()
    stored = Bundle.load(output).metrics
    assert metrics["history"] == stored["history"]
    assert metrics["best_epoch"] == stored["best_epoch"]
    assert metrics["by_novelty"]["seen in training"]["support"] > 0
    page = (place / "report.html").read_text("utf-8")
    assert f"{output} on {parts['test']}" in page
    stored = describe_model(output)
    for name in (*stored["settings"], *stored["versions"]):
        assert f"<th>{name}</th>" in page
    assert f"<th>epochs</th><td>{stored['settings']['epochs']}</td>" in page


def test_of_several_seeds_the_best_is_reported(config, tmp_path) -> None:
    place = tmp_path / "report"
    result = run_trials(config(output=str(tmp_path / "model"), trials=2), report=place)
    metrics = json.loads((place / "metrics.json").read_text("utf-8"))
    assert metrics["f1"] == max(trial["dev"]["f1"] for trial in result["trials"])
    assert f"{result['bundle']} on" in (place / "report.html").read_text("utf-8")


def test_without_held_out_documents_there_is_no_report(
    config, tmp_path, caplog
) -> None:
    place = tmp_path / "report"
    settings = {"dev": None, "dev_fraction": 0.0, "epochs": 1}
    with caplog.at_level("INFO", "tfner"):
        run_trials(config(output=str(tmp_path / "model"), **settings), report=place)
    assert "no report: there is neither a test nor a dev corpus" in caplog.text
    assert not place.exists()
