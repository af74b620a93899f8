"""Checkpoints of a run: files of its variables, of which the newest whole is resumed.

Files appear whole or not at all, and an old one goes only when a new one is there: a
kill at any moment loses no more than the steps since the last checkpoint.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from tfner.config.base import Settings
from tfner.config.sections import plain
from tfner.errors import StorageError, TrainingError, joined
from tfner.storage.foreign_files import parse_json
from tfner.training.arrays import load_arrays, save_arrays

logger = logging.getLogger(__name__)


class SavedState(NamedTuple):
    """A checkpoint that was read.

    Args:
        path: its file.
        arrays: the values of the variables, in order.
        about: what was noted with them.
    """

    path: Path
    arrays: list[Any]
    about: dict[str, Any]


class CheckpointStore:
    """A directory of checkpoints; a subclass decides their names.

    Args:
        directory: made when the first one is written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def paths(self) -> list[Path]:
        """Return the files that there are, the newest first."""
        raise NotImplementedError

    def write(
        self, path: Path, arrays: Sequence[Any], about: Mapping[str, Any]
    ) -> None:
        """Write one checkpoint.

        Args:
            path: its file.
            arrays: the values of the variables.
            about: what is noted with them; must hold `settings` to be resumed.

        Raises:
            StorageError: it cannot be written; the older ones are all there.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        save_arrays(path, arrays, json.dumps(about))

    def read(self, path: Path) -> SavedState:
        """Read one checkpoint.

        Raises:
            TrainingError: it is damaged.
        """
        arrays, text = load_arrays(path)
        try:
            return SavedState(path, arrays, parse_json(text, place=path))
        except StorageError as error:
            raise TrainingError(str(error)) from error

    def newest(self) -> SavedState | None:
        """Read the newest one that is whole; None if there is none at all.

        Raises:
            TrainingError: there are some, all of them damaged.
        """
        problems = []
        for path in self.paths():
            try:
                return self.read(path)
            except TrainingError as error:
                problems.append(str(error))
                logger.warning("%s is damaged: the one before it is used", path)
        if problems:
            raise TrainingError(joined(problems, what="damaged checkpoints"))
        return None

    def resume(
        self, kind: type[Settings], settings: Mapping[str, Any]
    ) -> SavedState | None:
        """Read the newest one, if the run has the settings that it began with.

        Args:
            kind: of the settings. One that was not there yet when the run began had
                its default.
            settings: those that must be equal, as they are now.

        Raises:
            TrainingError: some differ, all of which are named; or see `newest`.
        """
        state = self.newest()
        if state is None:
            return None
        then = {**kind.defaults(), **kind.translated(state.about["settings"])}
        changed = changes(then, settings)
        if changed:
            raise TrainingError(
                f"{state.path} belongs to other settings: {changed}. Give "
                "the old ones to go on, or --overwrite to start afresh."
            )
        return state


class LastTwoCheckpoints(CheckpointStore):
    """The last checkpoint and the one before, for the case that the last is damaged."""

    LAST = "checkpoint.npz"
    BEFORE = "checkpoint.previous.npz"

    def paths(self) -> list[Path]:
        """Return the files that there are, the newest first."""
        paths = (self.directory / name for name in (self.LAST, self.BEFORE))
        return [path for path in paths if path.is_file()]

    def save(self, arrays: Sequence[Any], about: Mapping[str, Any]) -> None:
        """Write the last one; see `write`."""
        last = self.directory / self.LAST
        if last.is_file():
            last.replace(self.directory / self.BEFORE)
        self.write(last, arrays, about)


class NumberedCheckpoints(CheckpointStore):
    """Checkpoints by their steps: the newest ones, and some that stay for ever.

    Args:
        directory: made when the first one is written.
        keep: how many of the newest stay.
        keep_every: those of its multiples stay as well.
    """

    NAME = re.compile(r"step-(\d+)\.npz")

    def __init__(
        self, directory: Path, *, keep: int = 1, keep_every: int | None = None
    ) -> None:
        super().__init__(directory)
        self.keep, self.keep_every = keep, keep_every

    def path(self, step: int) -> Path:
        """Return the file of the checkpoint after so many steps."""
        return self.directory / f"step-{step:08d}.npz"

    def steps(self) -> list[int]:
        """Return after how many steps there is a checkpoint, the first one first."""
        if not self.directory.is_dir():
            return []
        names = (self.NAME.fullmatch(path.name) for path in self.directory.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def paths(self) -> list[Path]:
        """Return the files that there are, the newest first."""
        return [self.path(step) for step in reversed(self.steps())]

    def save(self, step: int, arrays: Sequence[Any], about: Mapping[str, Any]) -> None:
        """Write one, then remove those that need not stay; see `write`."""
        self.write(self.path(step), arrays, {**about, "step": step})
        self._remove_before(step)

    def resume(
        self, kind: type[Settings], settings: Mapping[str, Any]
    ) -> SavedState | None:
        """Read the newest one, and remove what a kill has left of older ones.

        Args:
            kind: see `CheckpointStore.resume`.
            settings: as well.
        """
        state = super().resume(kind, settings)
        if state is not None:
            self._remove_before(int(state.about["step"]))
        return state

    def _remove_before(self, step: int) -> None:
        """Remove those that need not stay beside one; later ones are damaged."""
        for old in [known for known in self.steps() if known <= step][: -self.keep]:
            if not self.keep_every or old % self.keep_every:
                self.path(old).unlink(missing_ok=True)  # all workers resume

    def load(self, step: int) -> SavedState:
        """Read the checkpoint after so many steps.

        Raises:
            TrainingError: there is none, or it is damaged.
        """
        path = self.path(step)
        if not path.is_file():
            kept = ", ".join(map(str, self.steps())) or "none"
            raise TrainingError(
                f"{self.directory} holds no checkpoint of step {step}. Kept: {kept}."
            )
        return self.read(path)


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say what became of settings; nothing where all are as they were.

    Example:
        >>> changes({"seed": 0, "epochs": 3}, {"seed": 1, "epochs": 3})
        'seed was 0, is 1'
    """
    return "; ".join(
        f"{name} was {plain(then.get(name))!r}, is {plain(value)!r}"
        for name, value in now.items()
        if plain(then.get(name)) != plain(value)
    )


def own_copies(variable: keras.Variable) -> list[Any]:
    """Return what each replica of this process has counted.

    The variable as a whole is the sum over all workers: to read it, all must.
    """
    value = variable.value
    return list(getattr(value, "values", [value]))


def are_finite(arrays: Sequence[Any]) -> bool:
    """Tell whether all values are numbers."""
    return all(np.isfinite(array).all() for array in arrays)
