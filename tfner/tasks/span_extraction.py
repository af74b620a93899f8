"""Span extraction: one query per label, and spans that may nest as its entities."""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tfner.data.features import (
    ENCODER_INPUTS,
    END_LABELS,
    INPUT_IDS,
    SPAN_TARGETS,
    START_LABELS,
    TOKEN_TYPE_IDS,
)
from tfner.data.windows import Ints, Window
from tfner.document import Document, Entity
from tfner.errors import ConfigError, LabelError, joined, listed
from tfner.marks import trimmed
from tfner.nesting import best_flat, nesting_problems
from tfner.queries import complete_queries, queries_of, query_problems
from tfner.schemes import LabelSet
from tfner.tasks.context import ALONE, Neighbours
from tfner.tasks.interface import Encoded, HeldOut, Task
from tfner.tasks.records import SpanRecord
from tfner.tasks.span_decoding import boundary_losses, spans_of_window
from tfner.tasks.span_targets import piece_targets, ranges_of_pieces, window_targets
from tfner.tasks.thresholds import THRESHOLDS, check_dev, tune_thresholds
from tfner.tasks.unread_words import narrowed
from tfner.tasks.windowing import Range, Windowing
from tfner.tokenization import Encoding, Tokenizer
from tfner.tokenization.align import align

if TYPE_CHECKING:
    import keras

    from tfner.config.train import SpanConfig
    from tfner.models.heads.span_losses import SpanLoss

logger = logging.getLogger(__name__)

Floats = NDArray[np.float32]


class SpanExtraction(Task):
    """Documents to windows of one query each, and spans back to entities.

    A window is `[CLS] query [SEP] context [SEP]`, with `token_type_ids` 0 up to the
    first `[SEP]` and 1 from there.

    Args:
        tokenizer: from `load_tokenizer`, or your own of the same interface.
        label_set: the labels that have a query.
        queries: label -> query; made of the labels' names if None.
        nested: takes every span; False the best ones that do not overlap.
        start_threshold: probability that a start must exceed, 0 to 1, both excluded.
        end_threshold: likewise of an end.
        span_threshold: likewise of the pair of both.
        loss: see `SpanLoss`; its default if None. In training alone, as all that
            follow.
        candidates: which pairs training scores; see `models.span.CANDIDATES`.
        negative_rate: share of the windows without an entity that training uses, 0 to
            1.
        seed: decides which.
        tune_thresholds: choose the thresholds with the best F1 on held-out documents.
        **windowing: `max_length`, `overlap`, `words`, `misaligned`, `on_overflow`: see
            `Windowing`.

    Raises:
        ConfigError: a setting is out of range or unknown, or a label has no query.
    """

    name = "span"
    record = SpanRecord
    features = (*ENCODER_INPUTS, *SPAN_TARGETS)
    outputs = ("start_probs", "end_probs", "spans", "scores")

    def __init__(
        self,
        tokenizer: Tokenizer,
        label_set: LabelSet,
        *,
        queries: Mapping[str, str] | None = None,
        nested: bool = True,
        start_threshold: float = 0.5,
        end_threshold: float = 0.5,
        span_threshold: float = 0.5,
        loss: SpanLoss | None = None,
        candidates: str = "pred_and_gold",
        negative_rate: float = 1.0,
        seed: int = 0,
        tune_thresholds: bool = False,
        **windowing: Any,
    ) -> None:
        self.tokenizer, self.label_set = tokenizer, label_set
        self.windowing = Windowing(**windowing)
        self.max_length, self.nested = self.windowing.max_length, nested
        chosen = (start_threshold, end_threshold, span_threshold)
        self.thresholds = dict(zip(THRESHOLDS, chosen, strict=True))
        self.candidates, self.span_loss = candidates, loss
        self.negative_rate, self.seed = negative_rate, seed
        self.tune_thresholds = tune_thresholds
        problems = query_problems(queries or {}) + [
            f"`{name}` must be above 0 and below 1. Received: {name}={value}"
            for name, value in self.thresholds.items()
            if not 0 < value < 1
        ]
        if problems:
            raise ConfigError(joined(problems, what="problems in the settings"))
        known = complete_queries(label_set.labels, queries, source="`queries`")
        self.queries = {label: known[label] for label in label_set.labels}
        self._query_ids = {
            label: self._begin(label, query) for label, query in self.queries.items()
        }
        longest = min(self.queries, key=self._room)
        problems = self.windowing.problems(
            occupied=self.max_length - self._room(longest),
            by=f"the query of {longest!r} takes, with the special ones,",
        )
        if problems:
            raise ConfigError(joined(problems, what="problems in the settings"))

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
        occupied = len(self._query_ids[label]) + len(self.tokenizer.suffix_ids)
        return self.max_length - occupied

    @classmethod
    def from_config(
        cls,
        settings: SpanConfig,
        tokenizer: Tokenizer,
        label_set: LabelSet,
        documents: Sequence[Document] = (),
        *,
        seed: int = 0,
    ) -> Self:
        """Make the task; documents may bring queries: see `Task.from_config`.

        Raises:
            ConfigError: there are queries, but not for every label, or a query leaves
                no room in a window.
        """
        from tfner.models.heads.span_losses import SpanLoss

        queries = queries_of(documents)
        unused = [label for label in queries if label not in label_set.labels]
        if unused:
            logger.info(
                "no query is run for %s, of which the training corpus has no entity",
                listed(unused),
            )
        return cls(
            tokenizer,
            label_set,
            queries=queries or None,
            nested=settings.nested,
            loss=SpanLoss(settings.span_loss, (1.0, 1.0, settings.span_weight)),
            candidates=settings.span_candidates,
            negative_rate=settings.negative_rate,
            seed=seed,
            tune_thresholds=settings.tune_thresholds,
            **Windowing.settings_of(settings, tokenizer, documents),
        )

    def settings(self) -> dict[str, Any]:
        """The arguments but tokenizer and labels, as a bundle stores them."""
        return {
            "name": self.name,
            "queries": self.queries,
            **asdict(self.windowing),
            "nested": self.nested,
            **self.thresholds,
        }

    def check(self, train: Sequence[Document], dev: Sequence[Document]) -> None:
        """Refuse to choose thresholds where `dev` has nothing to choose them by.

        Raises:
            ConfigError: thresholds are to be chosen, and `dev` holds no entity.
        """
        if self.tune_thresholds:
            check_dev(dev)
        problems = [] if self.nested else nesting_problems(train)
        if problems:
            logger.info(
                "note: %d of %d training sentences have nested or overlapping "
                "entities; without them (--no-nested) some will be missed",
                len(problems),
                len(train),
            )

    def encode(
        self,
        document: Document,
        *,
        with_targets: bool = False,
        neighbours: Neighbours = ALONE,
    ) -> Encoded:
        """Cut one document into windows, label by label; none of a text without pieces.

        Args:
            document: its entities are looked at only `with_targets`.
            with_targets: for training; words may then be cut at entity boundaries.
            neighbours: not looked at.

        Raises:
            CorpusError: the document is too long and `on_overflow` is "error".
            LabelError: `with_targets` and an entity's label is unknown.
        """
        encoding = self.windowing.encode(self.tokenizer, document)
        spans, counts = None, Counter[str]()
        if with_targets:
            self._check_labels(document)
            encoding, spans, counts = self.windowing.align(
                self.tokenizer, document, encoding, nested=True
            )
        counts["words_without_pieces"] += encoding.words_without_pieces
        if self.windowing.on_overflow == "truncate":
            # The longest query leaves the least room.
            room = min(map(self._room, self.queries))
            counts["words_cut_off"] += int((encoding.word_starts >= room).sum())
        windows = []
        for label in self.queries:
            if spans is None:
                windows += self._windows(document, encoding, label, None)
                continue
            own = [span for span in spans if span.label == label]
            if not own and self._is_left_out(document, label):
                counts["queries_left_out"] += 1
                continue
            ranges = ranges_of_pieces(encoding.word_index, own)
            counts["entities_without_pieces"] += len(set(own)) - len(ranges)
            room = self._room(label)
            targets = piece_targets(encoding.word_index, ranges, room=room)
            windows += self._windows(document, encoding, label, targets)
        return Encoded(windows, counts)

    def _check_labels(self, document: Document) -> None:
        strangers = sorted({e.label for e in document.entities} - self.queries.keys())
        if strangers:
            raise LabelError(
                f"document {document.id!r}: labels unknown to the model: "
                f"{listed(strangers)}. Known: {listed(self.queries)}."
            )

    def _is_left_out(self, document: Document, label: str) -> bool:
        """Whether the draw goes against this query, which has no entity."""
        key = f"{self.seed} {document.id} {label} {document.text}"
        return zlib.crc32(key.encode(errors="replace")) >= self.negative_rate * 2**32

    def _windows(
        self,
        document: Document,
        encoding: Encoding,
        label: str,
        targets: Mapping[str, Ints] | None,
    ) -> list[Window]:
        ranges, _ = self.windowing.cut(document, encoding, room=self._room(label))
        return [
            self._window(encoding, label, pieces, core, targets)
            for pieces, core in ranges
        ]

    def _window(
        self,
        encoding: Encoding,
        label: str,
        pieces: Range,
        core: Range,
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
        """Make a model from features to logits of starts, ends and pairs."""
        from tfner.models.heads.span_extractor import SpanExtractor

        return SpanExtractor(
            encoder,
            dropout=dropout,
            candidates=self.candidates,
            **self.thresholds,
        )

    def loss(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        """Sum the loss; returns it and the number of starts: see `SpanLoss`."""
        from tfner.models.heads.span_losses import SpanLoss

        return (self.span_loss or SpanLoss())(labels, logits)

    def metric(self) -> keras.metrics.Metric:
        """Make the accuracy that training shows beside the loss."""
        from tfner.models.heads.span_losses import BoundaryAccuracy

        return BoundaryAccuracy()

    def word_losses(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Any]],
    ) -> Floats:
        """Cross-entropy of every possible start and end: see `Task.word_losses`.

        Entities that do not fall on word boundaries or have an unknown label are left
        out: words of held-out documents must not know them.
        """
        words = self.windowing.words_of(self.tokenizer, document, windows)
        spans = align(words, document.entities, policy="drop", nested=True).spans
        pieces = [window.word_index for window in windows]
        if pieces:
            spans = narrowed(spans, np.unique(np.concatenate(pieces)))
        parts = [
            boundary_losses(window, output, spans)
            for window, output in zip(windows, outputs, strict=True)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def fit_on_dev(
        self, model: keras.Model, dev: HeldOut
    ) -> tuple[Self, keras.Model, dict[str, Any]]:
        """Choose the thresholds with the best F1, if they are to be tuned."""
        if not self.tune_thresholds:
            return self, model, {}
        return tune_thresholds(self, model, dev)

    def decode(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Any]],
    ) -> Document:
        """Make the document with predicted entities in place of its own.

        A span counts in the window in whose core its middle lies. A word longer than
        windows overlap may be found in several; its best score counts.

        Args:
            document: what was encoded.
            windows: what `encode` made of it.
            outputs: per window `spans` (N, 2) and `scores` (N,); where `start_probs`,
                `end_probs` (S,) and `match_probs` (N,) are there, too, the thresholds
                are held against them.
        """
        words = self.windowing.words_of(self.tokenizer, document, windows)
        found: dict[tuple[int, int, str], float] = {}
        for window, output in zip(windows, outputs, strict=True):
            for first, last, score in spans_of_window(window, output, self.thresholds):
                limits = words[first].start, words[last].end
                start, end = trimmed(document.text, *limits)
                if start < end:
                    span = (start, end, window.label or "")
                    found[span] = max(score, found.get(span, 0.0))
        entities = [Entity(*span, score) for span, score in found.items()]
        if not self.nested:
            entities = best_flat(entities)
        return replace(
            document, entities=tuple(entities), words=tuple(words), tags=None
        )
