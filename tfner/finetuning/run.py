"""One training run: a seed's model, fitted, scored and saved."""

from __future__ import annotations

import json
import logging
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras

from tfner.data.packing import BatchPlan, make_batch_plan
from tfner.data.pipeline import WindowTable
from tfner.errors import ConfigError, TrainingError
from tfner.finetuning.callbacks import (
    Clock,
    Progress,
    Scorer,
    StopAtNaN,
)
from tfner.finetuning.checkpoint import Checkpoint, Place
from tfner.finetuning.model import compile_task_model
from tfner.finetuning.result import RunResult, save_result
from tfner.finetuning.training_data import TrainingData
from tfner.inference.native_bundle import build
from tfner.inference.runners import KerasRunner
from tfner.models.encoders.interface import freeze_layers, recompute_layers
from tfner.storage.remote import address, publish, remove
from tfner.training.distribution import Distribution
from tfner.training.precision import precision
from tfner.training.step import TrainingModel
from tfner.training.stopping import DivergedError, asked_to_stop
from tfner.training.tensorboard import TensorBoard

logger = logging.getLogger(__name__)

EncoderFactory = Callable[[], keras.Model]

NOT_COMPARED = (
    *("output", "overwrite", "resume", "trials", "seed", "tensorboard"),
    *("strategy", "tpu", "recompute", "jit_compile", "save_every", "show_mistakes"),
)
"""Settings that a resumed run may change; seeds have directories of their own."""


class Run:
    """One seed: builds the model, fits it, scores it, saves it.

    Args:
        data: what all runs of a config share.
        seed: of this run.
        directory: for what a resumed run needs.
        encoder: makes the encoder, before it learnt the task.
        distribution: the devices.
        mirror: remote copy of `directory`, if there is one.
    """

    def __init__(
        self,
        data: TrainingData,
        seed: int,
        *,
        directory: Path,
        encoder: EncoderFactory,
        distribution: Distribution,
        mirror: Path | None = None,
    ) -> None:
        self.data, self.seed = data, seed
        self.config, self.task = data.config, data.task
        self.directory, self.encoder = directory, encoder
        self.distribution, self.mirror = distribution, mirror

    def fit(self, target: Path) -> RunResult:
        """Train to the end; the chief writes the bundle to `target`.

        Raises:
            TrainingError: the loss became NaN; the best epoch before it, if there is
                one, is saved first.
        """
        is_chief = self.distribution.is_chief
        if is_chief:
            self.directory.mkdir(parents=True, exist_ok=True)
        training_model, table, plan = self.compile()
        clock = Clock(len(self.data.corpora.train))
        with asked_to_stop() if is_chief else nullcontext(lambda: False) as asked:
            checkpoint = Checkpoint(
                self.directory,
                training_model,
                monitor=self._monitor(),
                fingerprint=self._fingerprint(),
                save_every=self.config.saving.save_every,
                keep_epochs=self.config.saving.keep_epochs,
                asked_to_stop=asked,
                writes=is_chief,
                mirror=self.mirror,
            )
            failure = self._run_epochs(training_model, checkpoint, clock, table, plan)
        speed = {**clock.speed(), "filled_positions": plan.filled(table.lengths)}
        if not is_chief:
            return RunResult(self.seed, target, None, None, speed)
        if failure is not None and target.exists():
            # A broken-off run never takes the place of a finished one.
            target = self.directory.with_name(f"{self.directory.name}.bundle")
        with self.distribution.host():
            result = save_result(
                target,
                data=self.data,
                seed=self.seed,
                model=self._best(training_model, checkpoint),
                checkpoint=checkpoint,
                speed=speed,
            )
        if failure is not None:
            # What is good is saved; going on from here would only fail again.
            shutil.rmtree(self.directory)
            raise TrainingError(
                f"{failure} The model of epoch {checkpoint.best_epoch} is in "
                f"{address(self._sent(target))}."
            )
        return result

    def _sent(self, target: Path) -> Path:
        """Where the model of a broken-off run can be found: beside its checkpoints."""
        if self.mirror is None:
            return target
        place = self.mirror.with_name(target.name)
        publish(target, place)
        remove(self.mirror)
        return place

    def compile(self) -> tuple[TrainingModel, WindowTable, BatchPlan]:
        """Make the training model, its windows and the batch plan; write nothing."""
        table = WindowTable(self.data.windows, pad_id=self.task.tokenizer.pad_id)
        with self.distribution.scope():
            model = self._learner()
            plan = self._plan(table, packs=getattr(model, "packs", False))
            training_model = compile_task_model(
                model,
                self.task,
                self.config,
                seed=self.seed,
                steps=len(plan.row_lengths),
                distribution=self.distribution,
            )
        return training_model, table, plan

    def _learner(self) -> keras.Model:
        """Build the model for training, with its precision and frozen layers."""
        with precision(self.config.devices.precision):
            model = self._model()
        if self.config.devices.recompute:
            recompute_layers(model.encoder)
        if self.config.model.freeze is not None:
            freeze_layers(model.encoder, self.config.model.freeze)
        return model

    def _best(
        self, training_model: TrainingModel, checkpoint: Checkpoint
    ) -> keras.Model:
        """Build the model that is saved: float32, on one device, of the best epoch."""
        model = training_model.model
        if (
            self.distribution.kind != "none"
            or self.config.devices.precision != "float32"
        ):
            model = self._model()
        checkpoint.load_best(model)
        if self.data.corpora.dev:
            logger.info(
                "best epoch: %s by dev %s",
                checkpoint.best_epoch,
                self.config.optimizer.best,
            )
        return model

    def _model(self) -> keras.Model:
        keras.utils.set_random_seed(self.seed)
        encoder = self.encoder()
        pieces = self.task.tokenizer.vocab_size
        if pieces > getattr(encoder, "vocab_size", pieces):
            raise ConfigError(
                f"the vocabulary has {pieces} pieces, the encoder knows "
                f"{encoder.vocab_size}. Give the tokenizer that belongs to the encoder."
            )
        model = self.task.build(encoder, dropout=self.config.model.dropout)
        build(model)
        return model

    def _plan(self, table: WindowTable, *, packs: bool) -> BatchPlan:
        on_tpu = self.distribution.kind == "tpu"
        layout = self.config.optimizer.layout
        if layout == "packed" and not packs:
            layout = "padded" if on_tpu else "bucketed"
            logger.info(
                "this encoder does not take packed rows: batches are %s", layout
            )
        if layout == "bucketed" and on_tpu:
            raise ConfigError(
                "a TPU needs batches of one shape. Received: layout=bucketed. Give "
                "--layout packed or padded."
            )
        plan = make_batch_plan(
            table.lengths,
            layout=layout,
            batch_size=self.config.optimizer.batch_size,
            seed=self.seed,
            epochs=self.config.optimizer.epochs,
            max_length=self.task.max_length,
            group=self.distribution.steps_per_execution(
                self.config.devices.steps_per_execution
            ),
        )
        rows = plan.windows.shape[1]
        parts = self.distribution.replicas * self.config.optimizer.accumulate
        if rows % parts:
            logger.info(
                "a batch has %s rows for %s parts (replicas times --accumulate): "
                "%s empty ones are added",
                rows,
                parts,
                -rows % parts,
            )
        return plan.divisible(parts)

    def _run_epochs(
        self,
        training_model: TrainingModel,
        checkpoint: Checkpoint,
        clock: Clock,
        table: WindowTable,
        plan: BatchPlan,
    ) -> TrainingError | None:
        """Run the epochs that are left; a failure after the first one is returned."""
        steps = plan.steps_per_epoch
        place = checkpoint.resume() if self.config.saving.resume else Place()
        if place.epochs or place.steps:
            more = f" and {place.steps} steps" if place.steps else ""
            logger.info("resumed after epoch %s%s", place.epochs, more)
        settings = json.dumps(self._fingerprint(), sort_keys=True, default=str)
        digests = (zlib.crc32(plan.windows.tobytes()), zlib.crc32(settings.encode()))
        self.distribution.check_agreement(*place, *digests)
        callbacks = self._callbacks(training_model, checkpoint, clock, steps)
        try:
            for first, last, done in self._epochs_left(place):
                training_model.fit(
                    self.distribution.batches(table, plan, skip=first * steps + done),
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

    def _epochs_left(self, place: Place) -> Iterator[tuple[int, int, int]]:
        """First and last epoch, and steps already done: a begun epoch by itself."""
        first = place.epochs
        if place.steps:
            yield first, first + 1, place.steps
            first += 1
        if first < self.config.optimizer.epochs:
            yield first, self.config.optimizer.epochs, 0

    def _callbacks(
        self,
        training_model: TrainingModel,
        checkpoint: Checkpoint,
        clock: Clock,
        steps: int,
    ) -> list[keras.callbacks.Callback]:
        """Make the callbacks of `fit`; only the chief scores and writes."""
        callbacks: list[keras.callbacks.Callback] = [StopAtNaN(), clock]
        if not self.distribution.is_chief:
            return [*callbacks, checkpoint]
        if self.data.corpora.dev:
            callbacks.append(Scorer(self._scorer(training_model)))
        callbacks += [checkpoint, Progress(self.config.optimizer.epochs, steps)]
        if self.config.saving.tensorboard:
            callbacks.append(
                TensorBoard(f"{self.config.saving.tensorboard}/seed-{self.seed}")
            )
        return callbacks

    def _scorer(self, training_model: TrainingModel) -> Callable[[], dict[str, float]]:
        """Make a function that scores dev, with averaged weights if there are any.

        A TPU runs nothing but what it was compiled for: a copy on the host is scored.
        """
        on_tpu = self.distribution.kind == "tpu"
        with self.distribution.host():
            model = self._model() if on_tpu else training_model.model
        run = KerasRunner(model)

        def now() -> dict[str, float]:
            with training_model.averaged(), self.distribution.host():
                if on_tpu:
                    model.set_weights([w.numpy() for w in training_model.model.weights])
                return self.data.dev.scores(run, show=self.config.saving.show_mistakes)

        return now

    def _monitor(self) -> str | None:
        """The figure that selects the epoch; None without a dev part."""
        best = self.config.optimizer.best
        return f"dev_{best}" if self.data.corpora.dev else None

    def _fingerprint(self) -> dict[str, Any]:
        """Settings that must be equal for a run to be resumed."""
        settings = {
            n: v for n, v in self.config.to_json().items() if n not in NOT_COMPARED
        }
        return {
            **settings,
            "number of training windows": len(self.data.windows),
            "digest of the labels": self.task.label_set.digest,
            **{
                f"query of {n}": q for n, q in getattr(self.task, "queries", {}).items()
            },
        }
