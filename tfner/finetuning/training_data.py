"""What the runs of a config share: corpora, their task, and what is encoded of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

from tfner.checkpoints.loading import tokenizer_of
from tfner.config.train import TrainConfig
from tfner.data.windows import Window
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError, TrainingError, unknown
from tfner.finetuning.data import Corpora, load_corpora
from tfner.finetuning.evaluator import Evaluator
from tfner.schemes import LabelSet
from tfner.tasks import TASKS, Task
from tfner.tasks.context import DOCUMENT, encode_in_order
from tfner.tokenization import Tokenizer, load_tokenizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingData:
    """What all runs of a config share.

    Args:
        config: the settings, with what the tokenizer decided of them.
        task: made for them.
        corpora: as read.
        windows: of the training corpus, with targets.
        counts: what encoding the training corpus lost, by reason.
    """

    config: TrainConfig
    task: Task
    corpora: Corpora
    windows: list[Window]
    counts: Counter[str]

    @cached_property
    def dev(self) -> Evaluator:
        """The dev corpus, encoded once for all seeds, when it is first looked at."""
        return Evaluator.encode(self.task, self.corpora.dev)


def load_training_data(
    config: TrainConfig,
    *,
    task: Task | None = None,
    tokenizer: Tokenizer | None = None,
) -> TrainingData:
    """Read the corpora, make the task, encode what is to be learnt and held out.

    Args:
        config: all settings.
        task: your own in place of the one that `config` names.
        tokenizer: your own in place of that of `config.encoder`.

    Raises:
        ConfigError: the settings do not fit the task or the tokenizer, or need a dev
            corpus.
        CorpusError: a corpus cannot be read, holds nothing to learn, or entities that
            the task cannot: all such documents are named.
    """
    check_task_settings(config, task)
    corpora = load_corpora(config)
    try:
        if task is None:
            task = make_task(
                config, corpora.label_set, tokenizer, documents=corpora.train
            )
        task.check(corpora.train, corpora.dev)
    except CorpusError as error:
        raise CorpusError(str(error), path=config.train) from error
    config = config.replace(words=task.settings().get("words", config.words))
    windows, counts = encode_training(task, corpora.train)
    return TrainingData(config, task, corpora, windows, counts)


def check_task_settings(config: TrainConfig, task: Task | None = None) -> None:
    """Refuse settings that the task would not look at.

    Args:
        config: all settings.
        task: where it is not made from them.

    Raises:
        ConfigError: there is no such task, or settings of another one are given.
    """
    if task is None and config.task not in TASKS:
        raise ConfigError(unknown("`task`", config.task, TASKS))
    defaults = {field.name: field.default for field in fields(TrainConfig)}
    for name, kind in TASKS.items():
        given = [n for n in kind.only if getattr(config, n) != defaults[n]]
        if given and (task is not None or name != config.task):
            mine = config.task if task is None else type(task).__name__
            raise ConfigError(
                f"{', '.join(f'`{n}`' for n in given)}: settings of --task {name} "
                f"alone. Received: task={mine}. Leave them out, or change it."
            )


def make_task(
    config: TrainConfig,
    label_set: LabelSet,
    tokenizer: Tokenizer | None = None,
    *,
    documents: Sequence[Document] = (),
) -> Task:
    """Make the task that the settings name, with its tokenizer.

    Args:
        config: all settings.
        label_set: what is to be predicted.
        tokenizer: in place of that of the encoder.
        documents: of the training corpus, from which a task may take more.

    Raises:
        ConfigError: the settings contradict each other, or the documents.
    """
    check_task_settings(config)
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
    return TASKS[config.task].from_config(config, tokenizer, label_set, documents)


def encode_training(
    task: Task, documents: Sequence[Document]
) -> tuple[list[Window], Counter[str]]:
    """Encode the training corpus; returns its windows, and what was lost.

    Raises:
        TrainingError: no window is left.
    """
    if task.context and not any(DOCUMENT in d.metadata for d in documents):
        logger.info(
            "context: the training corpus does not say where a document ends; "
            "neighbouring sentences of the file are taken"
        )
    windows, counts = list[Window](), Counter[str]()
    for _, encoded in encode_in_order(task, documents, with_targets=True):
        windows += encoded.windows
        counts.update(encoded.counts)
    lost = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    if not windows:
        raise TrainingError(
            "the training corpus leaves nothing to learn from. Received: "
            f"{len(documents)} documents, {lost or 'without text'}. Give another "
            "corpus, or settings that leave less out."
        )
    logger.info("training corpus: %s, %d windows", lost, len(windows))
    return windows, counts
