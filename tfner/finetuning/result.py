"""What one seed gives: its scores and its bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from tfner.finetuning.checkpoint import Checkpoint
from tfner.finetuning.evaluator import Evaluator, selftest_texts
from tfner.finetuning.training_data import TrainingData
from tfner.inference.bundle import save_bundle
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.storage.remote import address
from tfner.training.log import LOG, RUN_FILE, log_text

EPOCHS = "epochs"
"""In a bundle that keeps them: the bundles of its epochs, by their numbers."""


@dataclass
class RunResult:
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
            "bundle": address(self.directory),
            "dev": self.dev,
            "test": self.test,
            **self.speed,
        }


def save_result(
    directory: Path,
    *,
    data: TrainingData,
    seed: int,
    model: keras.Model,
    checkpoint: Checkpoint,
    speed: dict[str, float],
) -> RunResult:
    """Score a trained model and write its bundle.

    Args:
        directory: of the bundle.
        data: says what was trained on, and what is held out.
        seed: of the run.
        model: with the weights of the best epoch.
        checkpoint: knows the epochs.
        speed: rates and times of training.
    """
    config, corpora = data.config, data.corpora
    task, model, chosen = data.task.fit_on_dev(model, data.dev)
    run = KerasRunner(model)
    dev = replace(data.dev, task=task).report(run)
    test = Evaluator.encode(task, corpora.test).report(run)
    texts = list(selftest_texts(corpora))
    own = config.replace(seed=seed, trials=1, overwrite=False, resume=False)
    history, epochs = checkpoint.history, checkpoint.directory / EPOCHS

    def save(directory: Path, metrics: dict[str, Any], **more: Any) -> None:
        save_bundle(
            directory,
            task=task,
            model=model,
            training={**config.to_json(), "seed": seed},
            metrics=metrics,
            selftest=Predictor(task, run).selftest(texts),
            extra_files={RUN_FILE: own.to_toml(), LOG: log_text(history)},
            **more,
        )

    if config.keep_epochs:
        for number in range(1, len(history) + 1):
            checkpoint.load_epoch(model, number)
            line = {"history": history[:number], "epoch": number}
            save(epochs / str(number), line)
        checkpoint.load_best(model)
    metrics = {"dev": dev, "test": test, "history": history}
    best = {"best_epoch": checkpoint.best_epoch}
    save(
        directory,
        {**metrics, **best, **chosen, **speed},
        extra_directories={EPOCHS: epochs} if config.keep_epochs else {},
    )
    return RunResult(seed, directory, dev, test, speed)
