"""Span extraction: one question per label, answered by spans that may nest."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfner.data.features import (
    ENCODER_INPUTS,
    END_LABELS,
    INPUT_IDS,
    SPAN_LABELS,
    SPAN_TARGETS,
    START_LABELS,
    TOKEN_TYPE_IDS,
    Feature,
)
from tfner.data.overflow import piece_ranges
from tfner.data.windows import Ints, Window, cores
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, LabelError, joined, unknown
from tfner.nesting import best_flat
from tfner.queries import complete_queries, query_problems
from tfner.schemes import LabelSet, Span
from tfner.tasks.answers import answers_of, border_losses
from tfner.tasks.span_targets import piece_targets, window_targets
from tfner.tokenization import Encoding, Tokenizer
from tfner.tokenization.align import POLICIES, align

if TYPE_CHECKING:
    import keras

    from tfner.models.heads.span_losses import SpanLoss

Floats = NDArray[np.float32]

CHOICES = {
    "words": ("gold", "own"),
    "borders": POLICIES,
    "on_overflow": ("window", "error", "truncate"),
}
"""What the settings that are words may be."""
THRESHOLDS = ("start_threshold", "end_threshold", "span_threshold")


class SpanExtraction:
    """How documents become questions about each label, and answers entities.

    A window is `[CLS] query [SEP] context [SEP]`, with `token_type_ids` 0 up to the
    first `[SEP]` and 1 from there.

    Args:
        tokenizer: from `load_tokenizer`, or your own of the same interface.
        label_set: the labels that are asked for.
        queries: label -> query; made of the labels' names if None.
        max_length: pieces of a window, query and special pieces included.
        overlap: pieces of the context that neighbouring windows share; a quarter of
            what a query leaves of the window if None.
        words: "gold" takes a document's words where it has some, "own" always those
            of the tokenizer.
        borders: what training does with entities that begin or end inside a word:
            "split" the word, "expand" the entity, or "drop" it. Counted in `counts`.
        on_overflow: "window" cuts long documents into windows, "error" refuses them,
            "truncate" reads their beginning alone.
        nested: takes every answer; False the best ones that do not overlap.
        start_threshold: probability that a start must exceed, 0 to 1, both excluded.
        end_threshold: likewise of an end.
        span_threshold: likewise of the pair of both.
        loss: see `SpanLoss`; its default if None. In training alone.
        candidates: which pairs training scores; see `models.span.CANDIDATES`.
        negative_rate: share of the windows without an entity that training uses, 0 to
            1.
        seed: decides which.

    Attributes:
        counts: what was lost so far, by reason.

    Raises:
        ConfigError: a setting is out of range or unknown, or a label has no query.
    """

    name = "span"
    features: tuple[Feature, ...] = (*ENCODER_INPUTS, *SPAN_TARGETS)
    outputs: tuple[str, ...] = ("start_probs", "end_probs", "spans", "scores")

    def __init__(
        self,
        tokenizer: Tokenizer,
        label_set: LabelSet,
        *,
        queries: Mapping[str, str] | None = None,
        max_length: int = 512,
        overlap: int | None = None,
        words: str = "gold",
        borders: str = "split",
        on_overflow: str = "window",
        nested: bool = True,
        start_threshold: float = 0.5,
        end_threshold: float = 0.5,
        span_threshold: float = 0.5,
        loss: SpanLoss | None = None,
        candidates: str = "pred_and_gold",
        negative_rate: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.tokenizer, self.label_set = tokenizer, label_set
        self.max_length, self.overlap = max_length, overlap
        self.words, self.borders, self.on_overflow = words, borders, on_overflow
        self.nested = nested
        self.start_threshold, self.end_threshold = start_threshold, end_threshold
        self.span_threshold = span_threshold
        self.candidates, self.span_loss = candidates, loss
        self.negative_rate, self.seed = negative_rate, seed
        problems = query_problems(queries or {})
        given = {**self._choices(), "negative_rate": negative_rate}
        problems += [
            unknown(f"`{name}`", str(given[name]), known)
            for name, known in CHOICES.items()
            if given[name] not in known
        ]
        problems += [
            f"`{name}` must be above 0 and below 1. Received: {name}={given[name]}"
            for name in THRESHOLDS
            if not 0 < given[name] < 1
        ]
        if problems:
            raise ConfigError(joined(problems, what="problems in the settings"))
        asked = complete_queries(label_set.labels, queries, source="`queries`")
        self.queries = {label: asked[label] for label in label_set.labels}
        self._query_ids = {
            label: self._begin(label, query) for label, query in self.queries.items()
        }
        self._check_room()
        self.counts: Counter[str] = Counter()

    def _choices(self) -> dict[str, Any]:
        names = ("words", "borders", "on_overflow", "nested", *THRESHOLDS)
        return {name: getattr(self, name) for name in names}

    def _begin(self, label: str, query: str) -> Ints:
        """What a window of this query begins with: `[CLS] query [SEP]`."""
        ids = self.tokenizer.encode(query).ids.tolist()
        if not ids:
            raise ConfigError(
                f"the query of {label!r} is empty to the tokenizer. Received: "
                f"{query!a}. Give one of words."
            )
        around = self.tokenizer.prefix_ids, self.tokenizer.suffix_ids
        return np.array([*around[0], *ids, *around[1]], np.int32)

    def _room(self, label: str) -> int:
        """Pieces of the context that a window has beside this label's query."""
        return (
            self.max_length
            - len(self._query_ids[label])
            - len(self.tokenizer.suffix_ids)
        )

    def _check_room(self) -> None:
        needed = 1 if self.overlap is None else self.overlap + 1
        cramped = [label for label in self.queries if self._room(label) < needed]
        if cramped or (self.overlap or 0) < 0:
            label = min(self.queries, key=self._room)
            raise ConfigError(
                "`max_length` must leave room for the context, more than `overlap`, "
                "beside the query of every label. Received: "
                f"max_length={self.max_length}, overlap={self.overlap}, and the query "
                f"of {label!r} takes {self.max_length - self._room(label)} pieces with "
                "the special ones."
            )

    def settings(self) -> dict[str, Any]:
        """The arguments but tokenizer and labels, as a bundle stores them."""
        names = ("queries", "max_length", "overlap")
        return {
            "name": self.name,
            **{name: getattr(self, name) for name in names},
            **self._choices(),
        }

    def encode(self, document: Document, *, with_targets: bool = False) -> list[Window]:
        """Windows of one document, label by label.

        Args:
            document: its entities are looked at only `with_targets`.
            with_targets: for training; words are then cut at entity borders, if the
                policy says so, and windows carry targets.

        Returns:
            For every label its windows in text order; none for a text without a piece.

        Raises:
            CorpusError: the document is too long and `on_overflow` is "error".
            LabelError: `with_targets` and an entity's label is unknown.
        """
        encoding = self._encode(document)
        self.counts["words_without_pieces"] += encoding.words_without_pieces
        if self.on_overflow == "truncate":  # the longest query leaves the least room
            room = min(map(self._room, self.queries))
            self.counts["words_cut_off"] += int((_word_starts(encoding) >= room).sum())
        if not with_targets:
            return [
                window
                for label in self.queries
                for window in self._windows(document, encoding, label, None)
            ]
        self._check_labels(document)
        aligned = align(
            encoding.words, document.entities, policy=self.borders, nested=True
        )
        self.counts.update(aligned.counts)
        if aligned.words != encoding.words:
            encoding = self.tokenizer.encode(document.text, aligned.words)
        windows = []
        for label in self.queries:
            spans = [span for span in aligned.spans if span.label == label]
            if not spans and self._is_left_out(document, label):
                self.counts["questions_left_out"] += 1
                continue
            windows += self._windows(document, encoding, label, spans)
        return windows

    def _check_labels(self, document: Document) -> None:
        labels = {entity.label for entity in document.entities}
        strangers = sorted(labels - self.queries.keys())
        if strangers:
            raise LabelError(
                f"document {document.id!r}: labels unknown to the model: "
                f"{', '.join(strangers)}. Known: {', '.join(self.queries)}."
            )

    def _is_left_out(self, document: Document, label: str) -> bool:
        """Whether the draw goes against this question without an answer."""
        key = f"{self.seed} {document.id} {label} {document.text}"
        return zlib.crc32(key.encode(errors="replace")) >= self.negative_rate * 2**32

    def _encode(self, document: Document) -> Encoding:
        words = document.words if self.words == "gold" else None
        return self.tokenizer.encode(document.text, words)

    def _windows(
        self,
        document: Document,
        encoding: Encoding,
        label: str,
        spans: Sequence[Span] | None,
    ) -> list[Window]:
        room, word_of = self._room(label), encoding.word_index
        starts = _word_starts(encoding)
        ranges, _ = piece_ranges(
            document.id,
            len(word_of),
            starts,
            room=room,
            overlap=room // 4 if self.overlap is None else self.overlap,
            on_overflow=self.on_overflow,
        )
        targets = None
        if spans is not None:
            targets = piece_targets(word_of, spans)
            kept = int((targets[SPAN_LABELS.name] >= 0).sum())
            self.counts["entities_without_pieces"] += len(set(spans)) - kept
        return [
            self._window(encoding, label, pieces, core, targets)
            for pieces, core in zip(
                ranges, cores(ranges, word_starts=starts), strict=True
            )
        ]

    def _window(
        self,
        encoding: Encoding,
        label: str,
        pieces: tuple[int, int],
        core: tuple[int, int],
        targets: Mapping[str, Ints] | None,
    ) -> Window:
        (start, end), query = pieces, self._query_ids[label]
        ids = np.concatenate(
            [query, encoding.ids[start:end], self.tokenizer.suffix_ids]
        ).astype(np.int32)
        types = np.ones_like(ids)
        types[: len(query)] = 0
        features = {INPUT_IDS.name: ids, TOKEN_TYPE_IDS.name: types}
        own = None
        if targets is not None:
            own = window_targets(targets, pieces, at=len(query), length=len(ids))
            # The model scores the pairs of gold starts and ends, too.
            features |= {f.name: own[f.name] for f in (START_LABELS, END_LABELS)}
        return Window(
            pieces=pieces,
            core=core,
            word_index=encoding.word_index[start:end],
            words=encoding.words,
            features=features,
            targets=own,
            label=label,
        )

    def build(self, encoder: keras.Model, *, dropout: float = 0.3) -> keras.Model:
        """A model from features to logits of starts, ends and pairs."""
        from tfner.models.heads.span_extractor import SpanExtractor

        return SpanExtractor(
            encoder,
            dropout=dropout,
            candidates=self.candidates,
            **{name: getattr(self, name) for name in THRESHOLDS},
        )

    def loss(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        """Summed loss and the number of starts it sums over; see `SpanLoss`."""
        from tfner.models.heads.span_losses import SpanLoss

        return (self.span_loss or SpanLoss())(labels, logits)

    def metric(self) -> keras.metrics.Metric:
        """What training shows beside the loss."""
        from tfner.models.heads.span_losses import BorderAccuracy

        return BorderAccuracy()

    def words_of(self, document: Document, windows: Sequence[Window]) -> Sequence[Word]:
        """The words that predictions speak of, also where no window was made."""
        return windows[0].words if windows else self._encode(document).words

    def word_losses(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Any]],
    ) -> Floats:
        """Cross-entropy of every possible start and end against the gold entities.

        For the loss on held-out data, whose words must not know the entities: what
        does not fall on word borders or has an unknown label is left out.
        """
        words = self.words_of(document, windows)
        spans = align(words, document.entities, policy="drop", nested=True).spans
        parts = [
            border_losses(window, output, spans)
            for window, output in zip(windows, outputs, strict=True)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def decode(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Any]],
    ) -> Document:
        """The document with predicted entities in place of its own.

        An answer counts in the window in whose core its middle lies. A word longer
        than windows overlap may be answered in several; its best score counts.

        Args:
            document: what was encoded.
            windows: what `encode` made of it.
            outputs: per window `spans` (N, 2) and `scores` (N,); where `start_probs`,
                `end_probs` (S,) and `match_probs` (N,) are there, too, the thresholds
                are held against them.
        """
        words = self.words_of(document, windows)
        thresholds = (self.start_threshold, self.end_threshold, self.span_threshold)
        found: dict[tuple[int, int, str], float] = {}
        for window, output in zip(windows, outputs, strict=True):
            for first, last, score in answers_of(window, output, thresholds):
                span = (words[first].start, words[last].end, window.label or "")
                found[span] = max(score, found.get(span, 0.0))
        entities = [Entity(*span, score) for span, score in found.items()]
        if not self.nested:
            entities = best_flat(entities)
        return replace(
            document, entities=tuple(entities), words=tuple(words), tags=None
        )


def _word_starts(encoding: Encoding) -> Ints:
    """The first piece of every word."""
    return np.flatnonzero(np.diff(encoding.word_index, prepend=-1)).astype(np.int32)
