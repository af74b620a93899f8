"""The training run: corpora, windows, steps, scores, bundle; once per seed."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras

from tfner.config.train import TrainConfig
from tfner.finetuning.compiled import compile_run
from tfner.finetuning.data import Corpora
from tfner.finetuning.model import EncoderFactory, make_encoder
from tfner.finetuning.recipe import DECIDED
from tfner.finetuning.report import report_run
from tfner.finetuning.result import RunResult
from tfner.finetuning.run import Run
from tfner.finetuning.training_data import Taught, load_training_data
from tfner.inference.bundle import Bundle
from tfner.inference.native_bundle import MODEL, SUMMARY
from tfner.storage.atomic import whole_directory, write_json
from tfner.storage.output import OutputPolicy
from tfner.storage.publishing import ANYTHING, Version, publish
from tfner.storage.remote import address
from tfner.storage.workplace import Workplace, workplace
from tfner.tasks import Task
from tfner.tokenization import Tokenizer
from tfner.training.checkpoints import LastTwoCheckpoints
from tfner.training.distribution import distribution

logger = logging.getLogger(__name__)


def train(
    config: TrainConfig,
    *,
    task: Task | None = None,
    tokenizer: Tokenizer | None = None,
    encoder: EncoderFactory | None = None,
    corpora: Corpora | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Bundle:
    """Train a model; of several trials the one with the best dev score is returned.

    Args:
        config: all settings.
        task: your own in place of the one `config` names.
        tokenizer: your own in place of that of `config.model.encoder`.
        encoder: makes your own encoder, one per trial: any Keras model from
            `input_ids`, `attention_mask`, `token_type_ids` (B, S) to (B, S, H).
        corpora: documents in place of the files that `config` names.
        callbacks: your own, called when an epoch has its scores on dev, `dev_f1` and
            `dev_loss`, in the logs, and before its checkpoint is written.

    Raises:
        ConfigError: the settings or the output's place do not allow a run.
        CorpusError: a corpus is damaged, or holds nothing to learn.
        StorageError: a file cannot be read or written.
        TrainingError: the loss is no number any more; what was good is kept.
    """
    report = run_trials(
        config,
        task=task,
        tokenizer=tokenizer,
        encoder=encoder,
        corpora=corpora,
        callbacks=callbacks,
    )
    return Bundle.load(report["bundle"])


def run_trials(
    config: TrainConfig,
    *,
    task: Task | None = None,
    tokenizer: Tokenizer | None = None,
    encoder: EncoderFactory | None = None,
    corpora: Corpora | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    report: Path | None = None,
    teach: Callable[[Path, Task, Corpora], Taught] | None = None,
) -> dict[str, Any]:
    """Train as `train` does; returns the JSON that `tfner train` prints.

    Args:
        config: all settings.
        task: your own in place of the one `config` names.
        tokenizer: your own in place of that of `config.model.encoder`.
        encoder: makes your own encoder, see `train`.
        corpora: documents in place of the files that `config` names.
        callbacks: your own, see `train`.
        report: directory for a report of the best model, or None.
        teach: has the last word on what is learned; its first argument is a directory
            for files that a resumed run finds again.
    """
    config.check_needed(*(["train"] if corpora else []))
    output, before = output_of(config)
    devices = distribution(config.devices.strategy, tpu=config.devices.tpu)
    source = make_encoder(config, encoder, task=task)
    with devices.working():
        with workplace(output, writes=devices.is_chief) as (directory, mirror):
            first, several = config.optimizer.seed, config.optimizer.trials > 1
            if config.saving.resume:
                config = as_begun(config, directory / f"seed-{first}")
            data = load_training_data(
                config,
                task=task,
                tokenizer=tokenizer,
                corpora=corpora,
                sizes=source.sizes,
                teach=teach and partial(teach, directory),
            )
            trials = []
            for seed in range(first, first + config.optimizer.trials):
                target = output.path
                if several and devices.is_chief:
                    logger.info("trial with seed %s", seed)
                if (several or mirror) and devices.is_chief:
                    target = directory / f"seed-{seed}.bundle"
                name = f"seed-{seed}"
                place = Workplace(directory / name, mirror and mirror / name)
                run = compile_run(data, seed, encoder=source.make, distribution=devices)
                replaces = before if target == output.path else ANYTHING
                trials.append(Run(run, place, callbacks).fit(target, replaces))
            if several and devices.is_chief:
                publish_trials(output.path, trials, before)
            elif mirror and devices.is_chief:
                publish(trials[0].directory, output.path, before)
                trials[0].directory = output.path
            if report is not None and devices.is_chief:
                report_run(report, best_result(trials), data)
        devices.wait()
    return summarize(trials)


def as_begun(config: TrainConfig, directory: Path) -> TrainConfig:
    """The settings of a run that goes on: a recipe decides once, when it begins.

    Args:
        config: as given now.
        directory: of the checkpoints; there may be none.

    Raises:
        TrainingError: all checkpoints are damaged.
    """
    state = LastTwoCheckpoints(directory).newest()
    if state is None:
        return config
    given, record = config.to_json(), config.translated(state.about["settings"])
    decided = {n: record.get(n) for n in DECIDED if given.get(n, ...) is None}
    return config.replace(**{**decided, "recipe": record["recipe"]})


def output_of(config: TrainConfig) -> tuple[OutputPolicy, Version | None]:
    """The directory of the model, and what may be replaced there in the end.

    Raises:
        ConfigError: something is there that may not be replaced.
    """
    saving = config.saving
    policy = OutputPolicy(Path(saving.output), saving.overwrite, saving.resume)
    return policy, policy.check_finished(MODEL)


def publish_trials(
    output: Path, trials: list[RunResult], replaces: Version | None = ANYTHING
) -> None:
    """Move the bundles of several trials to the output together, the best one named.

    Args:
        output: gets them.
        trials: their directories become those in the output.
        replaces: what may be replaced there, see `tfner.storage.publishing.publish`.
    """
    with whole_directory(output, replaces=replaces) as stage:
        for trial in trials:
            trial.directory.rename(stage / f"seed-{trial.seed}")
            trial.directory = output / f"seed-{trial.seed}"
        best = best_result(trials).directory.name
        write_json(stage / SUMMARY, {"best": best, **summarize(trials)})


def best_result(trials: list[RunResult]) -> RunResult:
    """The trial with the best dev F1; without dev the first."""
    return max(trials, key=lambda trial: trial.dev.score.f1 if trial.dev else 0.0)


def summarize(trials: list[RunResult]) -> dict[str, Any]:
    """The record that `tfner train --json` prints."""
    best = best_result(trials)
    summary = {}
    for part in ("dev", "test"):
        scores = [e.score.f1 for trial in trials if (e := getattr(trial, part))]
        if scores:
            sd = statistics.stdev(scores) if len(scores) > 1 else 0.0
            summary[part] = {"mean": statistics.fmean(scores), "sd": sd}
    return {
        "bundle": address(best.directory),
        **best.scores(),
        "trials": [trial.to_json() for trial in trials],
        "summary": summary,
        **best.speed,
    }
