"""What one seed gives: its scores and its bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from tfner.config.train import TrainConfig
from tfner.finetuning.checkpoint import Checkpoint
from tfner.finetuning.data import Corpora
from tfner.finetuning.evaluator import Evaluator, selftest_texts
from tfner.finetuning.span_dev import chosen_on_dev
from tfner.inference.bundle import save_bundle
from tfner.storage.remote import address
from tfner.tasks import Task
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
    result: RunResult,
    *,
    config: TrainConfig,
    task: Task,
    model: keras.Model,
    corpora: Corpora,
    checkpoint: Checkpoint,
) -> None:
    """Score a trained model and write its bundle; completes `result`.

    Args:
        result: names seed and directory.
        config: of the run.
        task: of the model.
        model: with the weights of the best epoch.
        corpora: whose held-out parts are scored.
        checkpoint: knows the epochs.
    """
    evaluator, texts = Evaluator(task, model), list(selftest_texts(corpora))
    own = config.replace(seed=result.seed, trials=1, overwrite=False, resume=False)
    history, epochs = checkpoint.history, checkpoint.directory / EPOCHS

    def save(directory: Path, metrics: dict[str, Any], **more: Any) -> None:
        save_bundle(
            directory,
            task=task,
            model=model,
            training={**config.to_json(), "seed": result.seed},
            metrics=metrics,
            selftest=evaluator.predictor.selftest(texts),
            extra_files={RUN_FILE: own.to_toml(), LOG: log_text(history)},
            **more,
        )

    with chosen_on_dev(config, task, model, corpora.dev) as chosen:
        result.dev = evaluator.report(corpora.dev)
        result.test = evaluator.report(corpora.test)
        if config.keep_epochs:
            for number in range(1, len(history) + 1):
                checkpoint.load_epoch(model, number)
                line = {"history": history[:number], "epoch": number}
                save(epochs / str(number), line)
            checkpoint.load_best(model)
        metrics = {"dev": result.dev, "test": result.test, "history": history}
        best = {"best_epoch": checkpoint.best_epoch}
        save(
            result.directory,
            {**metrics, **best, **chosen, **result.speed},
            extra_directories={EPOCHS: epochs} if config.keep_epochs else {},
        )
