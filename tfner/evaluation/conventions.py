"""The conventions by which entities are compared, counted side by side.

    exact      entities of the Documents: equal characters, equal label. Nested entities
               are counted like any other, one that is given twice once.
    conlleval  spans over words, read from both sides' tags with the one decoder
    strict     spans over words that the tags' scheme writes correctly (seqeval strict)
    partial    entities of the Documents, half a point for wrong borders (SemEval-2013)

`conlleval` and `strict` need tags of both sides over the same words, `strict` also the
name of the scheme; where one document lacks them the corpus has no such figure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfner.document import Document
from tfner.errors import ConfigError, LabelError, unknown
from tfner.evaluation.partial import SemEvalCounts, pair_spans
from tfner.evaluation.strict import decode_strict
from tfner.evaluation.tally import Match, Tally, average
from tfner.schemes import Scheme, Span, decode_tags, find_scheme

CONVENTIONS = ("exact", "conlleval", "strict", "partial")
NOT_AVAILABLE = "not available"


def check_convention(name: str) -> str:
    """The name itself if a convention has it.

    Raises:
        ConfigError: no convention has this name; the known and the nearest are named.
    """
    if name not in CONVENTIONS:
        raise ConfigError(unknown("convention", name, CONVENTIONS))
    return name


def scheme_of(document: Document) -> Scheme | None:
    """The scheme that a document's metadata names, if it names one."""
    try:
        return find_scheme(str(document.metadata["scheme"]))
    except (KeyError, LabelError):
        return None


def _labels(spans: Iterable[Span]) -> Iterable[str]:
    return (span.label for span in spans)


def _add_equal(tally: Tally, gold: set[Span], predicted: set[Span]) -> None:
    matches = (Match(span.label, span.label, 1.0) for span in gold & predicted)
    tally.add(_labels(gold), _labels(predicted), matches)


def _entities(document: Document) -> set[Span]:
    return {Span(e.start, e.end, e.label) for e in document.entities}


class Conventions:
    """Counts of every convention over the documents seen so far.

    Args:
        scheme: of both sides' tags; the default is what each document's metadata says,
            and where only one of the two says it, that one's.
    """

    def __init__(self, scheme: Scheme | None = None) -> None:
        self.tallies = {name: Tally() for name in CONVENTIONS}
        self.semeval = SemEvalCounts()
        self.reasons: dict[str, str] = {}
        self._scheme = scheme

    def add(self, gold: Document, predicted: Document) -> None:
        """Count one document under every convention that it allows."""
        found, guessed = _entities(gold), _entities(predicted)
        _add_equal(self.tallies["exact"], found, guessed)
        pairs = pair_spans(found, guessed)
        matches = (pair.match for pair in pairs)
        self.tallies["partial"].add(_labels(found), _labels(guessed), matches)
        self.semeval.add(pairs, gold=len(found), predicted=len(guessed))
        self._add_words(gold, predicted)

    def _add_words(self, gold: Document, predicted: Document) -> None:
        if gold.tags is None or predicted.tags is None:
            side = "gold" if gold.tags is None else "predicted"
            self._drop(f"the {side} document {gold.id!r} has no tags")
            return
        if gold.words != predicted.words:
            self._drop(f"gold and prediction split {gold.id!r} into different words")
            return
        if "conlleval" in self.tallies:
            spans = set(decode_tags(gold.tags)), set(decode_tags(predicted.tags))
            _add_equal(self.tallies["conlleval"], *spans)
        if "strict" in self.tallies:
            self._add_strict(gold, predicted, gold.tags, predicted.tags)

    def _add_strict(
        self,
        gold: Document,
        predicted: Document,
        gold_tags: tuple[str, ...],
        predicted_tags: tuple[str, ...],
    ) -> None:
        own = self._scheme or scheme_of(gold) or scheme_of(predicted)
        other = self._scheme or scheme_of(predicted) or own
        if own is None or other is None:
            reason = f"document {gold.id!r} does not name its tag scheme"
            self._drop(reason, names=("strict",))
            return
        _add_equal(
            self.tallies["strict"],
            set(decode_strict(gold_tags, own)),
            set(decode_strict(predicted_tags, other)),
        )

    def _drop(
        self, reason: str, *, names: tuple[str, ...] = ("conlleval", "strict")
    ) -> None:
        for name in names:
            if self.tallies.pop(name, None):
                self.reasons[name] = reason

    def tally(self, name: str) -> Tally:
        """The counts of one convention.

        Raises:
            ConfigError: the documents do not allow it, with the first reason met.
        """
        if name not in self.tallies:
            raise ConfigError(
                f"the convention {name!r} is not available here: "
                f"{self.reasons[name]}. Use --convention exact."
            )
        return self.tallies[name]

    def to_json(self) -> dict[str, dict[str, Any] | str]:
        """Figures of each convention, or that it is not available."""
        found: dict[str, dict[str, Any] | str] = {}
        for name in CONVENTIONS:
            if name not in self.tallies:
                found[name] = NOT_AVAILABLE
                continue
            tally = self.tallies[name]
            macro = average(tally.per_label().values())
            more = {"semeval": self.semeval.to_json()} if name == "partial" else {}
            found[name] = {**tally.micro(), "macro_f1": macro["f1"], **more}
        return found
