"""Token classification: one tag per word, read off the word's first piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfner.data.features import (
    INPUT_IDS,
    LABELED_POSITIONS,
    LABELS,
    TAGGER_INPUTS,
    TOKEN_TYPE_IDS,
    Feature,
)
from tfner.data.overflow import piece_ranges
from tfner.data.windows import Ints, Window, cores
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, LabelError, unknown
from tfner.nesting import outermost
from tfner.schemes import LabelSet
from tfner.tasks.context import ALONE, Neighbours, pieces_around
from tfner.tasks.decoding import (
    DECODERS,
    SMALLEST_PROBABILITY,
    Steps,
    allowed_steps,
    best_tags,
)
from tfner.tokenization import Encoding, Tokenizer
from tfner.tokenization.align import POLICIES, align
from tfner.tokenization.files import PIECES

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float32]

CHOICES = {
    "words": ("gold", "own"),
    "label_pieces": ("first", "all"),
    "borders": POLICIES,
    "on_overflow": ("window", "error", "truncate"),
    "head": ("softmax", "crf"),
}
"""What the settings that are words may be."""


class TokenClassification:
    """How documents become windows with one tag per word, and outputs entities.

    Args:
        tokenizer: from `load_tokenizer`, or your own of the same interface.
        label_set: the tags to predict.
        max_length: pieces of a window, special pieces included.
        overlap: pieces that neighbouring windows share; a quarter of the window if
            None.
        words: "gold" takes a document's words where it has some, "own" always those
            of the tokenizer.
        label_pieces: "first" piece of every word, or in training "all" of them.
        borders: what training does with entities that begin or end inside a word:
            "split" the word, "expand" the entity, or "drop" it. Counted in `counts`.
        on_overflow: "window" cuts long documents into windows, "error" refuses them,
            "truncate" reads their beginning alone.
        head: "softmax" predicts each word's tag by itself, "crf" together with its
            neighbours'.
        decode: "argmax" takes each word's likeliest tag, "viterbi" the likeliest
            sequence that the scheme allows; None is viterbi for a CRF, else argmax.
        context: neighbouring documents on either side whose pieces fill a window up.
        segment_id: `token_type_ids` of every piece, special ones included, 0 or 1;
            padding has 0. google-research/electra's taggers learnt with 1
            (Source: finetune/tagging/tagging_tasks.py, `featurize`).

    Attributes:
        counts: what was lost so far, by reason.
        decoder: the decoder in use.
        steps: (T, T) which tag may follow which, for viterbi; None for argmax.
        loss_settings: arguments of `models.losses.summed_crossentropy`; for training.

    Raises:
        ConfigError: a setting is out of range or unknown, settings contradict each
            other, or the tags allow no viterbi.
    """

    name = "token"
    features: tuple[Feature, ...] = (*TAGGER_INPUTS, LABELS)
    outputs: tuple[str, ...] = ("probs",)

    def __init__(
        self,
        tokenizer: Tokenizer,
        label_set: LabelSet,
        *,
        max_length: int = 512,
        overlap: int | None = None,
        words: str = "gold",
        label_pieces: str = "first",
        borders: str = "split",
        on_overflow: str = "window",
        head: str = "softmax",
        decode: str | None = None,
        context: int = 0,
        segment_id: int = 0,
    ) -> None:
        self.tokenizer, self.label_set = tokenizer, label_set
        self.max_length = max_length
        self.special = len(tokenizer.prefix_ids) + len(tokenizer.suffix_ids)
        self.room = max_length - self.special
        if self.room < 1:
            raise ConfigError(
                f"`max_length` must leave room beside {self.special} special pieces. "
                f"Received: max_length={max_length}"
            )
        self.overlap = self.room // 4 if overlap is None else overlap
        if not 0 <= self.overlap < self.room:
            raise ConfigError(
                "`overlap` must be at least 0 and smaller than max_length less the "
                f"{self.special} special pieces. Received: overlap={overlap}, "
                f"max_length={max_length}"
            )
        self.words, self.label_pieces = words, label_pieces
        self.borders, self.on_overflow = borders, on_overflow
        self.head, self.context = head, context
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ConfigError(unknown(f"`{name}`", str(getattr(self, name)), known))
        if segment_id not in (0, 1):
            raise ConfigError(
                f"`segment_id` must be 0 or 1. Received: segment_id={segment_id}"
            )
        self.segment_id = segment_id
        if head == "crf" and label_pieces == "all":
            raise ConfigError(
                "a CRF reads one tag per word: `head` crf and `label_pieces` all "
                "contradict each other. Use --label-pieces first."
            )
        if context < 0:
            raise ConfigError(f"`context` must be at least 0. Received: {context=}")
        self.decode_by(decode or ("viterbi" if head == "crf" else "argmax"))
        self.loss_settings: dict[str, Any] = {}
        self.counts: Counter[str] = Counter()

    def decode_by(self, decoder: str) -> None:
        """Use "argmax" or "viterbi" from now on.

        Raises:
            ConfigError: it is neither, or the tags allow no viterbi.
        """
        if decoder not in DECODERS:
            raise ConfigError(unknown("`decode`", decoder, DECODERS))
        self.decoder = decoder
        self.steps: Steps | None = None
        if decoder == "viterbi":
            self.steps = allowed_steps(self.label_set)

    def settings(self) -> dict[str, Any]:
        """The arguments but tokenizer and labels, as a bundle stores them."""
        return {
            "name": self.name,
            **{name: getattr(self, name) for name in ("max_length", "overlap")},
            **{
                name: getattr(self, name)
                for name in (*CHOICES, "context", "segment_id")
            },
            "decode": self.decoder,
        }

    def encode(
        self,
        document: Document,
        *,
        with_targets: bool = False,
        neighbours: Neighbours = ALONE,
    ) -> list[Window]:
        """Windows of one document.

        Args:
            document: its entities are looked at only `with_targets`.
            with_targets: for training; words are then cut at entity borders, if the
                policy says so, and windows carry `labels`.
            neighbours: fill up what the document leaves of a window, the nearest
                pieces first; a document of several windows is context enough.

        Returns:
            Windows in text order; none for a text without a piece.

        Raises:
            CorpusError: the document is too long and `on_overflow` is "error".
            LabelError: `with_targets` and an entity's label is unknown, or entities
                overlap.
        """
        encoding = self._encode(document)
        if not with_targets:
            return self._windows(document, encoding, None, neighbours)
        words = encoding.words
        try:
            aligned = align(words, document.entities, policy=self.borders)
            tags = self.label_set.encode(aligned.spans, len(aligned.words))
        except LabelError as error:
            raise LabelError(f"document {document.id!r}: {error}") from error
        self.counts.update(aligned.counts)
        if aligned.words != words:
            encoding = self.tokenizer.encode(document.text, aligned.words)
        return self._windows(document, encoding, np.array(tags, np.int32), neighbours)

    def _encode(self, document: Document) -> Encoding:
        words = document.words if self.words == "gold" else None
        return self.tokenizer.encode(document.text, words)

    def _windows(
        self,
        document: Document,
        encoding: Encoding,
        labels: Ints | None,
        neighbours: Neighbours,
    ) -> list[Window]:
        word_of = encoding.word_index
        is_first = np.diff(word_of, prepend=-1) > 0
        self.counts["words_without_pieces"] += len(encoding.words) - int(is_first.sum())
        word_starts = np.flatnonzero(is_first).astype(np.int32)
        ranges = self._ranges(document, len(word_of), word_starts)
        owned = cores(ranges, word_starts=word_starts)
        everywhere = labels is not None and self.label_pieces == "all"
        chosen = np.ones_like(is_first) if everywhere else is_first
        before, after = ([self._encode(d).ids for d in side] for side in neighbours)
        around = pieces_around(before, after, room=self.room - len(word_of))
        return [
            self._window(encoding, labels, pieces, core, chosen, around)
            for pieces, core in zip(ranges, owned, strict=True)
        ]

    def _ranges(
        self, document: Document, num_pieces: int, word_starts: Ints
    ) -> list[tuple[int, int]]:
        ranges, words_cut_off = piece_ranges(
            document.id,
            num_pieces,
            word_starts,
            room=self.room,
            overlap=self.overlap,
            on_overflow=self.on_overflow,
        )
        if words_cut_off:
            self.counts["words_cut_off"] += words_cut_off
        return ranges

    def _window(
        self,
        encoding: Encoding,
        labels: Ints | None,
        pieces: tuple[int, int],
        core: tuple[int, int],
        chosen: NDArray[np.bool_],
        around: tuple[list[int], list[int]],
    ) -> Window:
        (start, end), (before, after) = pieces, around
        head = [*self.tokenizer.prefix_ids, *before]
        tail = [*after, *self.tokenizer.suffix_ids]
        ids = np.concatenate([head, encoding.ids[start:end], tail]).astype(np.int32)
        # A CRF ties neighbours together, also those on the two sides of a border.
        read = pieces if self.head == "crf" and labels is None else core
        at = read[0] + np.flatnonzero(chosen[read[0] : read[1]])
        word_index = encoding.word_index[at]
        return Window(
            pieces=pieces,
            core=core,
            word_index=word_index,
            words=encoding.words,
            features={
                INPUT_IDS.name: ids,
                TOKEN_TYPE_IDS.name: np.full_like(ids, self.segment_id),
                LABELED_POSITIONS.name: (at - start + len(head)).astype(np.int32),
            },
            targets=None if labels is None else {LABELS.name: labels[word_index]},
            core_words=tuple(np.searchsorted(at, core).tolist()),
        )

    def build(self, encoder: keras.Model, *, dropout: float = 0.1) -> keras.Model:
        """A model from features to logits (B, W, T)."""
        from tfner.models.heads.token_classifier import TokenClassifier

        return TokenClassifier(
            encoder,
            len(self.label_set.tags),
            dropout=dropout,
            crf=self.head == "crf",
        )

    def loss(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        """Summed loss and the number of words it sums over; see `models.losses`."""
        from tfner.models.heads.losses import summed_crossentropy

        return summed_crossentropy(labels, logits, **self.loss_settings)

    def metric(self) -> keras.metrics.Metric:
        """What training shows beside the loss."""
        from tfner.models.heads.losses import MaskedAccuracy

        return MaskedAccuracy()

    def words_of(self, document: Document, windows: Sequence[Window]) -> Sequence[Word]:
        """The words that predictions speak of, also where no window was made."""
        return windows[0].words if windows else self._encode(document).words

    def merge(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Floats]],
    ) -> Floats:
        """Tag probabilities (W, T) of all words of one document.

        A word without a piece gets zeros.
        """
        num_words = len(self.words_of(document, windows))
        probs = np.zeros((num_words, len(self.label_set.tags)), np.float32)
        for window, output in zip(windows, outputs, strict=True):
            counted = slice(*window.core_words)
            probs[window.word_index[counted]] = output["probs"][counted]
        return probs

    def word_losses(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Floats]],
    ) -> Floats:
        """Cross-entropy (W,) of every word that has a piece, against the gold entities.

        For the loss on held-out data, whose words must not know the entities: what
        tags cannot say (an entity that does not fall on word borders, lies within
        another or has an unknown label) is taken for O.
        """
        words = self.words_of(document, windows)
        _, spans, _ = align(words, outermost(document.entities), policy="drop")
        known = [span for span in spans if span.label in self.label_set.labels]
        gold = self.label_set.encode(known, len(words))
        probs = self.merge(document, windows, outputs)
        chosen = probs[np.arange(len(words)), gold][probs.any(axis=1)]
        return -np.log(np.maximum(chosen, SMALLEST_PROBABILITY))

    def decode(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Floats]],
    ) -> Document:
        """The document with predicted entities and tags in place of its own.

        Args:
            document: what was encoded.
            windows: what `encode` made of it.
            outputs: per window `probs` (W, T).
        """
        probs = self.merge(document, windows, outputs)
        words = self.words_of(document, windows)
        ids = best_tags(probs, steps=self.steps, outside=self.label_set.outside_id)
        entities = tuple(
            Entity(
                words[start].start,
                words[end - 1].end,
                label,
                score=float(probs[range(start, end), ids[start:end]].mean()),
            )
            for start, end, label in self.label_set.decode(ids.tolist())
        )
        tags = tuple(self.label_set.tags[i] for i in ids)
        return replace(
            document,
            entities=entities,
            words=tuple(words),
            tags=tags,
            metadata={**document.metadata, "scheme": self.label_set.scheme.name},
        )


def default_words(tokenizer: Tokenizer) -> str:
    """Whose words a model learns: those that serving will see, where they are found.

    A language without spaces is cut into words by the tokenizer; a corpus's own words
    are others, and a model of them would meet words in serving that it never learnt.
    """
    finds_words = tokenizer.splitter.startswith("mecab") or tokenizer.splitter == PIECES
    return "own" if finds_words else "gold"
