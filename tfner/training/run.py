"""One training run: a seed's model, fitted, scored and saved."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from tfner.config import TrainConfig
from tfner.data.packing import Plan, make_plan
from tfner.data.pipeline import WindowTable, batches
from tfner.data.windows import Window
from tfner.errors import ConfigError, TrainingError
from tfner.inference.bundle import build, save_bundle
from tfner.inference.encoders import check_encoder
from tfner.tasks import Task
from tfner.training.callbacks import (
    LOG,
    Checkpoint,
    Clock,
    DivergedError,
    Progress,
    Scorer,
    StopAtNaN,
    log_text,
)
from tfner.training.corpora import Corpora
from tfner.training.heldout import HeldOut, selftest_texts
from tfner.training.optimizers import adamw, layerwise_rates
from tfner.training.tensorboard import TensorBoard
from tfner.training.train_step import Trainee

Say = Callable[[str], None]
EncoderFactory = Callable[[], keras.Model]

RUN_FILE = "run.toml"
NOT_COMPARED = ("output", "overwrite", "resume", "trials", "seed", "tensorboard")
"""Settings that a resumed run may change; seeds have directories of their own."""


def quiet(message: str) -> None:
    """The default for `say`: a library prints nothing."""


@dataclass
class Trial:
    """What one seed gave.

    Args:
        seed: of the run.
        directory: its bundle.
        dev: score as `tfner evaluate --json` prints it, or None.
        test: likewise.
        speed: rates and times of training.
    """

    seed: int
    directory: Path
    dev: dict[str, Any] | None
    test: dict[str, Any] | None
    speed: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """One entry of `trials`."""
        return {
            "seed": self.seed,
            "bundle": str(self.directory),
            "dev": self.dev,
            "test": self.test,
            **self.speed,
        }


class Run:
    """One seed: builds the model, fits it, scores it, saves it.

    Args:
        config: all settings.
        seed: of this run.
        task: shared by all runs.
        corpora: shared by all runs.
        windows: of the training corpus, shared by all runs.
        directory: for what a resumed run needs.
        say: told what happens.
    """

    def __init__(
        self,
        config: TrainConfig,
        seed: int,
        *,
        task: Task,
        corpora: Corpora,
        windows: list[Window],
        directory: Path,
        say: Say = quiet,
    ) -> None:
        self.config, self.seed, self.task = config, seed, task
        self.corpora, self.windows = corpora, windows
        self.directory, self.say = directory, say

    def finish(self, target: Path, encoder: EncoderFactory) -> Trial:
        """Train to the end and write the bundle to `target`.

        Raises:
            TrainingError: the loss became NaN; the best epoch before it, if there is
                one, is saved first.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        model = self._model(encoder)
        table = WindowTable(self.windows, pad_id=self.task.tokenizer.pad_id)
        plan = self._plan(table, packs=getattr(model, "packs", False))
        trainee = self._trainee(model, steps=len(plan.row_lengths))
        held_out = HeldOut(self.task, model)
        checkpoint = Checkpoint(
            self.directory,
            trainee,
            monitor=f"dev_{self.config.best}" if self.corpora.dev else None,
            fingerprint=self._fingerprint(),
        )
        clock = Clock()
        failure = self._fit(trainee, checkpoint, clock, held_out, table, plan)
        checkpoint.load_best()
        if self.corpora.dev:
            self.say(f"best epoch: {checkpoint.best_epoch} by dev {self.config.best}")
        speed = {**clock.speed(), "filled_positions": plan.filled(table.lengths)}
        if failure is not None and target.exists():
            # A broken-off run never takes the place of a finished one.
            target = self.directory.with_name(f"{self.directory.name}.bundle")
        trial = self._save(target, held_out, checkpoint, speed)
        if failure is not None:
            # What is good is saved; going on from here would only fail again.
            shutil.rmtree(self.directory)
            raise TrainingError(
                f"{failure} The model of epoch {checkpoint.best_epoch} is in {target}."
            )
        return trial

    def _model(self, encoder: EncoderFactory) -> keras.Model:
        keras.utils.set_random_seed(self.seed)
        found = encoder()
        check_encoder(found)
        positions = getattr(found, "max_positions", None)
        if positions is not None and self.task.max_length > positions:
            raise ConfigError(
                f"`max_length` is {self.task.max_length}, the encoder has {positions} "
                f"positions. Give --max-length {positions} or less."
            )
        pieces = self.task.tokenizer.vocab_size
        if pieces > getattr(found, "vocab_size", pieces):
            raise ConfigError(
                f"the vocabulary has {pieces} pieces, the encoder knows "
                f"{found.vocab_size}. Give the tokenizer that belongs to the encoder."
            )
        model = self.task.build(found, dropout=self.config.dropout)
        build(model)
        return model

    def _plan(self, table: WindowTable, *, packs: bool) -> Plan:
        layout = self.config.layout
        if layout == "packed" and not packs:
            self.say("this encoder does not take packed rows: batches are bucketed")
            layout = "bucketed"
        return make_plan(
            table.lengths,
            layout=layout,
            batch_size=self.config.batch_size,
            seed=self.seed,
            epochs=self.config.epochs,
            max_length=self.task.max_length,
        )

    def _trainee(self, model: keras.Model, *, steps: int) -> Trainee:
        config = self.config
        optimizer = adamw(
            learning_rate=config.learning_rate,
            steps=steps,
            warmup=config.warmup,
            weight_decay=config.weight_decay,
            epsilon=config.adam_epsilon,
            bias_correction=config.bias_correction,
            rates=self._rates(model),
        )
        optimizer.build(model.trainable_variables)
        trainee = Trainee(
            model, self.task, clip_norm=self.config.clip_norm, seed=self.seed
        )
        trainee.compile(optimizer=optimizer, jit_compile=self.config.jit_compile)
        return trainee

    def _rates(self, model: keras.Model) -> dict[str, float] | None:
        if self.config.layerwise_lr_decay == 1:
            return None
        try:
            return layerwise_rates(model, self.config.layerwise_lr_decay)
        except ValueError as error:
            raise ConfigError(
                f"`layerwise_lr_decay` must be 1 here: {error}"
            ) from error

    def _fit(
        self,
        trainee: Trainee,
        checkpoint: Checkpoint,
        clock: Clock,
        held_out: HeldOut,
        table: WindowTable,
        plan: Plan,
    ) -> TrainingError | None:
        """Run the epochs that are left; a failure after the first one is returned."""
        epochs, steps, dev = (
            self.config.epochs,
            plan.steps_per_epoch,
            self.corpora.dev,
        )
        done = checkpoint.resume() if self.config.resume else 0
        if done:
            self.say(f"resumed after epoch {done}")
        clock.sentences_per_epoch = len(self.corpora.train)
        callbacks: list[keras.callbacks.Callback] = [StopAtNaN(), clock]
        if dev:
            callbacks.append(Scorer(held_out.scorer(dev)))
        live = self.say is not quiet and sys.stderr.isatty()
        callbacks += [checkpoint, Progress(epochs, steps, say=self.say, live=live)]
        if self.config.tensorboard:
            log_to = f"{self.config.tensorboard}/seed-{self.seed}"
            callbacks.append(TensorBoard(log_to))
        if done == epochs:
            return None
        try:
            trainee.fit(
                batches(table, plan).skip(done * steps),
                initial_epoch=done,
                epochs=epochs,
                steps_per_epoch=steps,
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
            )
        except DivergedError as error:
            if not checkpoint.history:
                raise
            return error
        return None

    def _save(
        self,
        target: Path,
        held_out: HeldOut,
        checkpoint: Checkpoint,
        speed: dict[str, float],
    ) -> Trial:
        history = checkpoint.history
        dev = held_out.report(self.corpora.dev)
        test = held_out.report(self.corpora.test)
        save_bundle(
            target,
            task=self.task,
            model=held_out.model,
            training={**self.config.to_json(), "seed": self.seed},
            metrics={
                "dev": dev,
                "test": test,
                "history": history,
                "best_epoch": checkpoint.best_epoch,
                **speed,
            },
            selftest=held_out.predictor.selftest(selftest_texts(self.corpora)),
            extra_files={
                RUN_FILE: self._own_config(),
                LOG: log_text(history),
            },
        )
        return Trial(self.seed, target, dev, test, speed)

    def _own_config(self) -> str:
        """Settings that give this trial again, and overwrite nothing when they do."""
        return self.config.replace(
            seed=self.seed, trials=1, overwrite=False, resume=False
        ).to_toml()

    def _fingerprint(self) -> dict[str, Any]:
        """Settings that must be equal for a run to be resumed."""
        settings = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self.config.to_json().items()
            if name not in NOT_COMPARED
        }
        return {
            **settings,
            "number of training windows": len(self.windows),
            "digest of the labels": self.task.label_set.digest,
        }
