"""A dry run tells what the run then does."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfner.errors import ConfigError
from tfner.finetuning.dry_run import dry_run, render, states_mb
from tfner.finetuning.train import train
from tfner.inference.bundle import Bundle


def test_it_foretells_the_run_and_writes_nothing(config, tmp_path) -> None:
    settings = config(epochs=2)
    found = dry_run(settings)
    assert list(tmp_path.iterdir()) == []
    assert found["sentences"] == {"train": 60, "dev": 12, "test": 0}
    assert found["steps"] == 2 * found["steps_per_epoch"]
    assert found["filled_positions"] > 0.5
    bundle = train(settings)
    assert isinstance(bundle, Bundle)
    assert bundle.metrics["filled_positions"] == found["filled_positions"]


def test_what_learns_is_counted(config) -> None:
    model = train(config(epochs=1)).load_model()
    weights = sum(v.numpy().size for v in model.weights)
    tables = sum(v.numpy().size for v in model.encoder.embeddings.weights)
    frozen = dry_run(config(freeze=0))
    assert frozen["weights"] == weights
    assert frozen["trainable_weights"] == weights - tables

    met = dry_run(config())
    rows = (met["weights"] - weights) / model.encoder.hidden_size
    unmet = (weights - met["trainable_weights"]) / model.encoder.hidden_size
    assert rows > 0
    assert rows + unmet == model.encoder.vocab_size


def test_memory_goes_with_the_weights_that_learn() -> None:
    """A weight that learns stands beside its gradient and two moments."""
    frozen, learned = (keras.Variable(np.zeros((500, 1000))) for _ in range(2))
    assert states_mb([frozen, learned], [learned]) == 4 * 2 + 2
    assert states_mb([frozen], []) == 2


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_rates_are_those_of_the_schedule(config, precision) -> None:
    settings = {"epochs": 2, "learning_rate": 0.25, "warmup_ratio": 0.0}
    found = dry_run(config(precision=precision, **settings))
    rates = list(found["learning_rates"].values())
    assert rates[0] == 0.25
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.25 / found["steps"])


def test_people_see_the_first_window(config) -> None:
    text = render(dry_run(config()))
    for part in ("input_ids", "labels", "60 train", "rows x pieces", "MB of weights"):
        assert part in text


def test_what_would_stop_the_run_stops_it_too(config) -> None:
    with pytest.raises(ConfigError, match="64 positions"):
        dry_run(config(max_length=128))
