"""Models with a smaller vocabulary, for deployment: any format exports them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from operator import and_, gt
from typing import TYPE_CHECKING, Any

import numpy as np

from tfner.data.features import INPUT_IDS
from tfner.document import Document
from tfner.errors import ExportError, counted
from tfner.evaluation import score
from tfner.inference.bundle import Bundle, SelfTest
from tfner.inference.native_bundle import build
from tfner.inference.open_scheme import remade
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.tokenization.trimming import Trimmed, Vocabulary, trim, vocabulary_of
from tfner_export.scheme import settle_scheme

if TYPE_CHECKING:
    import keras

    from tfner.tasks import Task

logger = logging.getLogger("tfner.export")

COMPARED = 1000
"""Texts of the corpus that are predicted by both models, the first ones."""
REMADE = ("model", "task")
"""Entries of a bundle's config that tell of the larger vocabulary."""


class TrimmedBundle(Bundle):
    """A model whose tokenizer and table of vectors have some of its pieces alone.

    Made by `trim_vocabulary`.

    Args:
        bundle: the whole model.
        vocabulary: its pieces.
        trimmed: the tokenizer of those that are kept.
    """

    def __init__(
        self, bundle: Bundle, vocabulary: Vocabulary, trimmed: Trimmed
    ) -> None:
        self.whole, self.vocabulary, self.trimmed = bundle, vocabulary, trimmed
        self.directory = bundle.directory
        self._task = remade(bundle.task, tokenizer=trimmed.tokenizer)

    @property
    def task(self) -> Task:
        """The task with the smaller vocabulary."""
        return self._task

    def load_model(self) -> keras.Model:
        """The Keras model; every call gives the same one."""
        return self._model

    @cached_property
    def _model(self) -> keras.Model:
        return with_rows(self.whole_model, self._task, self.trimmed.ids)

    @cached_property
    def whole_model(self) -> keras.Model:
        """The Keras model of the whole one."""
        return self.whole.load_model()

    @property
    def config(self) -> dict[str, Any]:
        """Settings of the training alone: the sizes are those of this model."""
        return {k: v for k, v in self.whole.config.items() if k not in REMADE}

    @property
    def metrics(self) -> dict[str, Any]:
        """Scores and history of the whole model."""
        return self.whole.metrics

    @cached_property
    def selftest(self) -> SelfTest:
        """The texts of the whole model, and its entities where their pieces are kept.

        Where some are not, the entities are those that the trimmed model predicts.
        """
        stored = self.whole.selftest
        texts = [Document(id=str(n), text=text) for n, text in enumerate(stored.texts)]
        if pieces_in(self.whole.task, texts) <= set(self.trimmed.ids.tolist()):
            return stored
        return Predictor.of(self).selftest(stored.texts)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Answers of a trimmed model beside those of the whole one.

    Args:
        pieces: in the smaller vocabulary.
        of: pieces in the whole one.
        texts: that were predicted by both.
        kept_texts: those all of whose pieces are kept.
        equal_kept: those of them with equal entities.
        equal_others: those of the rest with equal entities.
        unknown: pieces of all texts that stand for unknown characters, now.
        unknown_before: the same with the whole vocabulary.
        f1: of the smaller model, 0 to 1; None if the texts have no entities of theirs.
        f1_before: of the whole model.
    """

    pieces: int
    of: int
    texts: int
    kept_texts: int
    equal_kept: int
    equal_others: int
    unknown: int
    unknown_before: int
    f1: float | None = None
    f1_before: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry `vocabulary` of `tfner export --json`."""
        return asdict(self)

    def tell(self) -> Iterator[str]:
        """The sentences that the command line prints."""
        yield f"vocabulary: {self.pieces:,} of {self.of:,} pieces are kept"
        if self.texts:
            others = self.texts - self.kept_texts
            yield (
                f"entities equal in {self.equal_kept:,} of "
                f"{counted(self.kept_texts, 'text')} all of whose pieces are kept, in "
                f"{self.equal_others:,} of {others:,} others"
            )
            yield (
                f"unknown pieces {self.unknown:,}, with the whole vocabulary "
                f"{self.unknown_before:,}"
            )
        if self.f1 is not None:
            yield f"F1 {self.f1:.4f}, with the whole vocabulary {self.f1_before:.4f}"


def trim_vocabulary(
    bundle: Bundle,
    *,
    texts: Iterable[Document] = (),
    count: int | None = None,
    dev: Sequence[Document] | None = None,
) -> tuple[TrimmedBundle, Comparison]:
    """Leave out the pieces that a model will not meet.

    Texts of kept pieces get the answers that the whole model gives.

    Args:
        bundle: a trained model.
        texts: those like the ones to come, as text and in the words that they tell; the
            pieces that occur in them and in the texts stored with the model are kept.
        count: in place of `texts`, how many pieces are kept: see `Vocabulary.first`.
        dev: predicted by both models; the first thousand of `texts`, and without those
            the texts stored with the model, if None.

    Returns:
        The smaller model, to be exported, and what it answers beside the whole one.

    Raises:
        ConfigError: the encoder is none of tfner's own.
        ExportError: the texts hold no piece, or a text of kept pieces is cut otherwise.
        TokenizerError: the tokenizer cannot be trimmed, or not to so few pieces.
    """
    settle_scheme(bundle)
    tokenizer, vocabulary = vocabulary_of(bundle.task.tokenizer)
    stored = [Document(id="", text=text) for text in bundle.selftest.texts]
    sample: list[Document] = []
    if count is not None:
        kept = vocabulary.first(count)
    else:
        texts = iter(texts)
        sample = [*islice(texts, COMPARED)]
        used = pieces_in(bundle.task, sample) | pieces_in(bundle.task, texts)
        if used <= vocabulary.needed:
            raise ExportError(
                "a vocabulary is trimmed to the pieces of a corpus, and this one holds "
                "no text of any. Give a file of texts like those to come, or a number."
            )
        kept = vocabulary.kept_for(used | pieces_in(bundle.task, stored))
    small = TrimmedBundle(bundle, vocabulary, trim(tokenizer, kept))
    compared = sample or stored if dev is None else dev
    return small, compare(small, list(compared))


def pieces_in(task: Task, documents: Iterable[Document]) -> set[int]:
    """The ids of all pieces of documents, and of their texts in a task's own words."""
    found: set[int] = set()
    for document in documents:
        forms = [document]
        if document.words is not None:
            forms.append(replace(document, words=None, tags=None))
        for form in forms:
            found.update(_ids(task, form).tolist())
    return found


def _ids(task: Task, document: Document) -> Any:
    windows = task.encode(document).windows
    rows = [window.features[INPUT_IDS.name] for window in windows]
    return np.concatenate(rows) if rows else np.zeros(0, np.int32)


def with_rows(model: keras.Model, task: Task, ids: Any) -> keras.Model:
    """A model with some rows of its table of pieces, in a new order.

    Args:
        model: of a task with an encoder of tfner's own.
        task: the same with the smaller vocabulary.
        ids: (V',) the rows.

    Raises:
        ConfigError: the encoder is of another kind.
    """
    from tfner.models.encoders.parts import with_pieces

    new = task.build(with_pieces(model.encoder, ids), dropout=model.dropout_rate)
    build(new)
    for old, mine in zip(model.weights, new.weights, strict=True):
        if old.shape == mine.shape:  # the table stands already
            mine.assign(old)
    return new


def compare(small: TrimmedBundle, documents: Sequence[Document]) -> Comparison:
    """Encode and predict documents by a trimmed model and by the whole one.

    Raises:
        ExportError: a text of kept pieces is cut otherwise.
    """
    vocabulary, ids = small.vocabulary, small.trimmed.ids
    kept, unknown = set(ids.tolist()), vocabulary.unknown
    whole = [_ids(small.whole.task, document) for document in documents]
    mine = [ids[_ids(small.task, document)] for document in documents]
    is_kept = [vocabulary.is_exact(set(found.tolist()), kept) for found in whole]
    for document, sure, old, new in zip(documents, is_kept, whole, mine, strict=True):
        if sure and not np.array_equal(old, new):
            raise ExportError(
                "the export was not published: with the smaller vocabulary the text "
                f"{document.text[:40]!r} is cut into other pieces, though its own are "
                "kept."
            )
    before, after = _predictions(small, documents)
    equal = [_found(old) == _found(new) for old, new in zip(before, after, strict=True)]
    return Comparison(
        pieces=len(ids),
        of=len(vocabulary.pieces),
        texts=len(documents),
        kept_texts=sum(is_kept),
        equal_kept=sum(map(and_, equal, is_kept)),
        equal_others=sum(map(gt, equal, is_kept)),
        unknown=sum(int((found == unknown).sum()) for found in mine),
        unknown_before=sum(int((found == unknown).sum()) for found in whole),
        f1=_f1(documents, after),
        f1_before=_f1(documents, before),
    )


def _predictions(
    small: TrimmedBundle, documents: Sequence[Document]
) -> tuple[list[Document], list[Document]]:
    """What the whole model finds in documents, and what the smaller one does."""
    if not documents:
        return [], []
    before, after = (
        Predictor(task, KerasRunner(model)).predict(documents)
        for task, model in (
            (small.whole.task, small.whole_model),
            (small.task, small.load_model()),
        )
    )
    return before, after


def _found(document: Document) -> list[tuple[int, int, str]]:
    return [(entity.start, entity.end, entity.label) for entity in document.entities]


def _f1(gold: Sequence[Document], predicted: Sequence[Document]) -> float | None:
    if not any(document.entities for document in gold):
        return None
    return score(gold, predicted, resamples=0).f1
