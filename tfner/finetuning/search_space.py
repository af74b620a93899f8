"""The settings that tuning searches, each in a range around what was decided for it.

All figures stand in the tables below; a space is plain data, as Optuna's `suggest_`
functions take it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, get_args

from tfner.config.choices import Decode, Head
from tfner.errors import ConfigError
from tfner.finetuning.training_data import TrainingData, make_task
from tfner.tasks.decoding import is_constrained

Space = Mapping[str, Mapping[str, Any]]
"""By setting: `choices`, or `low` and `high` and whether draws are even by `log`."""

FACTORS = {"learning_rate": 4, "epochs": 2}
"""By how much a setting may differ from what was decided, down and up."""
BATCHES = (0.5, 1, 2)
"""Batch sizes, as shares of the one that was decided."""
SHARES = {
    "warmup_ratio": (0.0, 0.3),
    "layerwise_lr_decay": (0.7, 1.0),
    "dropout": (0.0, 0.4),
}
CHOICES = {"head": get_args(Head), "decode": get_args(Decode)}
SEARCHED = (*FACTORS, "batch_size", *SHARES, *CHOICES)
"""Settings that are searched where they are not given."""
DIGITS = 2
"""Of a number that was drawn: more decide nothing, and nobody wants to copy them."""


def search_space(data: TrainingData, searched: Collection[str]) -> Space:
    """The ranges of settings that this corpus, task and encoder leave open.

    Args:
        data: its config holds what was decided for all settings.
        searched: names of `SEARCHED`.
    """
    chosen = data.config.to_json()
    ranges = {
        name: _range(data, name, chosen[name])
        for name in SEARCHED
        if name in searched and chosen.get(name) is not None
    }
    return {n: r for n, r in ranges.items() if len(r.get("choices", "..")) > 1}


def _range(data: TrainingData, name: str, value: Any) -> dict[str, Any]:
    if name in FACTORS:
        low, high = value / FACTORS[name], value * FACTORS[name]
        whole = isinstance(value, int)
        return {"low": max(1, round(low)) if whole else low, "high": high, "log": True}
    if name in SHARES:
        low, high = SHARES[name]
        return {"low": low, "high": high}
    if name in CHOICES:
        return {"choices": [c for c in CHOICES[name] if _is_possible(data, name, c)]}
    return {"choices": sorted({max(1, round(share * value)) for share in BATCHES})}


def _is_possible(data: TrainingData, name: str, value: str) -> bool:
    """Tell whether a choice makes sense beside the other settings."""
    task, head = data.task, getattr(data.config.task, "head", None)
    if name == "decode":
        return is_constrained(task.label_set) and head == "softmax"
    config, documents = data.config.replace(**{name: value}), data.corpora.train
    try:
        make_task(config, task.label_set, task.tokenizer, documents=documents)
    except ConfigError:
        return False
    return True


def settings_of(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a trial, of what was drawn for it.

    Example:
        >>> settings_of({"dropout": 0.123456, "head": "crf", "decode": "argmax"})
        {'dropout': 0.12, 'head': 'crf', 'decode': 'viterbi'}
    """
    settings = {name: neat(value) for name, value in drawn.items()}
    if drawn.get("head") == "crf" and "decode" in drawn:
        settings["decode"] = "viterbi"  # all else would waste what the head has learned
    return settings


def neat(value: Any) -> Any:
    """A number of few digits; anything else as it is."""
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
