"""What is given beside a model that carries neither its tokenizer nor its labels."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

from tfner.errors import BundleError, ConfigError
from tfner.inference.bundle import SelfTest
from tfner.inference.label_files import read_labels
from tfner.schemes import LabelSet
from tfner.tasks import Task
from tfner.tasks.token_classification import TokenClassification
from tfner.tasks.windowing import default_words
from tfner.tokenization import Tokenizer, load_tokenizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Described:
    """What `Bundle` says of a model, for one that has no bundle."""

    task: Task
    selftest: ClassVar[SelfTest] = SelfTest((), ())


@dataclass(frozen=True)
class Supplied:
    """Tokenizer, labels and settings that a user gives with a foreign model.

    Args:
        tokenizer: what `load_tokenizer` takes, or a tokenizer.
        labels: what `read_labels` takes, or a label set.
        segment_id: of every piece; see `TokenClassification`.
        lower_case: overrides the tokenizer directory or what is guessed of it.
        word_splitter: as `lower_case`.
    """

    tokenizer: str | Path | Tokenizer | None = None
    labels: str | Path | LabelSet | None = None
    segment_id: int = 0
    lower_case: bool | None = None
    word_splitter: str | None = None

    def refuse(self, model: str | Path) -> None:
        """For a model that needs nothing.

        Raises:
            ConfigError: something was given: it travels with the model.
        """
        given = [f.name for f in fields(self) if getattr(self, f.name) != f.default]
        if given:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ConfigError(
                f"{model} carries its own tokenizer and labels. Leave out {flags}."
            )

    def load(self, model: str | Path) -> tuple[Tokenizer, LabelSet]:
        """Tokenizer and labels; before the model is loaded, which takes longer.

        Raises:
            BundleError: one of them is missing.
            ConfigError: settings of a directory were given with a tokenizer.
            LabelError: the file of the labels cannot be used.
            TokenizerError: the directory of the tokenizer cannot be used.
        """
        tokenizer, labels = self.tokenizer, self.labels
        if tokenizer is None or labels is None:
            raise BundleError(
                f"{model} carries neither tokenizer nor labels. Give those that it "
                "was trained with: --tokenizer DIR and --labels FILE."
            )
        if not isinstance(labels, LabelSet):
            labels = read_labels(labels)
        if isinstance(tokenizer, str | Path):
            tokenizer = load_tokenizer(
                tokenizer,
                lower_case=self.lower_case,
                word_splitter=self.word_splitter,
            )
            for note in tokenizer.notes:
                logger.info(note)
        elif self.lower_case is not None or self.word_splitter is not None:
            raise ConfigError(
                "`lower_case` and `word_splitter` say how a tokenizer's directory is "
                "read. Received: a tokenizer. Leave them out."
            )
        return tokenizer, labels

    def task(
        self,
        model: str | Path,
        tokenizer: Tokenizer,
        label_set: LabelSet,
        *,
        num_pieces: int | None,
        max_length: int,
    ) -> TokenClassification:
        """How the model's inputs are made and its outputs read.

        Args:
            model: for messages.
            tokenizer: from `load`.
            label_set: from `load`.
            num_pieces: rows of the model's embedding table; None if that is not known.
            max_length: pieces of a window.

        Raises:
            BundleError: the tokenizer does not fit the model.
        """
        if num_pieces is not None and tokenizer.vocab_size > num_pieces:
            raise BundleError(
                f"{model} knows {num_pieces} pieces, the tokenizer has "
                f"{tokenizer.vocab_size}. Give the tokenizer that it was trained with."
            )
        return TokenClassification(
            tokenizer,
            label_set,
            max_length=max_length,
            words=default_words(tokenizer),
            segment_id=self.segment_id,
        )
