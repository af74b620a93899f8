"""Corpora, task and windows, which all runs of a config share."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

from tfner.config.train import TaskConfig, TrainConfig
from tfner.data.pipeline import WindowTable
from tfner.data.windows import Window
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError, TrainingError, unknown
from tfner.finetuning.data import Corpora, load_corpora
from tfner.finetuning.evaluator import Evaluator
from tfner.finetuning.recipe import Facts, announced, resolve
from tfner.inference.encoders import tokenizer_of
from tfner.schemes import LabelSet
from tfner.tasks import TASKS, Task
from tfner.tasks.context import DOCUMENT, encode_in_order
from tfner.tasks.decoding import is_constrained
from tfner.tasks.serving_words import better_splitter
from tfner.tokenization import Tokenizer, load_tokenizer

logger = logging.getLogger(__name__)


class Taught(NamedTuple):
    """A task that learns more than its corpus says.

    Args:
        task: in place of the one that the settings name.
        windows: of the training corpus, and of what is learned beside it.
        more_sentences: how many that is.
    """

    task: Task
    windows: list[Window]
    more_sentences: int


Teach = Callable[[Task, Corpora], Taught]
"""Makes of a task and its corpora what is learned in their place."""


@dataclass(frozen=True)
class TrainingData:
    """Corpora, task and windows, which all runs of a config share.

    Args:
        config: the settings, with what the tokenizer decided of them.
        task: made for them.
        corpora: as read.
        windows: of the training corpus, with targets.
        counts: what encoding the training corpus lost, by reason.
        more_sentences: learned beside the training corpus.
    """

    config: TrainConfig
    task: Task
    corpora: Corpora
    windows: list[Window]
    counts: Counter[str]
    more_sentences: int = 0

    @property
    def sentences(self) -> int:
        """Number of all that is learned in an epoch."""
        return len(self.corpora.train) + self.more_sentences

    @cached_property
    def table(self) -> WindowTable:
        """The windows as arrays, made once for all seeds."""
        return WindowTable(self.windows, pad_id=self.task.tokenizer.pad_id)

    @cached_property
    def dev(self) -> Evaluator:
        """The dev corpus, encoded once for all seeds, when it is first looked at."""
        return Evaluator.encode(self.task, self.corpora.dev)


def load_training_data(
    config: TrainConfig,
    *,
    task: Task | None = None,
    tokenizer: Tokenizer | None = None,
    corpora: Corpora | None = None,
    sizes: Mapping[str, Any] | None = None,
    teach: Teach | None = None,
) -> TrainingData:
    """Read the corpora, make the task, encode what is to be learnt and held out.

    What the settings leave open is decided by their recipe, and said.

    Args:
        config: all settings.
        task: your own in place of the one that `config` names.
        tokenizer: your own in place of that of `config.model.encoder`.
        corpora: documents in place of the files that `config` names.
        sizes: `family`, `hidden_size` and `num_layers` of the encoder, if known.
        teach: has the last word on what is learned.

    Raises:
        ConfigError: the settings do not fit the task or the tokenizer, or need a dev
            corpus.
        CorpusError: a corpus cannot be read, holds nothing to learn, or entities that
            the task cannot: all such documents are named.
    """
    if task is not None:
        check_own_task(config.task, task)
    corpora, label_set = load_corpora(config, corpora)
    facts = facts_of(corpora, None if task else label_set, sizes or {})
    given, config = config, resolve(config, facts)
    try:
        if task is None:
            documents = corpora.train
            task = make_task(config, label_set, tokenizer, documents=documents)
        task.check(corpora.train, corpora.dev)
    except CorpusError as error:
        raise CorpusError(str(error), path=config.data.train or None) from error
    windows, counts = encode_training(task, corpora.train)
    more = 0
    if teach is not None:
        task, windows, more = teach(task, corpora)
    config = resolve(config, replace(facts, windows=len(windows)))
    patience = config.optimizer.patience
    if patience and not corpora.dev:
        raise ConfigError(
            f"`patience` is {patience}, and no dev corpus says when a run stalls. Give "
            "--dev or --dev-fraction, or leave --patience out."
        )
    if config.optimizer.recipe == "auto":
        logger.info(announced(given, config, facts))
    config = config.replace(words=task.settings().get("words", config.task.words))
    return TrainingData(config, task, corpora, windows, counts, more)


def facts_of(
    corpora: Corpora, label_set: LabelSet | None, sizes: Mapping[str, Any]
) -> Facts:
    """Tell a recipe what there is, before the corpus is encoded.

    Args:
        corpora: as they are learned, held out and tested.
        label_set: of the tags; None for a task of the user's own.
        sizes: of the encoder.
    """
    names = ("family", "hidden_size", "num_layers")
    return Facts(
        sentences=len(corpora.train),
        dev=len(corpora.dev),
        documents=any(DOCUMENT in document.metadata for document in corpora.train),
        constrained=None if label_set is None else is_constrained(label_set),
        **{name: sizes[name] for name in names if name in sizes},
    )


def check_own_task(settings: TaskConfig, task: Task) -> None:
    """Refuse settings that a task which is not made from them would not look at.

    Raises:
        ConfigError: settings are given that only tasks of their kind have.
    """
    shared = TaskConfig.leaves()
    given = [
        f"`{name}`"
        for name, leaf in settings.leaves().items()
        if name not in shared and getattr(settings, name) != leaf.default
    ]
    if given:
        raise ConfigError(
            f"{', '.join(given)}: settings of --task {settings.name} alone. Received: "
            f"task={type(task).__name__}. Leave them out, or change it."
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
    if tokenizer is None:
        tokenizer = _load_tokenizer(config, documents)
    if config.task.name not in TASKS:
        raise ConfigError(unknown("`task`", config.task.name, TASKS))
    kind = TASKS[config.task.name]
    seed = config.optimizer.seed
    return kind.from_config(config.task, tokenizer, label_set, documents, seed=seed)


def _load_tokenizer(config: TrainConfig, documents: Sequence[Document]) -> Tokenizer:
    """The tokenizer of the encoder, with words that fit the script of the corpus."""
    settings = config.tokenizer
    load = partial(
        load_tokenizer,
        settings.tokenizer_directory or tokenizer_of(config.model.encoder),
        lower_case=settings.lower_case,
        dictionary=settings.dictionary,
        user_dictionary=settings.user_dictionary,
    )
    tokenizer: Tokenizer = load(word_splitter=settings.word_splitter)
    if settings.word_splitter is None:
        splitter = better_splitter(tokenizer, documents)
        if splitter is not None:
            logger.info(
                "words: the corpus is written without spaces, so raw text is cut into "
                "words by %s (--word-splitter)",
                splitter,
            )
            tokenizer = load(word_splitter=splitter)
    for note in tokenizer.notes:
        logger.info(note)
    return tokenizer


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
