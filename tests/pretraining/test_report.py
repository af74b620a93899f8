"""What a pretraining run tells people: pictures of its curves, and when it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tfner.config.pretrain import PretrainConfig
from tfner.pretraining.directory import RunDirectory
from tfner.pretraining.log import Log, draw_curves
from tfner.pretraining.report import Report
from tfner.pretraining.run import Pretraining
from tfner.training.distribution import distribution

MLM = {"loss": 9.0, "mlm_loss": 9.0, "mlm_accuracy": 0.1}
ELECTRA = MLM | {
    "discriminator_loss": 0.4,
    "discriminator_precision": 0.5,
    "discriminator_recall": 0.1,
    "discriminator_auc": 0.7,
    "tokens_per_second": 1.0,
}


@pytest.mark.parametrize(("figures", "curves"), [(MLM, 2), (ELECTRA, 4)])
def test_curves_are_drawn(
    tmp_path: Path, figures: dict[str, float], curves: int
) -> None:
    log = Log(tmp_path, done=0)
    for step in (10, 20, 30):
        log.add(step, {**figures, "mlm_loss": 9 - step / 10})
    draw_curves(tmp_path)
    drawn = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    headings = ("loss on masked", "accuracy on masked", "inator loss", "inator AUC")
    assert [heading in drawn for heading in headings] == [n < curves for n in range(4)]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def told(tmp_path: Path, heed: Any) -> Iterator[tuple[Pretraining, list[str]]]:
    """A run that reports into a list, its warm-up over after 10 steps."""
    lines: list[str] = []
    config = PretrainConfig(
        data="rows", output=str(tmp_path / "run"), steps=100, warmup_steps=10
    )
    manifest: Any = None  # reports do not look at the data
    run = Pretraining(config, manifest, RunDirectory(tmp_path), distribution("none"))
    with heed(lines.append):
        yield run, lines


def notes(told: tuple[Pretraining, list[str]], *reports: tuple[int, float]) -> int:
    run, lines = told
    for step, auc in reports:
        run.report(Report(step, ELECTRA | {"discriminator_auc": auc}, 0.1))
    return sum(line.startswith("note: the discriminator guesses") for line in lines)


def test_a_discriminator_that_guesses_is_told_of_once(
    told: tuple[Pretraining, list[str]],
) -> None:
    assert notes(told, (20, 0.501), (30, 0.5)) == 1


def test_one_that_learns_or_is_warming_up_is_not(
    told: tuple[Pretraining, list[str]],
) -> None:
    assert notes(told, (5, 0.5), (10, 0.5), (20, 0.56), (30, 0.9)) == 0
