"""Token classification: one tag per word, read off the word's pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tfner.data.features import (
    INPUT_IDS,
    LABELED_POSITIONS,
    LABELS,
    POOLED_INPUTS,
    TAGGER_INPUTS,
    TOKEN_TYPE_IDS,
    WORD_LENGTHS,
)
from tfner.data.windows import Ints, Window
from tfner.document import Document, Word
from tfner.errors import ConfigError, CorpusError, LabelError, joined
from tfner.nesting import nesting_problems, outermost
from tfner.schemes import LabelSet
from tfner.tasks.context import ALONE, Neighbours, pieces_around
from tfner.tasks.decoding import (
    SMALLEST_PROBABILITY,
    Steps,
    allowed_steps,
    words_read,
)
from tfner.tasks.interface import Encoded, Task
from tfner.tasks.reading_tags import Words, read_documents
from tfner.tasks.records import TokenRecord
from tfner.tasks.token_loss import loss_settings
from tfner.tasks.token_settings import setting_problems
from tfner.tasks.unread_words import gold_ids
from tfner.tasks.windowing import Range, Windowing
from tfner.tokenization import Encoding, Tokenizer
from tfner.tokenization.align import align

if TYPE_CHECKING:
    import keras

    from tfner.config.train import TokenConfig

Floats = NDArray[np.float32]


class TokenClassification(Task):
    """Documents to windows with one tag per word, and outputs back to entities.

    Args:
        tokenizer: from `load_tokenizer`, or your own of the same interface.
        label_set: the tags to predict.
        label_pieces: "first" piece of every word, or in training "all" of them.
        pool: what a word's tag is read from: its "first" or "last" piece, or the
            "mean", "max" or "attention" of all that are in the window; see
            `models.heads.pooling.WordPooling`.
        head: "softmax" predicts each word's tag by itself, "crf" together with its
            neighbours'.
        decode: "argmax" takes each word's likeliest tag, "viterbi" the likeliest
            sequence that the scheme allows; None is viterbi for a CRF, else argmax.
        context: neighbouring documents on either side whose pieces fill a window up.
        segment_id: `token_type_ids` of every piece, special ones included, 0 or 1;
            padding has 0. google-research/electra's taggers learnt with 1
            (Source: finetune/tagging/tagging_tasks.py, `featurize`).
        loss: arguments of `models.losses.summed_crossentropy`; in training alone.
        **windowing: `max_length`, `overlap`, `words`, `misaligned`, `on_overflow`: see
            `Windowing`.

    Attributes:
        decoder: the decoder in use.
        steps: (T, T) which tag may follow which, for viterbi; None for argmax.

    Raises:
        ConfigError: a setting is out of range or unknown, settings contradict each
            other, or the tags allow no viterbi.
    """

    name = "token"
    outputs = ("probs",)
    record = TokenRecord

    def __init__(
        self,
        tokenizer: Tokenizer,
        label_set: LabelSet,
        *,
        label_pieces: str = "first",
        pool: str = "first",
        head: str = "softmax",
        decode: str | None = None,
        context: int = 0,
        segment_id: int = 0,
        loss: Mapping[str, Any] | None = None,
        **windowing: Any,
    ) -> None:
        self.tokenizer, self.label_set = tokenizer, label_set
        self.windowing = Windowing(**windowing)
        self.max_length = self.windowing.max_length
        self.label_pieces, self.pool, self.head = label_pieces, pool, head
        inputs = TAGGER_INPUTS if pool == "first" else POOLED_INPUTS
        self.features = (*inputs, LABELS)
        self.context, self.segment_id = context, segment_id
        self.decoder = decode or ("viterbi" if head == "crf" else "argmax")
        self.loss_settings = dict(loss or {})
        special = len(tokenizer.prefix_ids) + len(tokenizer.suffix_ids)
        self.room = self.max_length - special
        problems = setting_problems(self) + self.windowing.problems(
            occupied=special, by="the special pieces take"
        )
        if problems:
            raise ConfigError(joined(problems, what="problems in the settings"))
        self.steps: Steps | None = None
        if self.decoder == "viterbi":
            self.steps = allowed_steps(label_set)

    @classmethod
    def from_config(
        cls,
        settings: TokenConfig,
        tokenizer: Tokenizer,
        label_set: LabelSet,
        documents: Sequence[Document] = (),
        *,
        seed: int = 0,
    ) -> Self:
        """Make the task that a run trains, with its loss.

        Args:
            settings: section `task` of the config.
            tokenizer: of the encoder.
            label_set: what is to be predicted.
            documents: of the training corpus; balanced weights count its tags.
            seed: not looked at.

        Raises:
            ConfigError: the settings contradict each other.
            CorpusError: balanced weights are wanted of documents that cannot be learnt.
        """
        make = partial(
            cls,
            tokenizer,
            label_set,
            label_pieces=settings.label_pieces,
            pool=settings.pool,
            head=settings.head,
            decode=settings.decode,
            context=settings.context or 0,
            **Windowing.settings_of(settings, tokenizer, documents),
        )
        plain = make()
        labels = partial(plain._training_labels, documents)
        return make(loss=loss_settings(settings, label_set.tags, labels))

    def _training_labels(self, documents: Sequence[Document]) -> Iterator[Ints]:
        self.check(documents, ())
        for document in documents:
            for window in self.encode(document, with_targets=True).windows:
                yield (window.targets or {})[LABELS.name]

    def settings(self) -> dict[str, Any]:
        """The arguments but tokenizer and labels, as a bundle stores them."""
        names = ("label_pieces", "pool", "head", "context", "segment_id")
        return {
            "name": self.name,
            **asdict(self.windowing),
            **{name: getattr(self, name) for name in names},
            "decode": self.decoder,
        }

    def check(self, train: Sequence[Document], dev: Sequence[Document]) -> None:
        """Refuse entities that tags cannot hold.

        Raises:
            CorpusError: entities nest or overlap; all such documents are named.
        """
        del dev
        problems = nesting_problems(train)
        if problems:
            raise CorpusError(joined(problems))

    def encode(
        self,
        document: Document,
        *,
        with_targets: bool = False,
        neighbours: Neighbours = ALONE,
    ) -> Encoded:
        """Cut one document into windows.

        Args:
            document: its entities are looked at only `with_targets`.
            with_targets: for training; words are then cut at entity boundaries, if the
                policy says so, and windows carry `labels`.
            neighbours: fill up what the document leaves of a window, the nearest
                pieces first; a document of several windows is context enough.

        Returns:
            Windows in text order, none for a text without a piece; and what was lost.

        Raises:
            CorpusError: the document is too long and `on_overflow` is "error".
            LabelError: `with_targets` and an entity's label is unknown, or entities
                overlap.
        """
        encoding = self.windowing.encode(self.tokenizer, document)
        labels, counts = None, Counter[str]()
        if with_targets:
            try:
                encoding, spans, counts = self.windowing.align(
                    self.tokenizer, document, encoding
                )
                read = encoding.word_index[encoding.word_starts]
                gold, lost = gold_ids(spans, read, self.label_set)
            except LabelError as error:
                raise LabelError(f"document {document.id!r}: {error}") from error
            labels = np.full(len(encoding.words), self.label_set.outside_id, np.int32)
            labels[read] = gold
            if lost:
                counts["entities_without_pieces"] = lost
        counts["words_without_pieces"] += encoding.words_without_pieces
        ranges, cut_off = self.windowing.cut(document, encoding, room=self.room)
        if cut_off:
            counts["words_cut_off"] += cut_off
        around = self._pieces_around(neighbours, len(encoding.ids))
        windows = [
            self._window(encoding, labels, pieces, core, around)
            for pieces, core in ranges
        ]
        return Encoded(windows, counts)

    def _pieces_around(
        self, neighbours: Neighbours, num_pieces: int
    ) -> tuple[list[int], list[int]]:
        """The pieces of neighbours that a document leaves room for, on either side."""
        before, after = (
            [self.windowing.encode(self.tokenizer, d).ids for d in side]
            for side in neighbours
        )
        return pieces_around(before, after, room=self.room - num_pieces)

    def _window(
        self,
        encoding: Encoding,
        labels: Ints | None,
        pieces: Range,
        core: Range,
        around: tuple[list[int], list[int]],
    ) -> Window:
        (start, end), (before, after) = pieces, around
        head = [*self.tokenizer.prefix_ids, *before]
        tail = [*after, *self.tokenizer.suffix_ids]
        ids = np.concatenate([head, encoding.ids[start:end], tail]).astype(np.int32)
        # A CRF ties neighbours together, also those on the two sides of a cut.
        first, last = pieces if self.head == "crf" and labels is None else core
        at = np.arange(first, last, dtype=np.int32)
        if labels is None or self.label_pieces == "first":
            starts = encoding.word_starts
            at = starts[(first <= starts) & (starts < last)]
        word_index = encoding.word_index[at]
        features = {
            INPUT_IDS.name: ids,
            TOKEN_TYPE_IDS.name: np.full_like(ids, self.segment_id),
            LABELED_POSITIONS.name: (at - start + len(head)).astype(np.int32),
        }
        if WORD_LENGTHS in self.features:
            # Of a word that the window cuts, the pieces before the cut.
            ends = encoding.word_ends[np.searchsorted(encoding.word_starts, at)]
            features[WORD_LENGTHS.name] = np.minimum(ends, end) - at
        return Window(
            pieces=pieces,
            core=core,
            word_index=word_index,
            words=encoding.words,
            features=features,
            targets=None if labels is None else {LABELS.name: labels[word_index]},
            core_words=tuple(np.searchsorted(at, core).tolist()),
        )

    def build(self, encoder: keras.Model, *, dropout: float = 0.1) -> keras.Model:
        """Make a model from features to logits (B, W, T)."""
        from tfner.models.heads.token_classifier import TokenClassifier

        return TokenClassifier(
            encoder,
            len(self.label_set.tags),
            dropout=dropout,
            crf=self.head == "crf",
            pool=self.pool,
        )

    def loss(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        """Sum the loss; returns it and the number of words: see `models.losses`."""
        from tfner.models.heads.losses import summed_crossentropy

        return summed_crossentropy(labels, logits, **self.loss_settings)

    def metric(self) -> keras.metrics.Metric:
        """Make the accuracy that training shows beside the loss."""
        from tfner.models.heads.losses import MaskedAccuracy

        return MaskedAccuracy()

    def merge(
        self,
        documents: Sequence[Document],
        windows: Sequence[Sequence[Window]],
        outputs: Sequence[Sequence[Mapping[str, Floats]]],
    ) -> tuple[list[tuple[Word, ...]], Words]:
        """Merge the tag probabilities of all words of documents: see `decode_all`.

        Returns:
            The words of every document, and what the model says of them.
        """
        words = [
            self.windowing.words_of(self.tokenizer, *each)
            for each in zip(documents, windows, strict=True)
        ]
        limits = np.append(0, np.cumsum([*map(len, words)], dtype=np.int64))
        probs = np.zeros((int(limits[-1]), len(self.label_set.tags)), np.float32)
        at, found = [limits[:0]], [probs[:0]]
        for own, start, results in zip(windows, limits[:-1], outputs, strict=True):
            for window, output in zip(own, results, strict=True):
                counted = slice(*window.core_words)
                at.append(window.word_index[counted] + start)
                found.append(output["probs"][counted])
        probs[np.concatenate(at)] = np.concatenate(found)
        return words, Words(probs, limits, words_read(probs))

    def word_losses(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Floats]],
    ) -> Floats:
        """Cross-entropy (W,) of every word that has a piece: see `Task.word_losses`.

        An entity that does not fall on word boundaries, lies within another or has an
        unknown label is taken for O: words of held-out documents must not know it.
        """
        (words,), (probs, _, is_read) = self.merge([document], [windows], [outputs])
        _, spans, _ = align(words, outermost(document.entities), policy="drop")
        known = [span for span in spans if span.label in self.label_set.labels]
        read = np.flatnonzero(is_read).astype(np.int32)
        gold, _ = gold_ids(known, read, self.label_set)
        chosen = probs[read, gold]
        return -np.log(np.maximum(chosen, SMALLEST_PROBABILITY))

    def decode(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Floats]],
    ) -> Document:
        """Make the document with predicted entities and tags in place of its own.

        Args:
            document: what was encoded.
            windows: what `encode` made of it.
            outputs: per window `probs` (W, T).
        """
        (found,) = self.decode_all([document], [windows], [outputs])
        return found

    def decode_all(
        self,
        documents: Sequence[Document],
        windows: Sequence[Sequence[Window]],
        outputs: Sequence[Sequence[Mapping[str, Floats]]],
    ) -> Iterator[Document]:
        """Decode several documents at once: see `decode`."""
        words, predicted = self.merge(documents, windows, outputs)
        return read_documents(
            *(documents, words, predicted), label_set=self.label_set, steps=self.steps
        )
