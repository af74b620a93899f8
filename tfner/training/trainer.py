"""The training run: corpora, windows, steps, scores, bundle; once per seed."""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.config import TrainConfig
from tfner.data.packing import Plan, make_plan
from tfner.data.windows import Window
from tfner.errors import ConfigError, TrainingError
from tfner.inference.bundle import Bundle, build, save_bundle, staged, write_json
from tfner.schemes import LabelSet
from tfner.tasks import Task
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import Tokenizer, load_tokenizer
from tfner.training.corpora import Corpora, load_corpora
from tfner.training.heldout import HeldOut, selftest_texts

if TYPE_CHECKING:
    import keras

    from tfner.data.pipeline import WindowTable

Say = Callable[[str], None]
EncoderFactory = Callable[[], "keras.Model"]

SUMMARY = "summary.json"
PLACES_NOT_COMPARED = ("output", "overwrite", "resume", "trials", "seed")
"""Settings that a resumed run may change; seeds have directories of their own."""


@dataclass
class Trial:
    """What one seed gave.

    Args:
        bundle: its model.
        dev, test: scores as `evaluate` prints them, or None.
        speed: rates and times of training.
    """

    seed: int
    bundle: Bundle
    dev: dict[str, Any] | None
    test: dict[str, Any] | None
    speed: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """One entry of `trials`."""
        return {
            "seed": self.seed,
            "bundle": str(self.bundle.directory),
            "dev": self.dev,
            "test": self.test,
            **self.speed,
        }


def quiet(message: str) -> None:
    """The default for `say`: a library prints nothing."""


def train(
    config: TrainConfig,
    *,
    task: Task | None = None,
    tokenizer: Tokenizer | None = None,
    encoder: EncoderFactory | None = None,
    say: Say = quiet,
) -> Bundle:
    """Train a model; of several trials the one with the best dev score is returned.

    Args:
        config: all settings.
        task: your own in place of the one `config` names.
        tokenizer: your own in place of that of `config.encoder`.
        encoder: makes your own encoder, one per trial: any Keras model from
            `input_ids`, `attention_mask`, `token_type_ids` (B, S) to (B, S, H).
        say: told what happens, in sentences.

    Raises:
        ConfigError: the settings or the output's place do not allow a run.
        CorpusError: a corpus cannot be read, or holds nothing to learn.
        TrainingError: the loss is no number any more; what was good is kept.
    """
    report = run_trials(
        config, task=task, tokenizer=tokenizer, encoder=encoder, say=say
    )
    return Bundle.load(report["bundle"])


def run_trials(
    config: TrainConfig,
    *,
    task: Task | None = None,
    tokenizer: Tokenizer | None = None,
    encoder: EncoderFactory | None = None,
    say: Say = quiet,
) -> dict[str, Any]:
    """As `train`; returns the JSON that `tfner train` prints."""
    output = Path(config.output)
    workplace = prepare_workplace(config)
    corpora = load_corpora(config, say=say)
    task = task or make_task(config, corpora.label_set, tokenizer, say=say)
    windows = encode_training(task, corpora, say=say)
    trials = []
    for seed in range(config.seed, config.seed + config.trials):
        single = config.trials == 1
        target = output if single else workplace / f"seed-{seed}.bundle"
        if not single:
            say(f"trial with seed {seed}")
        run = Run(config, seed, task, corpora, windows, workplace / f"seed-{seed}")
        trials.append(run.finish(target, make_encoder(config, encoder), say=say))
    if config.trials > 1:
        publish_trials(output, trials)
    shutil.rmtree(workplace, ignore_errors=True)
    return summarize(trials)


def prepare_workplace(config: TrainConfig) -> Path:
    """Where an unfinished run lives: beside the output, which only holds whole models.

    Raises:
        ConfigError: there is an output or an unfinished run, and no word on it.
    """
    output = Path(config.output)
    workplace = output.with_name(f"{output.name}.training")
    if output.exists() and not config.overwrite:
        done = output / "config.json"
        if output.is_file() or any(output.iterdir()):
            state = "holds a finished model" if done.exists() else "exists"
            raise ConfigError(
                f"{output} {state}. Add --overwrite to replace it when the new one is "
                "done, or choose another --output."
            )
    if workplace.exists():
        if not (config.resume or config.overwrite):
            raise ConfigError(
                f"{workplace} holds an unfinished run. Add --resume to go on with it, "
                "or --overwrite to start afresh."
            )
        if config.overwrite:
            shutil.rmtree(workplace)
    try:
        workplace.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}.") from error
    return workplace


def make_task(
    config: TrainConfig, label_set: LabelSet, tokenizer: Tokenizer | None, *, say: Say
) -> Task:
    """The task that the settings name, with its tokenizer."""
    if tokenizer is None:
        tokenizer = load_tokenizer(
            config.encoder,
            lower_case=config.lower_case,
            word_splitter=config.word_splitter,
        )
        for note in tokenizer.notes:
            say(note)
    return TokenClassification(
        tokenizer,
        label_set,
        max_length=config.max_length,
        overlap=config.overlap,
        words=config.words,
        label_pieces=config.label_pieces,
        borders=config.borders,
        on_overflow=config.on_overflow,
    )


def make_encoder(config: TrainConfig, factory: EncoderFactory | None) -> EncoderFactory:
    """The user's encoder, or that of the directory or hub id."""
    if factory is not None:
        return factory

    def load() -> keras.Model:
        from tfner.checkpoints.huggingface import load_encoder

        return load_encoder(
            config.encoder,
            hidden_dropout=config.hidden_dropout,
            attention_dropout=config.attention_dropout,
        )

    return load


def encode_training(task: Task, corpora: Corpora, *, say: Say) -> list[Window]:
    """All training windows; says once what did not survive.

    Raises:
        TrainingError: no window is left.
    """
    task.counts.clear()
    windows = [
        window
        for document in corpora.train
        for window in task.encode(document, with_targets=True)
    ]
    if not windows:
        raise TrainingError("the training corpus holds no text to learn from.")
    counts = [f"{n} {name}" for name, n in task.counts.items() if n]
    say(f"training corpus: {', '.join(counts)}, {len(windows)} windows")
    return windows


class Run:
    """One seed: builds the model, fits it, scores it, saves it.

    Args:
        config: all settings.
        seed: of this run.
        task, corpora, windows: shared by all runs.
        directory: for what a resumed run needs.
    """

    def __init__(
        self,
        config: TrainConfig,
        seed: int,
        task: Task,
        corpora: Corpora,
        windows: list[Window],
        directory: Path,
    ) -> None:
        self.config, self.seed, self.task = config, seed, task
        self.corpora, self.windows, self.directory = corpora, windows, directory

    def finish(self, target: Path, encoder: EncoderFactory, *, say: Say) -> Trial:
        """Train to the end and write the bundle."""
        from tfner.data.pipeline import WindowTable

        self.directory.mkdir(parents=True, exist_ok=True)
        model = self._model(encoder)
        table = WindowTable(self.windows, pad_id=self.task.tokenizer.pad_id)
        plan = self._plan(table, packs=getattr(model.encoder, "packs", False), say=say)
        speed, history, failure = self._fit(model, table, plan, say=say)
        held_out = HeldOut(self.task, model)
        dev = held_out.report(self.corpora.dev)
        test = held_out.report(self.corpora.test)
        metrics = {"dev": dev, "test": test, "history": history, **speed}
        bundle = save_bundle(
            target,
            task=self.task,
            model=model,
            training={**self.config.to_json(), "seed": self.seed},
            metrics=metrics,
            selftest=held_out.predictor.selftest(selftest_texts(self.corpora)),
        )
        (bundle.directory / "run.toml").write_text(
            self.config.to_toml(), encoding="utf-8"
        )
        if failure is not None:
            raise TrainingError(
                f"{failure} The model of epoch {len(history)} is in {target}."
            )
        return Trial(self.seed, bundle, dev, test, speed)

    def _model(self, encoder: EncoderFactory) -> keras.Model:
        import keras

        keras.utils.set_random_seed(self.seed)
        found = encoder()
        positions = getattr(found, "max_positions", None)
        if positions is not None and self.task.max_length > positions:
            raise ConfigError(
                f"`max_length` is {self.task.max_length}, the encoder has {positions} "
                f"positions. Give --max-length {positions} or less."
            )
        model = self.task.build(found, dropout=self.config.dropout)
        build(model)
        return model

    def _plan(self, table: WindowTable, *, packs: bool, say: Say) -> Plan:
        layout = self.config.layout
        if layout == "packed" and not packs:
            say("this encoder does not take packed rows: batches are bucketed")
            layout = "bucketed"
        return make_plan(
            table.lengths,
            layout=layout,
            batch_size=self.config.batch_size,
            seed=self.seed,
            epochs=self.config.epochs,
            max_length=self.config.max_length,
        )

    def _fit(
        self, model: keras.Model, table: WindowTable, plan: Plan, *, say: Say
    ) -> tuple[dict[str, float], list[dict[str, float]], TrainingError | None]:
        """Fit, and leave the best weights in the model.

        A run that breaks off after an epoch keeps that epoch; before, it fails.
        """
        from tfner.data.pipeline import batches
        from tfner.training.callbacks import (
            Checkpoint,
            Clock,
            Progress,
            Scorer,
            StopAtNaN,
        )
        from tfner.training.optimizers import adamw
        from tfner.training.train_step import Trainee

        config, failure = self.config, None
        optimizer = adamw(
            learning_rate=config.learning_rate,
            steps=len(plan.row_lengths),
            warmup=config.warmup,
            weight_decay=config.weight_decay,
        )
        trainee = Trainee(model, self.task, clip_norm=config.clip_norm, seed=self.seed)
        trainee.compile(optimizer=optimizer, jit_compile=config.jit_compile)
        optimizer.build(model.trainable_variables)
        checkpoint = Checkpoint(
            self.directory,
            trainee,
            monitor=f"dev_{config.best}" if self.corpora.dev else None,
            fingerprint=self._fingerprint(),
        )
        done = checkpoint.resume() if config.resume else 0
        if done:
            say(f"resumed after epoch {done}")
        clock = Clock()
        score = HeldOut(self.task, model).scorer(self.corpora.dev)
        if done < config.epochs:
            try:
                trainee.fit(
                    batches(table, plan).skip(done * plan.steps_per_epoch),
                    initial_epoch=done,
                    epochs=config.epochs,
                    steps_per_epoch=plan.steps_per_epoch,
                    verbose=0,
                    callbacks=[
                        StopAtNaN(),
                        clock,
                        *([Scorer(score)] if self.corpora.dev else []),
                        checkpoint,
                        Progress(
                            config.epochs,
                            plan.steps_per_epoch,
                            say=say,
                            live=say is not quiet and sys.stderr.isatty(),
                        ),
                    ],
                )
            except TrainingError as error:
                if not checkpoint.history:
                    raise
                failure = error
        checkpoint.load_best()
        if self.corpora.dev:
            say(f"best epoch: {checkpoint.best_epoch} by dev {config.best}")
        sentences = len(self.corpora.train) * (config.epochs - done)
        speed = {
            "train_sentences_per_second": sentences / max(clock.seconds, 1e-9),
            "compile_seconds": clock.first_step,
            "filled_positions": plan.filled(table.lengths),
        }
        return speed, checkpoint.history, failure

    def _fingerprint(self) -> dict[str, Any]:
        """Settings that must be equal for a run to be resumed."""
        settings = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self.config.to_json().items()
            if name not in PLACES_NOT_COMPARED
        }
        return {**settings, "labels_digest": self.task.label_set.digest}


def publish_trials(output: Path, trials: list[Trial]) -> None:
    """Move the bundles of several trials to the output together, best one named."""
    best = best_trial(trials)
    with staged(output) as stage:
        for trial in trials:
            trial.bundle.directory.rename(stage / f"seed-{trial.seed}")
            trial.bundle = Bundle.__new__(Bundle)
            trial.bundle.directory = output / f"seed-{trial.seed}"
        write_json(stage / SUMMARY, {"best": f"seed-{best.seed}", **summarize(trials)})


def best_trial(trials: list[Trial]) -> Trial:
    """The trial with the best dev F1; without dev the first."""
    return max(trials, key=lambda t: (t.dev or {}).get("f1", 0.0))


def summarize(trials: list[Trial]) -> dict[str, Any]:
    """What `tfner train --json` prints."""
    best = best_trial(trials)
    summary = {}
    for part in ("dev", "test"):
        scores = [score["f1"] for t in trials if (score := getattr(t, part))]
        if scores:
            sd = statistics.stdev(scores) if len(scores) > 1 else 0.0
            summary[part] = {"mean": statistics.fmean(scores), "sd": sd}
    return {
        "bundle": str(best.bundle.directory),
        "dev": best.dev,
        "test": best.test,
        "trials": [trial.to_json() for trial in trials],
        "summary": summary,
        **best.speed,
    }
