"""Checkpoints of any run: its variables, and the settings that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from tfner.config.base import Settings
from tfner.config.sections import plain
from tfner.errors import TrainingError


def own_copies(variable: keras.Variable) -> list[Any]:
    """Return what each replica of this process has counted.

    The variable as a whole is the sum over all workers: to read it, all must.
    """
    value = variable.value
    return list(getattr(value, "values", [value]))


def check_unchanged(
    path: Path,
    kind: type[Settings],
    before: Mapping[str, Any],
    now: Mapping[str, Any],
) -> None:
    """Check that a resumed run has the settings that it began with.

    Args:
        path: its checkpoint.
        kind: of settings. One that was not there yet when the run began had its
            default.
        before: settings that must be equal, as the checkpoint has them.
        now: the same settings of the resumed run.

    Raises:
        TrainingError: some differ; all are named.
    """
    then = {**kind.defaults(), **kind.translated(before)}
    changed = [
        f"{name} was {plain(then.get(name))!r}, is {plain(value)!r}"
        for name, value in now.items()
        if plain(then.get(name)) != plain(value)
    ]
    if changed:
        raise TrainingError(
            f"{path} belongs to other settings: {'; '.join(changed)}. Give the old "
            "ones to go on, or --overwrite to start afresh."
        )
