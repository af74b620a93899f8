"""One training run: a seed's model, fitted, scored and saved."""

from __future__ import annotations

import json
import logging
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras

from tfner.errors import TrainingError
from tfner.finetuning.callbacks import (
    Clock,
    Progress,
    Scorer,
    StopAtNaN,
    StopEarly,
)
from tfner.finetuning.checkpoint import Checkpoint, Place
from tfner.finetuning.compiled import CompiledRun
from tfner.finetuning.result import RunResult, save_result
from tfner.finetuning.training_data import TrainingData
from tfner.inference.runners import KerasRunner
from tfner.storage.publishing import ANYTHING, Version
from tfner.storage.remote import address, publish, remove
from tfner.storage.workplace import Workplace
from tfner.training.memory import give_back
from tfner.training.stopping import DivergedError, asked_to_stop
from tfner.training.tensorboard import TensorBoard

logger = logging.getLogger(__name__)

NOT_COMPARED = (
    *("output", "overwrite", "resume", "trials", "seed", "tensorboard"),
    *("strategy", "tpu", "recompute", "jit_compile", "save_every", "show_mistakes"),
    "lora_only",
)
"""Settings that a resumed run may change; seeds have directories of their own."""


class Run:
    """One seed: its model is fitted, scored and saved.

    Args:
        compiled: from `compile_run`.
        workplace: where the checkpoints lie.
        callbacks: of the user; see `tfner.finetuning.train.train`.
    """

    def __init__(
        self,
        compiled: CompiledRun,
        workplace: Workplace,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        self.compiled, self.workplace = compiled, workplace
        self.callbacks = callbacks
        self.data, self.config = compiled.data, compiled.data.config
        self.distribution = compiled.distribution

    def fit(self, target: Path, replaces: Version | None = ANYTHING) -> RunResult:
        """Train to the end; the chief writes the bundle to `target`.

        Args:
            target: directory of the bundle.
            replaces: what may be replaced there.

        Raises:
            DivergedError: the loss became NaN; the best epoch before it, if there is
                one, is saved first.
        """
        is_chief, directory = self.distribution.is_chief, self.workplace.directory
        if is_chief:
            directory.mkdir(parents=True, exist_ok=True)
        clock = Clock(self.data.sentences)
        with asked_to_stop() if is_chief else nullcontext(lambda: False) as asked:
            checkpoint = self._checkpoint(asked)
            give_back()  # what reading took, before the step takes more
            failure = self._run_epochs(checkpoint, clock)
        give_back()  # what compiling took, before the bundle takes more
        filled = {"filled_positions": self.compiled.filled_positions}
        speed = {**clock.speed(), **filled}
        if not is_chief:
            return RunResult(self.compiled.seed, target, None, None, speed)
        if failure is not None and target.exists():
            # A broken-off run never takes the place of a finished one.
            target = directory.with_name(f"{directory.name}.bundle")
            replaces = ANYTHING
        with self.distribution.host():
            result = save_result(
                target,
                replaces=replaces,
                data=self.data,
                seed=self.compiled.seed,
                model=self._best(checkpoint),
                checkpoint=checkpoint,
                speed=speed,
            )
        if failure is not None:
            # What is good is saved; going on from here would only fail again.
            shutil.rmtree(directory)
            raise DivergedError(
                f"{failure} The model of epoch {checkpoint.best_epoch} is in "
                f"{address(self._sent(target))}."
            )
        return result

    def _checkpoint(self, asked_to_stop: Callable[[], bool]) -> Checkpoint:
        return Checkpoint(
            self.workplace.directory,
            self.compiled.model,
            kind=type(self.config),
            monitor=f"dev_{self._selects()}" if self._selects() else None,
            fingerprint=fingerprint(self.data),
            save_every=self.config.saving.save_every,
            keep_epochs=self.config.saving.keep_epochs,
            asked_to_stop=asked_to_stop,
            writes=self.distribution.is_chief,
            mirror=self.workplace.remote,
        )

    def _sent(self, target: Path) -> Path:
        """Where the model of a broken-off run can be found: beside its checkpoints."""
        mirror = self.workplace.remote
        if mirror is None:
            return target
        place = mirror.with_name(target.name)
        publish(target, place)
        remove(mirror)
        return place

    def _best(self, checkpoint: Checkpoint) -> keras.Model:
        """Return the model of the best epoch in float32, on one device."""
        model = self.compiled.model.model
        is_plain = self.config.devices.precision == "float32"
        if self.distribution.kind != "none" or not is_plain:
            model = self.compiled.new_model()
        checkpoint.load_best(model)
        if score := self._selects():
            logger.info("best epoch: %s by dev %s", checkpoint.best_epoch, score)
        return model

    def _selects(self) -> str | None:
        """The score of dev that selects the epoch; None where the last one is kept."""
        best = self.config.optimizer.best
        return best if self.data.corpora.dev and best != "last" else None

    def _run_epochs(self, checkpoint: Checkpoint, clock: Clock) -> TrainingError | None:
        """Run the epochs that are left; a failure after the first one is returned."""
        plan, steps = self.compiled.plan, self.compiled.plan.steps_per_epoch
        place = checkpoint.resume() if self.config.saving.resume else Place()
        if place.epochs or place.steps:
            more = f" and {place.steps} steps" if place.steps else ""
            logger.info("resumed after epoch %s%s", place.epochs, more)
        settings = json.dumps(checkpoint.fingerprint, sort_keys=True, default=str)
        digests = (zlib.crc32(plan.windows.tobytes()), zlib.crc32(settings.encode()))
        self.distribution.check_agreement(*place, *digests)
        callbacks = self._callbacks(checkpoint, clock)
        try:
            for first, last, done in self._epochs_left(place, checkpoint):
                self.compiled.model.fit(
                    self.compiled.batches(skip=first * steps + done),
                    initial_epoch=first,
                    epochs=last,
                    steps_per_epoch=steps - done,
                    shuffle=False,
                    verbose=0,
                    callbacks=callbacks,
                )
        except DivergedError as error:
            if not checkpoint.history:
                raise
            return error
        return None

    def _epochs_left(
        self, place: Place, checkpoint: Checkpoint
    ) -> Iterator[tuple[int, int, int]]:
        """First and last epoch, and steps already done: a begun epoch by itself."""
        first, last = place.epochs, self.compiled.plan.epochs
        if place.steps:
            yield first, first + 1, place.steps
            first += 1
        if first < last and not self._has_stalled(checkpoint):
            yield first, last, 0

    def _has_stalled(self, checkpoint: Checkpoint) -> bool:
        """Tell whether the run ends early; every worker asks, the chief knows."""
        patience = self.config.optimizer.patience or 0
        stalled = bool(patience) and self.distribution.any(
            checkpoint.has_stalled(patience)
        )
        if stalled and checkpoint.place.epochs < self.compiled.plan.epochs:
            logger.info("no better epoch on dev for %s: the run ends here", patience)
        return stalled

    def _callbacks(
        self, checkpoint: Checkpoint, clock: Clock
    ) -> list[keras.callbacks.Callback]:
        """Make the callbacks of `fit`; only the chief scores and writes."""
        callbacks: list[keras.callbacks.Callback] = [StopAtNaN(), clock]
        stop = StopEarly(lambda: self._has_stalled(checkpoint))
        if not self.distribution.is_chief:
            return [*callbacks, checkpoint, stop]
        if self.data.corpora.dev:
            callbacks.append(Scorer(self._scorer()))
        plan = self.compiled.plan
        callbacks += self.callbacks
        callbacks += [checkpoint, Progress(plan.epochs, plan.steps_per_epoch), stop]
        if curves := self.config.saving.tensorboard:
            callbacks.append(TensorBoard(f"{curves}/seed-{self.compiled.seed}"))
        return callbacks

    def _scorer(self) -> Callable[[], dict[str, float]]:
        """Make a function that scores dev, with averaged weights if there are any.

        A TPU runs nothing but what it was compiled for: a copy on the host is scored.
        """
        training_model, on_tpu = self.compiled.model, self.distribution.kind == "tpu"
        with self.distribution.host():
            model = self.compiled.new_model() if on_tpu else training_model.model
        run = KerasRunner(model)

        def now() -> dict[str, float]:
            with training_model.averaged(), self.distribution.host():
                if on_tpu:
                    model.set_weights([w.numpy() for w in training_model.model.weights])
                return self.data.dev.scores(run, show=self.config.saving.show_mistakes)

        return now


def fingerprint(data: TrainingData) -> dict[str, Any]:
    """Return the settings that must be equal for a run to be resumed."""
    settings = data.config.to_json().items()
    queries = getattr(data.task, "queries", {})
    return {
        **{name: value for name, value in settings if name not in NOT_COMPARED},
        "number of training windows": len(data.windows),
        "digest of the labels": data.task.label_set.digest,
        **{f"query of {label}": query for label, query in queries.items()},
    }
