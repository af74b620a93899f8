"""Taggers that other programs have trained, each offered as a bundle."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.errors import BundleError, ConfigError
from tfner.inference.bundle import NO_MODEL, Bundle
from tfner.inference.label_files import read_labels
from tfner.inference.runners import SavedModelRunner
from tfner.schemes import LabelSet
from tfner.tasks.serving_words import default_words
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

LONGEST_WINDOW = 512
MAPPINGS = "*_label_mapping.pkl"


@dataclass(frozen=True)
class Extras:
    """Tokenizer and labels of a model that carries neither, given by the user.

    Args:
        tokenizer: what `load_tokenizer` takes, or a tokenizer.
        label_mapping: what `read_labels` takes, or a label set.
        segment_id: of every piece; see `TokenClassification`.
        lower_case: overrides the tokenizer directory or what is guessed of it.
        word_splitter: as `lower_case`.
    """

    tokenizer: str | Path | Tokenizer | None = None
    label_mapping: str | Path | LabelSet | None = None
    segment_id: int = 0
    lower_case: bool | None = None
    word_splitter: str | None = None

    def refuse(self, model: str | Path) -> None:
        """Refuse what was given for a model that needs nothing.

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
        """Load tokenizer and labels; before the model, which takes longer.

        Raises:
            BundleError: one of them is missing.
            ConfigError: settings of a directory were given with a tokenizer.
            LabelError: the file of the labels cannot be used.
            TokenizerError: the directory of the tokenizer cannot be used.
        """
        tokenizer, labels = self.tokenizer, self.label_mapping
        if tokenizer is None or labels is None:
            raise BundleError(
                f"{model} carries neither tokenizer nor labels. Give those that it "
                "was trained with: --tokenizer DIR and --label-mapping FILE."
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
        """Make the task of a model.

        Args:
            model: for messages.
            tokenizer: from `load`.
            label_set: from `load`.
            num_pieces: rows of the model's embedding table; None if that is not known.
            max_length: pieces of a window.

        Raises:
            BundleError: the tokenizer does not fit the model.
        """
        if num_pieces is not None:
            check_pieces(model, tokenizer, num_pieces)
        return TokenClassification(
            tokenizer,
            label_set,
            max_length=max_length,
            words=default_words(tokenizer),
            segment_id=self.segment_id,
        )


def check_pieces(model: object, tokenizer: Tokenizer, num_pieces: int) -> None:
    """Refuse a tokenizer that gives ids for which a model has no row.

    Args:
        model: for messages.
        tokenizer: that will feed it.
        num_pieces: rows of its embedding table.

    Raises:
        BundleError: it does.
    """
    if tokenizer.vocab_size > num_pieces:
        raise BundleError(
            f"{model} knows {num_pieces} pieces, the tokenizer has "
            f"{tokenizer.vocab_size}: pieces were added without resizing the model. "
            "Give the tokenizer that it was trained with."
        )


class HuggingFaceBundle(Bundle):
    """A `*ForTokenClassification` directory or hub id; it holds all that is needed.

    Args:
        model: read when its task or its weights are first needed.
        **extras: see `Extras`; each in place of what lies in the directory.
    """

    def __init__(self, model: str | Path, **extras: Any) -> None:
        self.directory, self._extras = Path(model), Extras(**extras)

    @cached_property
    def _loaded(self) -> tuple[keras.Model, TokenClassification]:
        from tfner.checkpoints.huggingface import load_token_classifier

        tagger, tags = load_token_classifier(self.directory)
        extras = replace(
            self._extras,
            tokenizer=self._extras.tokenizer or self.directory,
            label_mapping=self._extras.label_mapping or LabelSet.from_tags(tags),
        )
        tokenizer, label_set = extras.load(self.directory)
        if len(label_set.tags) != len(tags):
            raise BundleError(
                f"{self.directory} predicts {len(tags)} tags, the labels are "
                f"{len(label_set.tags)}. Give the labels that it was trained with."
            )
        task = extras.task(
            self.directory,
            tokenizer,
            label_set,
            num_pieces=tagger.encoder.vocab_size,
            max_length=min(tagger.encoder.max_positions, LONGEST_WINDOW),
        )
        return tagger, task

    @property
    def task(self) -> TokenClassification:
        """Token classification with the labels of the directory's config."""
        return self._loaded[1]

    def load_model(self) -> keras.Model:
        """The Keras model with its weights."""
        return self._loaded[0]


class GoogleBundle(Bundle):
    """A tagger that google-research/electra has fine-tuned, from its checkpoint.

    Args:
        model: directory of the checkpoint, or the prefix of one in it; read when its
            task or its weights are first needed.
        **extras: see `Extras`: `label_mapping`, unless a `*_label_mapping.pkl` lies
            beside the checkpoint; `tokenizer` instead of the vocabulary beside it.
    """

    def __init__(self, model: str | Path, **extras: Any) -> None:
        self.directory, self._extras = Path(model), Extras(**extras)

    @cached_property
    def _loaded(self) -> tuple[keras.Model, TokenClassification]:
        from tfner.checkpoints.google import load_google_tagger
        from tfner.checkpoints.loading import tokenizer_of

        model, extras = self.directory, self._extras
        folder = Path(tokenizer_of(model))
        mappings = sorted(folder.glob(MAPPINGS))
        if extras.label_mapping is None and len(mappings) == 1:
            extras = replace(extras, label_mapping=mappings[0])
        if extras.tokenizer is None:
            extras = replace(extras, tokenizer=folder)
        tokenizer, label_set = extras.load(model)
        if not extras.segment_id:
            logger.info(
                "%s: segment ids are 0; a tagger that google-research/electra itself "
                "has fine-tuned needs --segment-id 1",
                model,
            )
        tagger = load_google_tagger(model, tags=label_set.tags)
        task = extras.task(
            model,
            tokenizer,
            label_set,
            num_pieces=tagger.encoder.vocab_size,
            max_length=min(tagger.encoder.max_positions, LONGEST_WINDOW),
        )
        return tagger, task

    @property
    def task(self) -> TokenClassification:
        """Token classification with the labels beside the checkpoint."""
        return self._loaded[1]

    def load_model(self) -> keras.Model:
        """The Keras model with its weights."""
        return self._loaded[0]


class EstimatorBundle(Bundle):
    """A SavedModel as TensorFlow 1's Estimator exported it: a graph, and no assets.

    Args:
        exported: directory of `saved_model.pb`; read when it is first needed.
        **extras: see `Extras`; `tokenizer` and `label_mapping` are needed.
    """

    def __init__(self, exported: Path, **extras: Any) -> None:
        self.directory, self._extras = exported, Extras(**extras)

    @cached_property
    def _loaded(self) -> tuple[SavedModelRunner, TokenClassification]:
        exported = self.directory
        tokenizer, label_set = self._extras.load(exported)
        run = SavedModelRunner(exported, packs=False, trims=False)
        if run.num_tags != len(label_set.tags):
            raise BundleError(
                f"{exported} predicts {run.num_tags or 'an unknown number of'} tags, "
                f"the labels are {len(label_set.tags)}. Give the labels that it was "
                "trained with."
            )
        task = self._extras.task(
            exported,
            tokenizer,
            label_set,
            num_pieces=run.num_pieces(),
            max_length=run.row_length or LONGEST_WINDOW,
        )
        return run, task

    @property
    def task(self) -> TokenClassification:
        """Token classification with the labels that were given."""
        return self._loaded[1]

    def load_model(self) -> keras.Model:
        """Refuse: the graph holds no Keras model.

        Raises:
            BundleError: always.
        """
        raise BundleError(NO_MODEL.format(self.directory))

    def runner(self) -> SavedModelRunner:
        """The runner of the graph."""
        return self._loaded[0]
