"""Taggers that other programs have trained, each offered as a bundle."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.tagger_labels import REMEDY
from tfner.errors import BundleError, ConfigError, LabelError
from tfner.inference.bundle import NO_MODEL, Bundle
from tfner.inference.engines import SAVED, Engines, OneEngine
from tfner.inference.label_files import read_labels
from tfner.inference.native_bundle import LABELS
from tfner.inference.open_scheme import of_scheme
from tfner.inference.runners import SavedModelRunner
from tfner.inference.tag_names import TagNames, read_tag_names
from tfner.schemes import LabelSet
from tfner.tasks.serving_words import default_words
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    import keras

    from tfner.models.heads.token_classifier import TokenClassifier

logger = logging.getLogger(__name__)

LONGEST_WINDOW = 512
MAPPINGS = "*_label_mapping.pkl"
OF_CORPORA = ("label",)
"""Extras that are options of reading corpora as well."""


@dataclass(frozen=True)
class Extras:
    """Tokenizer and labels of a model that carries neither, given by the user.

    Args:
        tokenizer: what `load_tokenizer` takes, or a tokenizer.
        label_mapping: what `read_labels` takes, or a label set.
        scheme: of the tags, in place of what tells it; also IO, BMES or BMEWO.
        label: of entities whose tags are a letter alone; see `read_tag_names`.
        segment_id: of every piece; see `TokenClassification`.
        lower_case: overrides the tokenizer directory or what is guessed of it.
        word_splitter: as `lower_case`.
    """

    tokenizer: str | Path | Tokenizer | None = None
    label_mapping: str | Path | LabelSet | None = None
    scheme: str | None = None
    label: str | None = None
    segment_id: int = 0
    lower_case: bool | None = None
    word_splitter: str | None = None

    def refuse(self, model: str | Path) -> None:
        """Refuse what was given for a model that needs nothing.

        Raises:
            ConfigError: something was given: it travels with the model.
        """
        given = [f.name for f in fields(self) if getattr(self, f.name) != f.default]
        flags = [f"--{n.replace('_', '-')}" for n in given if n not in OF_CORPORA]
        if flags:
            raise ConfigError(
                f"{model} carries its own tokenizer and labels. Leave out "
                f"{', '.join(flags)}."
            )

    def labels(self) -> LabelSet | list[str] | None:
        """The labels that were given; None if none were.

        Raises:
            LabelError: the file of the labels cannot be used.
        """
        given = self.label_mapping
        if given is None or isinstance(given, LabelSet):
            return given
        return read_labels(given)

    def read_names(
        self, model: str | Path, names: LabelSet | Sequence[str]
    ) -> TagNames:
        """The tags that the names of a model's outputs mean.

        Raises:
            LabelError: they mean none, or none of the scheme that was given.
        """
        try:
            found = read_tag_names(names, scheme=self.scheme, label=self.label)
        except LabelError as error:
            raise LabelError(f"{model}: {error}") from error
        for note in found.notes:
            logger.info("%s: %s", model, note)
        return found

    def load_tokenizer(self, tokenizer: str | Path | Tokenizer) -> Tokenizer:
        """Load a tokenizer; before the model, which takes longer.

        Args:
            tokenizer: what is loaded if none was given.

        Raises:
            ConfigError: settings of a directory were given with a tokenizer.
            TokenizerError: the directory of the tokenizer cannot be used.
        """
        tokenizer = self.tokenizer or tokenizer
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
        return tokenizer

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
            tokenizer: from `load_tokenizer`.
            label_set: from `read_names`.
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


@dataclass
class Opened:
    """The parts of a foreign model.

    Args:
        model: a Keras model, or a runner of one.
        task: with its labels.
        open_schemes: see `Bundle.open_schemes`.
    """

    model: Any
    task: TokenClassification
    open_schemes: tuple[str, ...]


class ForeignBundle(Bundle):
    """A tagger of another program, read when its task or weights are first needed.

    Args:
        model: where it lies.
        **extras: see `Extras`; each in place of what lies there.
    """

    def __init__(self, model: str | Path, **extras: Any) -> None:
        self.directory, self._extras = Path(model), Extras(**extras)

    @abstractmethod
    def _open(self) -> Opened:
        """Read tokenizer, labels and model."""

    @cached_property
    def _opened(self) -> Opened:
        return self._open()

    @property
    def task(self) -> TokenClassification:
        """Token classification with the labels that were found or given."""
        return self._opened.task

    @property
    def open_schemes(self) -> tuple[str, ...]:
        """Schemes that the tags may be of, where they leave it open."""
        return self._opened.open_schemes

    def settle(self, scheme: str) -> None:
        """Take the tags for those of a scheme, which predictions have shown."""
        opened = self._opened
        opened.task, opened.open_schemes = of_scheme(opened.task, scheme), ()

    def load_model(self) -> keras.Model:
        """The Keras model with its weights."""
        return self._opened.model

    def _opened_as(
        self, model: Any, tokenizer: Tokenizer, names: TagNames, **sizes: Any
    ) -> Opened:
        """Put the parts together; `sizes` are those of `Extras.task`."""
        task = self._extras.task(self.directory, tokenizer, names.label_set, **sizes)
        return Opened(model, task, names.open_schemes)

    def _keras(
        self, tagger: TokenClassifier, tokenizer: Tokenizer, names: TagNames
    ) -> Opened:
        """Put the parts of a Keras model together."""
        return self._opened_as(
            _with_rows(tagger, names),
            tokenizer,
            names,
            num_pieces=tagger.encoder.vocab_size,
            max_length=min(tagger.encoder.max_positions, LONGEST_WINDOW),
        )


def _with_rows(tagger: TokenClassifier, names: TagNames) -> TokenClassifier:
    """The model whose outputs are the tags, in their order."""
    if names.rows == tuple(range(tagger.num_tags)):
        return tagger
    return tagger.with_outputs(names.rows)


class HuggingFaceBundle(ForeignBundle):
    """A `*ForTokenClassification` directory or hub id; it holds all that is needed."""

    def _open(self) -> Opened:
        from tfner.checkpoints.huggingface import load_token_classifier

        model, extras = self.directory, self._extras
        tagger, labels = load_token_classifier(model, labels=extras.labels())
        _check_number(model, labels, tagger.num_tags)
        names = extras.read_names(model, labels)
        return self._keras(tagger, extras.load_tokenizer(model), names)


class GoogleBundle(ForeignBundle):
    """A tagger that google-research/electra has fine-tuned, from its checkpoint.

    Of the extras, `label_mapping` is needed unless a `labels.json` of tfner or one
    `*_label_mapping.pkl` lies beside the checkpoint; `tokenizer` stands for the
    vocabulary beside it.
    """

    def _open(self) -> Opened:
        from tfner.checkpoints.google import load_google_tagger
        from tfner.checkpoints.loading import directory_of

        model, extras = self.directory, self._extras
        folder = Path(directory_of(model))
        labels = extras.labels() or _labels_beside(folder)
        if labels is None:
            raise BundleError(f"{model} carries no labels. {REMEDY}")
        names = extras.read_names(model, labels)
        tokenizer = extras.load_tokenizer(folder)
        if not extras.segment_id:
            logger.info(
                "%s: segment ids are 0; a tagger that google-research/electra itself "
                "has fine-tuned needs --segment-id 1",
                model,
            )
        tagger = load_google_tagger(model, tags=_spelled(labels))
        return self._keras(tagger, tokenizer, names)


class EstimatorBundle(ForeignBundle):
    """A SavedModel as TensorFlow 1's Estimator exported it: a graph, and no assets.

    Of the extras, `tokenizer` and `label_mapping` are needed.

    Args:
        exported: directory of the graph.
        trust_graph: see `load_signature`.
        **extras: see `Extras`.
    """

    def __init__(
        self, exported: Path, *, trust_graph: bool = False, **extras: Any
    ) -> None:
        super().__init__(exported, **extras)
        self._trust_graph = trust_graph

    def _open(self) -> Opened:
        exported, extras = self.directory, self._extras
        labels = extras.labels()
        if extras.tokenizer is None or labels is None:
            raise BundleError(
                f"{exported} carries neither tokenizer nor labels. Give those that it "
                "was trained with: --tokenizer DIR and --label-mapping FILE."
            )
        names = extras.read_names(exported, labels)
        tokenizer = extras.load_tokenizer(extras.tokenizer)
        run = SavedModelRunner(
            exported, packs=False, trims=False, trust_graph=self._trust_graph
        )
        _check_number(exported, labels, run.num_tags)
        run.select(names.rows)
        return self._opened_as(
            run,
            tokenizer,
            names,
            num_pieces=run.num_pieces(),
            max_length=run.row_length or LONGEST_WINDOW,
        )

    def load_model(self) -> keras.Model:
        """Refuse: the graph holds no Keras model.

        Raises:
            BundleError: always.
        """
        raise BundleError(NO_MODEL.format(self.directory))

    def runner(self) -> SavedModelRunner:
        """The runner of the graph."""
        run: SavedModelRunner = self._opened.model
        return run

    def engines(self) -> Engines:
        """The engine of the graph."""
        return OneEngine(self.runner, instead=SAVED)


def _labels_beside(folder: Path) -> LabelSet | list[str] | None:
    """The labels beside a checkpoint; None where there are none, or several."""
    for pattern in (LABELS, MAPPINGS):  # the former tells the scheme
        found = sorted(folder.glob(pattern))
        if len(found) == 1:
            return read_labels(found[0])
    return None


def _spelled(labels: LabelSet | list[str]) -> Sequence[str]:
    return labels.tags if isinstance(labels, LabelSet) else labels


def _check_number(
    model: object, labels: LabelSet | list[str], outputs: int | None
) -> None:
    """Refuse labels of another number than a model has outputs.

    Raises:
        BundleError: they are.
    """
    number = len(_spelled(labels))
    if outputs != number:
        raise BundleError(
            f"{model} predicts {outputs or 'an unknown number of'} tags, the labels "
            f"are {number}. Give the labels that it was trained with."
        )
