"""Checkpoints: the best epoch, and all that a run needs to go on where it stopped.

checkpoint.npz            weights, optimizer, running means; epoch, step, history
checkpoint.previous.npz   the one before, for the case that the newest is damaged
best.npz                  weights of the best epoch so far
epoch-N.npz               of every epoch, where they are kept
log.csv                   a line an epoch

Vectors of pieces that do not learn are in none of them: the encoder brings them again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from tfner.config.train import TrainConfig
from tfner.errors import TrainingError
from tfner.models.encoders.embeddings import PieceTable
from tfner.models.keras_internals import all_layers
from tfner.storage.workplace import Mirror
from tfner.training.arrays import assign_variables, load_arrays, save_arrays, written
from tfner.training.checkpoints import (
    LastTwoCheckpoints,
    are_finite,
    own_copies,
)
from tfner.training.log import LOG, log_text
from tfner.training.step import TrainingModel
from tfner.training.stopping import DivergedError, StoppedError

BEST = "best.npz"
EPOCH = "epoch-{}.npz"


class Place(NamedTuple):
    """The progress of a run: whole epochs, and steps of the epoch after them."""

    epochs: int = 0
    steps: int = 0


class Checkpoint(keras.callbacks.Callback):
    """Keeps the best weights, and all that a resumed run needs.

    Files are written under a temporary name and renamed, so that a kill at any moment
    leaves the previous ones whole. A resumed run ends with the weights of one that was
    never interrupted.

    Args:
        directory: of this run.
        training_model: its weights, optimizer and running means are kept.
        kind: of the settings.
        monitor: the figure that selects the epoch, `dev_f1` or `dev_loss`; None takes
            the last epoch.
        fingerprint: settings that a resumed run must share.
        save_every: write a checkpoint every so many steps, besides after each epoch.
        keep_epochs: keep the weights of every epoch, not of the best one alone.
        asked_to_stop: returns True to write a checkpoint now and end the run.
        writes: False for a worker, which goes on from the files of the chief.
        mirror: remote directory to which whole checkpoints are copied, if any.
    """

    def __init__(
        self,
        directory: Path,
        training_model: TrainingModel,
        *,
        kind: type[TrainConfig] = TrainConfig,
        monitor: str | None,
        fingerprint: Mapping[str, Any],
        save_every: int | None = None,
        keep_epochs: bool = False,
        asked_to_stop: Callable[[], bool] = lambda: False,
        writes: bool = True,
        mirror: Path | None = None,
    ) -> None:
        super().__init__()
        self.directory, self.store = directory, LastTwoCheckpoints(directory)
        self.training_model, self.monitor = training_model, monitor
        self.kind = kind
        self.fingerprint, self.save_every = dict(fingerprint), save_every
        self.keep_epochs = keep_epochs
        self.asked_to_stop, self.writes = asked_to_stop, writes
        names = (BEST, EPOCH.format("*"), LOG, self.store.LAST)
        self.mirror = None if mirror is None else Mirror(directory, mirror, names)
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self.place = Place()
        self._before = 0
        self._means: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Restore the running means of an epoch that was begun before."""
        self._before = self.place.steps
        for variable, mean in zip(self._mean_variables(), self._means, strict=False):
            for copy in own_copies(variable):
                copy.assign(mean)
        self._means = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write a checkpoint if it is time to, or if the run must end.

        Raises:
            StoppedError: the run was asked to stop; everything is saved.
            StorageError: the files cannot be written.
        """
        if batch + 1 == self.params["steps"]:
            return  # the end of the epoch saves
        self.place = Place(self.place.epochs, self._before + batch + 1)
        if not self.writes:
            return
        if self.asked_to_stop():
            self._stop()
        if self.save_every and self.place.steps % self.save_every == 0:
            self._save_state()

    def _stop(self) -> None:
        self._save_state()
        epochs, steps = self.place
        raise StoppedError(
            f"stopped as asked after {epochs} epochs and {steps} steps; all is saved. "
            "The same command with --resume goes on from there."
        )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the best weights first: the state that names them must not be ahead.

        Raises:
            DivergedError: the epoch's last step spoilt the weights.
            StorageError: the files cannot be written.
        """
        if not self.writes:
            self.place = Place(epoch + 1)
            return
        weights = self._weights()
        if not are_finite(weights):
            raise DivergedError(
                f"weights are no longer numbers at the end of epoch {epoch + 1}. "
                "Lower --learning-rate or raise --warmup-ratio."
            )
        self.history.append(
            {"epoch": epoch + 1, **{name: float(v) for name, v in logs.items()}}
        )
        names = [EPOCH.format(epoch + 1)] if self.keep_epochs else []
        if self._is_best():
            self.best_epoch = epoch + 1
            names.append(BEST)
        for name in names:
            with self.training_model.averaged():
                save_arrays(self.directory / name, self._weights())
        self.place = Place(epoch + 1)
        with written(self.directory / LOG) as file:
            file.write(log_text(self.history).encode())
        if self.asked_to_stop():
            self._stop()
        self._save_state()

    def has_stalled(self, patience: int) -> bool:
        """Tell whether no epoch of the last `patience` was better; 0 for never."""
        return 0 < patience <= len(self.history) - self.best_epoch

    def _save_state(self) -> None:
        about = {
            "history": self.history,
            "best_epoch": self.best_epoch,
            "settings": self.fingerprint,
            "place": self.place,
            "pieces": self._digest,
        }
        means = [own_copies(variable)[0] for variable in self._mean_variables()]
        variables = [*self.training_model.optimizer.variables, *means]
        arrays = [*self._weights(), *(np.asarray(v) for v in variables)]
        self.store.save(arrays, about)
        if self.mirror:
            self.mirror.send()

    def _weights(self) -> list[Any]:
        return [v.numpy() for v in _kept(self.training_model.model)]

    @cached_property
    def _digest(self) -> int | None:
        """Of the vectors that do not learn, which a resumed run must find again."""
        table = _divided(self.training_model.model)
        return None if table is None else zlib.crc32(table.some_fixed().tobytes())

    def _mean_variables(self) -> list[Any]:
        return [v for metric in self.training_model.metrics for v in metric.variables]

    def _is_best(self) -> bool:
        if self.monitor is None:
            return True
        *earlier, now = map(self._merit, self.history)
        return all(now > merit for merit in earlier)

    def _merit(self, line: Mapping[str, float]) -> tuple[float, float]:
        """Higher is better; the loss decides between epochs of the same F1."""
        return (line["dev_f1"] if self.monitor == "dev_f1" else 0.0, -line["dev_loss"])

    def resume(self) -> Place:
        """Load the newest whole checkpoint; returns where it stands.

        Raises:
            TrainingError: it belongs to other settings or another model, or there is
                none that is whole.
        """
        state = self.store.resume(self.kind, self.fingerprint)
        if state is None:
            return self.place
        path, arrays, about = state
        if about.get("pieces") not in (None, self._digest):
            raise TrainingError(
                f"{path} belongs to another encoder: vectors of pieces that its run "
                "did not learn are not those of --encoder. Give the encoder as it was, "
                "or --overwrite to start afresh."
            )
        means = len(self._mean_variables())
        model, optimizer = self.training_model.model, self.training_model.optimizer
        variables = [*_kept(model), *optimizer.variables]
        _assign(model, variables, arrays[: len(arrays) - means], path)
        self.history, self.best_epoch = about["history"], about["best_epoch"]
        self.place = Place(*about["place"])
        self._means = arrays[len(arrays) - means :] if self.place.steps else []
        return self.place

    def load_best(self, model: keras.Model) -> None:
        """Put the best epoch's weights into a model."""
        self._load(model, BEST)

    def load_epoch(self, model: keras.Model, number: int) -> None:
        """Put the weights of an epoch, counted from 1, into a model; they were kept."""
        self._load(model, EPOCH.format(number))

    def _load(self, model: keras.Model, name: str) -> None:
        path = self.directory / name
        _assign(model, _kept(model), load_arrays(path)[0], path)


def _divided(model: keras.Model) -> PieceTable | None:
    """The table of which some rows learn, if there is one."""
    tables = (layer for layer in all_layers(model) if isinstance(layer, PieceTable))
    return next((table for table in tables if table.fixed is not None), None)


def _kept(model: keras.Model) -> list[keras.Variable]:
    """The weights that checkpoints hold: all but vectors that do not learn."""
    table = _divided(model)
    fixed = None if table is None else table.fixed
    return [weight for weight in model.weights if weight is not fixed]


def _assign(
    model: keras.Model, variables: Sequence[Any], arrays: Sequence[Any], path: Path
) -> None:
    """Set variables to arrays, also to those of 0.1, where all pieces learnt."""
    table = _divided(model)
    if table is not None and len(arrays) < len(variables):
        arrays = list(_of_rows(table, variables, arrays))
    assign_variables(variables, arrays, path)


def _of_rows(
    table: PieceTable, variables: Sequence[Any], arrays: Sequence[Any]
) -> Iterator[Any]:
    """Yield an array for each variable, rows that learn out of whole tables."""
    rest, array, scale = iter(arrays), np.zeros(()), table.scale.path.replace("/", "_")
    for variable in variables:
        name = variable.path.replace("/", "_")
        if name.endswith(f"{scale}_average"):
            yield table.scale_of(array)
        elif scale in name:
            yield np.float32(variable is table.scale)  # moments are 0
        else:
            array = next(rest, np.zeros(()))
            is_whole = array.shape == tuple(table.fixed.shape)
            if is_whole and variable is table.learned:
                table.begin_from(array)
            yield table.rows_of(array) if is_whole else array
