"""The pretraining run: rows, steps, log, checkpoints, and the encoder at the end."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tfner.config.pretrain import PretrainConfig, PretrainOptimizerConfig
from tfner.errors import ConfigError
from tfner.models.encoders.bert import Encoder
from tfner.models.pretraining.electra import Electra, MaskedLanguageModel
from tfner.pretraining.callback import PretrainingCallback
from tfner.pretraining.checkpoints import describe, fingerprint, pieces_of
from tfner.pretraining.dataset.manifest import Manifest, load_manifest
from tfner.pretraining.dataset.records import record_batches
from tfner.pretraining.directory import RunDirectory, output_of, write_settings
from tfner.pretraining.export import CHECKPOINTS, export
from tfner.pretraining.log import Log, draw_curves
from tfner.pretraining.model import make_model, make_optimizer
from tfner.pretraining.report import Report
from tfner.pretraining.step import PretrainingModel
from tfner.pretraining.warm_start import read_start, start_from
from tfner.training.arrays import assign_variables
from tfner.training.checkpoints import NumberedCheckpoints, are_finite
from tfner.training.compile import compile_model
from tfner.training.distribution import Distribution, distribution
from tfner.training.precision import precision
from tfner.training.stopping import DivergedError, asked_to_stop

logger = logging.getLogger(__name__)

LOSS_SCALE = 2.0**15
"""First scale of a float16 loss."""


def pretrain(config: PretrainConfig) -> dict[str, Any]:
    """Pretrain an encoder; it lies in `OUTPUT/encoder` at the end.

    Args:
        config: all settings.

    Returns:
        `encoder` and `masked_lm`, the directories that were written; `step`, and the
        figures of the last report.

    Raises:
        ConfigError: settings, data and the output's place do not allow a run, or the
            encoder it is to start from does not fit.
        CheckpointError: there is no such encoder.
        CorpusError: the data are damaged.
        TrainingError: the loss is no number any more, or the run was asked to stop.
    """
    config.check_needed()
    devices = distribution(config.devices.strategy, tpu=config.devices.tpu)
    with devices.working():
        manifest = load_manifest(config.records.data)
        check_data(config, manifest, devices)
        length, positions = manifest.max_length, config.model.max_positions
        if length < config.records.max_length:
            logger.info("rows are %s pieces long, as the data have them", length)
        if length < positions:
            logger.info("of %s positions the first %s are trained", positions, length)
        output = Path(config.saving.output)
        begun = NumberedCheckpoints(output / CHECKPOINTS).steps()
        goes_on = config.saving.resume and begun
        start = None if goes_on else read_start(config, manifest)
        others = nullcontext(RunDirectory(output))
        holding = output_of(config, manifest) if devices.is_chief else others
        with holding as directory:
            devices.wait()
            run = Pretraining(config, manifest, directory, devices, start=start)
            report = run.fit()
            devices.wait()
    return report


def check_data(
    config: PretrainConfig, manifest: Manifest, devices: Distribution
) -> None:
    """Refuse data or a batch that do not fit the run.

    Args:
        config: names the length of rows and the size of a batch.
        manifest: of the data.
        devices: among which a batch is divided.

    Raises:
        ConfigError: records are longer than rows, or a batch does not divide.
    """
    records = config.records
    if manifest.max_length > records.max_length:
        raise ConfigError(
            f"`max_length` is {records.max_length}, but {records.data} was made with "
            f"rows of {manifest.max_length} pieces. Give --max-length "
            f"{manifest.max_length}, or make the data again with the shorter length."
        )
    parts = devices.replicas * config.optimizer.accumulate
    if config.optimizer.batch_size % parts:
        raise ConfigError(
            f"`batch_size` must be a multiple of the {parts} parts of a batch "
            "(replicas times --accumulate). Received: "
            f"batch_size={config.optimizer.batch_size}"
        )


class Pretraining:
    """One run.

    Args:
        config: all settings.
        manifest: of the data.
        directory: of the run, prepared.
        devices: to train on.
        start: encoder whose weights a new run has at first.
    """

    def __init__(
        self,
        config: PretrainConfig,
        manifest: Manifest,
        directory: RunDirectory,
        devices: Distribution,
        *,
        start: Encoder | None = None,
    ) -> None:
        self.config, self.manifest, self.directory = config, manifest, directory
        self.devices, self.start = devices, start
        self.warned = False
        self.log: Log | None = None

    @property
    def output(self) -> Path:
        """Directory where the run works now."""
        return self.directory.path

    @property
    def checkpoints(self) -> NumberedCheckpoints:
        """Checkpoints that the run has written."""
        saving = self.config.saving
        return NumberedCheckpoints(
            self.output / CHECKPOINTS,
            keep=saving.keep_checkpoints,
            keep_every=saving.keep_every,
        )

    def fit(self) -> dict[str, Any]:
        """Train to the end; the chief writes encoder and generator.

        Raises:
            TrainingError: the loss is no number any more, or the run is asked to stop.
        """
        training_model = self._compile()
        done = self._resume(training_model) if self.config.saving.resume else 0
        if self.start is not None:
            self._start(training_model, self.start)
        self.devices.check_agreement(done)
        if done > self.config.optimizer.steps:
            raise ConfigError(
                f"{self.output} has {done} steps already. Received: "
                f"steps={self.config.optimizer.steps}. Give --steps {done} or more."
            )
        last: Mapping[str, float] = {}
        if done < self.config.optimizer.steps:
            last = self._take_steps(training_model, done)
        if not self.devices.is_chief:
            return {}
        draw_curves(self.output)
        step = self.config.optimizer.steps
        return {**export(self.output, step), "step": step, **last}

    def _compile(self) -> PretrainingModel:
        config = self.config
        with self.devices.scope():
            with precision(config.devices.precision):
                model = make_model(config, **pieces_of(self.manifest))
            if config.devices.recompute:
                for encoder in encoders_of(model):
                    encoder.recompute_layers()
            training_model = compile_model(
                model,
                PretrainingModel,
                make_optimizer(config.optimizer, model),
                config.optimizer,
                config.devices,
                seed=config.optimizer.seed,
                loss_scale=LOSS_SCALE,
                distribution=self.devices,
            )
        weights = sum(v.shape.num_elements() for v in model.trainable_variables)
        logger.info(f"{config.task.objective}: {weights:,} weights that learn")
        return training_model

    def _start(self, training_model: PretrainingModel, source: Encoder) -> None:
        started = start_from(source, training_model.model)
        what = " and ".join(encoder.name.replace("_", " ") for encoder in started)
        name = self.config.model.encoder
        logger.info("%s: started from the weights of %s", what, name)

    def _resume(self, training_model: PretrainingModel) -> int:
        settings = fingerprint(self.config, self.manifest)
        state = self.checkpoints.resume(PretrainConfig, settings)
        if state is None:
            logger.info("there is no checkpoint yet: the run starts at step 0")
            return 0
        done = int(state.about["step"])
        assign_variables(variables_of(training_model), state.arrays, state.path)
        logger.info("resumed after step %s", done)
        before = PretrainConfig.from_record(state.about["config"])
        schedules = before.optimizer, self.config.optimizer
        if schedule_of(schedules[0]) != schedule_of(schedules[1]):
            logger.info(changed_schedule(*schedules, done))
        if self.devices.is_chief:
            write_settings(self.config, self.output)
        return done

    def _take_steps(
        self, training_model: PretrainingModel, done: int
    ) -> Mapping[str, float]:
        left = self.config.optimizer.steps - done
        together = training_model.steps_per_execution
        if left % together:
            raise ConfigError(
                f"{left} steps are to be taken, {together} at once "
                "(--steps-per-execution): the one must be a multiple of the other."
            )
        is_chief = self.devices.is_chief
        self.log = Log(self.output, done=done) if is_chief else None
        with asked_to_stop() if is_chief else nullcontext(lambda: False) as stop:
            callback = PretrainingCallback(
                training_model,
                done=done,
                steps=self.config.optimizer.steps,
                log_every=self.config.saving.log_every,
                save_every=self.config.saving.save_every,
                save=lambda step: self.save(training_model, step),
                report=self.report,
                asked_to_stop=stop,
            )
            training_model.fit(
                self._rows(done),
                epochs=1,
                steps_per_epoch=left,
                shuffle=False,
                verbose=0,
                callbacks=[callback],
            )
        return callback.figures

    def _rows(self, done: int) -> Any:
        """What `fit` reads: on every replica its rows of each batch."""
        settings: dict[str, Any] = {
            "batch_size": self.config.optimizer.batch_size,
            "seed": self.config.optimizer.seed,
            "first_step": done,
        }
        if self.devices.kind == "none":
            return record_batches(self.manifest, **settings)

        def own(context: Any) -> Any:
            shard = (context.input_pipeline_id, context.num_input_pipelines)
            rows = record_batches(self.manifest, shard=shard, **settings)
            return rows.rebatch(settings["batch_size"] // self.devices.replicas)

        return self.devices.strategy.distribute_datasets_from_function(own)

    def save(self, training_model: PretrainingModel, step: int) -> None:
        """Write a checkpoint.

        Raises:
            DivergedError: there are weights that are no numbers.
        """
        arrays = [variable.numpy() for variable in variables_of(training_model)]
        if not are_finite(arrays[: len(training_model.model.weights)]):
            raise DivergedError(
                f"weights are no longer numbers at step {step}. {self._advice()}"
            )
        if not self.devices.is_chief:
            return
        about = describe(self.config, self.manifest)
        self.checkpoints.save(step, arrays, about)
        if self.directory.settle() and self.log is not None:
            self.log = self.log.moved_to(self.output)

    def report(self, report: Report) -> None:
        """Write one line of the log.

        Raises:
            DivergedError: the loss is no number.
        """
        if not math.isfinite(report.figures["loss"]):
            raise DivergedError(
                f"the loss is no longer a number at step {report.step}. "
                f"{self._advice()}"
            )
        if self.log is not None:
            self.log.add(report.step, report.figures)
        logger.info(report.line(self.config.optimizer.steps))
        if report.step > self.config.optimizer.rise and report.guesses:
            self._warn_once()

    def _warn_once(self) -> None:
        """Say that the discriminator has collapsed, as it does from too high a rate."""
        if not self.warned:
            logger.warning(
                "note: the discriminator guesses (AUC one half). If it stays so, its "
                "encoder learns nothing. In short runs of small batches start from a "
                "masked language model of the same sizes (--objective mlm, then "
                "--encoder), or lower --discriminator-rate or --learning-rate"
            )
        self.warned = True

    def _advice(self) -> str:
        kept = self.checkpoints.steps()
        where = f"The last checkpoint is that of step {kept[-1]}. " if kept else ""
        return f"{where}Lower --learning-rate or raise --warmup-steps."


def encoders_of(model: Electra | MaskedLanguageModel) -> list[Encoder]:
    """The encoders that a run trains."""
    if isinstance(model, MaskedLanguageModel):
        return [model.encoder]
    return [model.discriminator, model.generator.encoder]


def variables_of(training_model: PretrainingModel) -> list[Any]:
    """All that a resumed run needs; random numbers follow from seed and step."""
    return [*training_model.model.weights, *training_model.optimizer.variables]


def schedule_of(config: PretrainOptimizerConfig) -> tuple[float, ...]:
    """The settings that decide the learning rate of a step."""
    return config.learning_rate, config.steps, config.rise


def changed_schedule(
    before: PretrainOptimizerConfig, now: PretrainOptimizerConfig, step: int
) -> str:
    """Describe in one sentence how the schedule of a resumed run has changed.

    Args:
        before: settings of the checkpoint.
        now: settings of the resumed run.
        step: number of steps that are done.
    """
    rates = [rate_at(config, step) for config in (before, now)]
    return (
        f"the schedule has changed: it was {before.steps} steps "
        f"({before.rise} of warm-up, at most {before.learning_rate:g}), it is "
        f"{now.steps} ({now.rise}, {now.learning_rate:g}). The learning rate "
        f"of step {step} is {rates[1]:.3g} instead of {rates[0]:.3g}, and reaches 0 at "
        f"step {now.steps}"
    )


def rate_at(config: PretrainOptimizerConfig, step: int) -> float:
    """The learning rate after so many steps."""
    optimizer = make_optimizer(config)
    optimizer.iterations.assign(step)
    return float(optimizer.learning_rate)
