"""The range test: what it measures, what it suggests, and that it changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfner.errors import ConfigError
from tfner.finetuning.lr_finder import find_learning_rate, smooth, suggest
from tfner.training.keras_internals import schedule_of
from tfner.training.optimizers import Sweep


@pytest.mark.parametrize(
    ("mode", "middle"), [("exponential", 1e-3), ("linear", (1e-5 + 1e-1) / 2)]
)
def test_the_rate_rises_from_low_to_high(mode: str, middle: float) -> None:
    sweep = Sweep(1e-5, 1e-1, steps=3, mode=mode)
    found = [float(sweep(step)) for step in range(3)]
    assert found == pytest.approx([1e-5, middle, 1e-1], rel=1e-4)
    assert float(Sweep.from_config(sweep.get_config())(1)) == found[1]


def test_the_suggestion_is_the_steepest_fall_before_the_lowest_loss() -> None:
    rates = np.logspace(-5, 0, 51)
    # Falls fastest at 1e-3, is lowest at 1e-1, then grows fast.
    losses = 1 / (1 + np.exp(3 * (np.log10(rates) + 3))) + (rates > 0.1) * rates * 10
    assert suggest(rates.tolist(), losses.tolist()) == pytest.approx(1e-3, rel=0.3)


def test_a_loss_that_never_falls_suggests_nothing() -> None:
    rates = np.logspace(-5, 0, 30).tolist()
    assert suggest(rates, np.linspace(1, 2, 30).tolist()) is None
    assert suggest([], []) is None


def test_smoothing_starts_at_the_first_loss() -> None:
    assert smooth([3.0])[0] == pytest.approx(3.0)
    assert smooth([3.0, 1.0])[1] == pytest.approx((0.9 * 0.3 + 0.1) / 0.19)


@pytest.mark.parametrize("cycles", [False, True])
def test_a_run_of_the_test_finds_a_rate_and_writes_nothing(
    config, tmp_path, cycles: bool
) -> None:
    settings = {"batch_size": 4, "dev": None, "dev_fraction": 0.0}
    found = find_learning_rate(
        config(cycle_momentum=cycles, **settings), high=1.0, steps=14
    )
    assert len(found.rates) == len(found.losses) == len(found.smoothed)
    assert found.suggestion is None or 1e-6 <= found.suggestion <= 1.0
    assert list(tmp_path.iterdir()) == []


def test_a_corpus_smaller_than_its_steps_is_told(config) -> None:
    with pytest.raises(ConfigError, match=r"the corpus gives \d+ batches, the test"):
        find_learning_rate(config(), steps=500)


@pytest.mark.parametrize(
    "wrong", [{"low": 0.0}, {"high": 1e-9}, {"steps": 2}, {"mode": "cosine"}]
)
def test_a_range_that_is_none_is_refused(config, wrong) -> None:
    with pytest.raises(ConfigError, match="a range test needs"):
        find_learning_rate(config(), **wrong)


def test_weights_and_optimizer_are_as_before(config, tmp_path: Path) -> None:
    from tfner.finetuning import lr_finder

    kept = []

    def remember(training_model, batches, schedule):  # type: ignore[no-untyped-def]
        variables = [*training_model.model.weights, *training_model.optimizer.variables]
        before = [np.array(v) for v in variables]
        found = original(training_model, batches, schedule)
        kept.extend(zip(before, [np.array(v) for v in variables], strict=True))
        kept.append(type(schedule_of(training_model.optimizer)).__name__)
        return found

    original = lr_finder.range_test
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lr_finder, "range_test", remember)
        find_learning_rate(config(batch_size=4), steps=10)
    assert kept.pop() == "WarmupLinearDecay"
    assert len(kept) > 10
    assert all((before == after).all() for before, after in kept)
