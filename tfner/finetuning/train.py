"""The training run: corpora, windows, steps, scores, bundle; once per seed."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tfner.checkpoints.loading import open_encoder, tokenizer_of
from tfner.config.train import TrainConfig
from tfner.data.windows import Window
from tfner.document import Document
from tfner.errors import CorpusError, TrainingError, joined
from tfner.finetuning.data import Corpora, load_corpora
from tfner.finetuning.loss_settings import set_loss
from tfner.finetuning.result import RunResult
from tfner.finetuning.run import EncoderFactory, Run
from tfner.finetuning.span_dev import check_dev
from tfner.finetuning.span_settings import check_task_settings, make_span_task
from tfner.inference.bundle import CONFIG, SUMMARY, Bundle
from tfner.inference.encoder_config import check_encoder
from tfner.nesting import nesting_problems
from tfner.schemes import LabelSet
from tfner.storage.atomic import whole_directory, write_json
from tfner.storage.output import OutputPolicy
from tfner.storage.remote import address, publish
from tfner.storage.workplace import workplace
from tfner.tasks import Task
from tfner.tasks.context import DOCUMENT, encode_in_order
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tasks.token_classification import TokenClassification, default_words
from tfner.tokenization import Tokenizer, load_tokenizer
from tfner.training.distribution import distribution

if TYPE_CHECKING:
    pass

logger = logging.getLogger(__name__)


def train(
    config: TrainConfig,
    *,
    task: Task | None = None,
    tokenizer: Tokenizer | None = None,
    encoder: EncoderFactory | None = None,
) -> Bundle:
    """Train a model; of several trials the one with the best dev score is returned.

    Args:
        config: all settings.
        task: your own in place of the one `config` names.
        tokenizer: your own in place of that of `config.encoder`.
        encoder: makes your own encoder, one per trial: any Keras model from
            `input_ids`, `attention_mask`, `token_type_ids` (B, S) to (B, S, H).

    Raises:
        ConfigError: the settings or the output's place do not allow a run.
        CorpusError: a corpus cannot be read, or holds nothing to learn.
        TrainingError: the loss is no number any more; what was good is kept.
    """
    report = run_trials(config, task=task, tokenizer=tokenizer, encoder=encoder)
    return Bundle.load(report["bundle"])


def run_trials(
    config: TrainConfig,
    *,
    task: Task | None = None,
    tokenizer: Tokenizer | None = None,
    encoder: EncoderFactory | None = None,
) -> dict[str, Any]:
    """As `train`; returns the JSON that `tfner train` prints."""
    output = output_of(config)
    devices = distribution(config.strategy, tpu=config.tpu)
    factory = make_encoder(config, encoder)
    with devices.working():
        with workplace(output, writes=devices.is_chief) as (directory, mirror):
            data = load_training_data(config, task=task, tokenizer=tokenizer)
            trials = []
            for seed in range(config.seed, config.seed + config.trials):
                target = output.path
                if config.trials > 1 and devices.is_chief:
                    logger.info("trial with seed %s", seed)
                if (config.trials > 1 or mirror) and devices.is_chief:
                    target = directory / f"seed-{seed}.bundle"
                run = Run(
                    *data,
                    seed,
                    directory=directory / f"seed-{seed}",
                    encoder=factory,
                    distribution=devices,
                    mirror=mirror and mirror / f"seed-{seed}",
                )
                trials.append(run.fit(target))
            if config.trials > 1 and devices.is_chief:
                publish_trials(output.path, trials)
            elif mirror and devices.is_chief:
                publish(trials[0].directory, output.path)
                trials[0].directory = output.path
        devices.wait()
    return summarize(trials)


class TrainingData(NamedTuple):
    """What all runs of a config share: `Run(*data, seed, …)`."""

    config: TrainConfig
    task: Task
    corpora: Corpora
    windows: list[Window]


def load_training_data(
    config: TrainConfig,
    *,
    task: Task | None = None,
    tokenizer: Tokenizer | None = None,
) -> TrainingData:
    """Read the corpora, make the task, encode what is to be learnt.

    Returns:
        The settings, with what the tokenizer decided of them, and the rest.

    Raises:
        ConfigError: the settings do not fit the tokenizer, or need a dev corpus.
        CorpusError: a corpus cannot be read, holds nothing to learn, or entities that
            the task cannot: all such documents are named.
    """
    corpora = load_corpora(config)
    check_dev(config, corpora.dev)
    task = task or make_task(
        config, corpora.label_set, tokenizer, documents=corpora.train
    )
    check_nesting(config, task, corpora.train)
    config = config.replace(words=task.settings().get("words", config.words))
    windows = encode_training(task, corpora)
    set_loss(config, task, windows)
    return TrainingData(config, task, corpora, windows)


def check_nesting(config: TrainConfig, task: Task, documents: list[Document]) -> None:
    """Refuse entities that a tagger cannot learn; tell of those never predicted.

    Raises:
        CorpusError: of tags are asked what they cannot hold.
    """
    is_tagger = isinstance(task, TokenClassification)
    if not is_tagger and getattr(task, "nested", True):
        return
    problems = nesting_problems(documents)
    if problems and is_tagger:
        raise CorpusError(joined(problems), path=config.train)
    if problems:
        logger.info(
            "note: %s of %s training sentences have nested or overlapping entities; "
            "without them (--no-nested) some will be missed",
            len(problems),
            len(documents),
        )


def output_of(config: TrainConfig) -> OutputPolicy:
    """Where the model goes.

    Raises:
        ConfigError: something is there that may not be replaced.
    """
    policy = OutputPolicy(Path(config.output), config.overwrite, config.resume)
    policy.check_finished("model", (CONFIG, SUMMARY))
    return policy


def make_task(
    config: TrainConfig,
    label_set: LabelSet,
    tokenizer: Tokenizer | None,
    *,
    documents: Sequence[Document] = (),
) -> Task:
    """The task that the settings name, with its tokenizer.

    Args:
        config: all settings.
        label_set: what is to be predicted.
        tokenizer: in place of that of the encoder.
        documents: of the training corpus, which may bring queries.
    """
    if tokenizer is None:
        tokenizer = load_tokenizer(
            tokenizer_of(config.encoder),
            lower_case=config.lower_case,
            word_splitter=config.word_splitter,
            dictionary=config.dictionary,
            user_dictionary=config.user_dictionary,
        )
        for note in tokenizer.notes:
            logger.info(note)
    check_task_settings(config)
    if config.task == SpanExtraction.name:
        return make_span_task(config, label_set, tokenizer, documents)
    return TokenClassification(
        tokenizer,
        label_set,
        max_length=config.max_length,
        overlap=config.overlap,
        words=config.words or default_words(tokenizer),
        label_pieces=config.label_pieces,
        borders=config.borders,
        on_overflow=config.on_overflow,
        head=config.head,
        decode=config.decode,
        context=config.context,
    )


def make_encoder(config: TrainConfig, factory: EncoderFactory | None) -> EncoderFactory:
    """What makes the encoder of each run: the user's, or the one that is named.

    It is checked once, here, before corpora are read.

    Raises:
        CheckpointError: there is no encoder of that name.
        ConfigError: the user's is none, or could not be loaded from a bundle.
    """
    if factory is not None:
        check_encoder(factory())
        return factory
    return open_encoder(
        config.encoder,
        hidden_dropout=config.hidden_dropout,
        attention_dropout=config.attention_dropout,
    ).load


def encode_training(task: Task, corpora: Corpora) -> list[Window]:
    """All training windows; says once what did not survive.

    Raises:
        TrainingError: no window is left.
    """
    told = any(DOCUMENT in document.metadata for document in corpora.train)
    if getattr(task, "context", 0) and not told:
        logger.info(
            "context: the training corpus does not say where a document ends; "
            "neighbouring sentences of the file are taken"
        )
    task.counts.clear()
    windows = [
        window
        for _, found in encode_in_order(task, corpora.train, with_targets=True)
        for window in found
    ]
    if task.counts["questions_left_out"] and not windows:
        raise TrainingError(
            "no question about the training corpus is left. Received: "
            f"negative_rate={getattr(task, 'negative_rate', None)}, and no sentence "
            "holds an entity. Give a higher --negative-rate, or another corpus."
        )
    if not windows:
        raise TrainingError("the training corpus holds no text to learn from.")
    counts = [f"{n} {name}" for name, n in task.counts.items() if n]
    logger.info("training corpus: %s, %s windows", ", ".join(counts), len(windows))
    return windows


def publish_trials(output: Path, trials: list[RunResult]) -> None:
    """Move the bundles of several trials to the output together, the best one named."""
    with whole_directory(output) as stage:
        for trial in trials:
            trial.directory.rename(stage / f"seed-{trial.seed}")
            trial.directory = output / f"seed-{trial.seed}"
        best = best_result(trials).directory.name
        write_json(stage / SUMMARY, {"best": best, **summarize(trials)})


def best_result(trials: list[RunResult]) -> RunResult:
    """The trial with the best dev F1; without dev the first."""
    return max(trials, key=lambda trial: (trial.dev or {}).get("f1", 0.0))


def summarize(trials: list[RunResult]) -> dict[str, Any]:
    """What `tfner train --json` prints."""
    best = best_result(trials)
    summary = {}
    for part in ("dev", "test"):
        scores = [found["f1"] for t in trials if (found := getattr(t, part))]
        if scores:
            sd = statistics.stdev(scores) if len(scores) > 1 else 0.0
            summary[part] = {"mean": statistics.fmean(scores), "sd": sd}
    return {
        "bundle": address(best.directory),
        "dev": best.dev,
        "test": best.test,
        "trials": [trial.to_json() for trial in trials],
        "summary": summary,
        **best.speed,
    }
