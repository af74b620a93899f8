"""The result of one seed: its scores and its bundle."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras

from tfner.checkpoints.loading import lasting_name
from tfner.config.train import ModelConfig
from tfner.finetuning.checkpoint import Checkpoint
from tfner.finetuning.evaluator import Evaluated, Evaluator, selftest_texts
from tfner.finetuning.training_data import TrainingData
from tfner.inference.adapters import describe_base
from tfner.inference.native_bundle import save_bundle
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.storage.publishing import ANYTHING, Version
from tfner.storage.remote import address
from tfner.training.log import LOG, RUN_FILE, log_text

EPOCHS = "epochs"
"""In a bundle that keeps them: the bundles of its epochs, by their numbers."""


@dataclass
class RunResult:
    """The result of one seed.

    Args:
        seed: seed of the run.
        directory: where its bundle is.
        dev: the dev part, predicted and scored, or None.
        test: the test part, predicted and scored, or None.
        speed: rates and times of training.
        history: a record an epoch.
        best_epoch: number of the epoch that was kept, or None.
    """

    seed: int
    directory: Path
    dev: Evaluated | None
    test: Evaluated | None
    speed: dict[str, float]
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None

    def scores(self) -> dict[str, Any]:
        """The scores of dev and test as `tfner evaluate --json` prints them."""
        parts = {"dev": self.dev, "test": self.test}
        return {name: part and part.score.to_json() for name, part in parts.items()}

    def to_json(self) -> dict[str, Any]:
        """The result as one entry of `trials`."""
        return {
            "seed": self.seed,
            "bundle": address(self.directory),
            **self.scores(),
            **self.speed,
        }


def save_result(
    directory: Path,
    *,
    replaces: Version | None = ANYTHING,
    data: TrainingData,
    seed: int,
    model: keras.Model,
    checkpoint: Checkpoint,
    speed: dict[str, float],
) -> RunResult:
    """Score a trained model and write its bundle.

    Args:
        directory: of the bundle.
        replaces: what may be replaced there.
        data: says what was trained on, and what is held out.
        seed: of the run.
        model: with the weights of the best epoch.
        checkpoint: knows the epochs.
        speed: rates and times of training.
    """
    config, corpora = data.config, data.corpora
    task, model, chosen = data.task.fit_on_dev(model, data.dev)
    run = KerasRunner(model)
    result = RunResult(
        seed,
        directory,
        dev=replace(data.dev, task=task).evaluate(run),
        test=Evaluator.encode(task, corpora.test).evaluate(run),
        speed=speed,
        history=checkpoint.history,
        best_epoch=checkpoint.best_epoch,
    )
    texts = list(selftest_texts(corpora))
    own = config.replace(seed=seed, trials=1, overwrite=False, resume=False)
    base = base_of(config.model, model) if config.model.lora_only else None
    history, epochs = checkpoint.history, checkpoint.directory / EPOCHS

    def save(directory: Path, metrics: dict[str, Any], **more: Any) -> None:
        save_bundle(
            directory,
            task=task,
            model=model,
            training={**config.to_json(), "seed": seed},
            metrics=metrics,
            selftest=Predictor(task, run).selftest(texts),
            base=base,
            extra_files={RUN_FILE: own.to_toml(), LOG: log_text(history)},
            **more,
        )

    if config.saving.keep_epochs:
        for number in range(1, len(history) + 1):
            checkpoint.load_epoch(model, number)
            line = {"history": history[:number], "epoch": number}
            save(epochs / str(number), line)
        checkpoint.load_best(model)
    metrics = {**result.scores(), "history": history}
    best = {"best_epoch": checkpoint.best_epoch}
    save(
        directory,
        {**metrics, **best, **chosen, **speed},
        replaces=replaces,
        extra_directories={EPOCHS: epochs} if config.saving.keep_epochs else {},
    )
    return result


def base_of(config: ModelConfig, model: keras.Model) -> dict[str, Any]:
    """Describe the encoder of a model with adapters that is saved without it."""
    rank = config.lora or 1
    scale = (config.lora_alpha or rank) / rank
    return describe_base(model, lasting_name(config.encoder), scale=scale)
