"""The conventions by which entities are compared, counted side by side.

    exact      entities of the Documents: equal characters, equal label. Nested entities
               are counted like any other, one that is given twice once.
    conlleval  spans over words, read from both sides' tags with the one decoder
    strict     spans over words that the tags' scheme writes correctly (seqeval strict)
    partial    entities of the Documents, half a point for a wrong boundary (SemEval)

`conlleval` and `strict` need tags of both sides over the same words, `strict` also the
name of the scheme; where one document lacks them the corpus has no such figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

from tfner.document import Document, Entity
from tfner.errors import ConfigError, LabelError, unknown
from tfner.evaluation.partial import SemEvalCounts, pair_entities
from tfner.evaluation.strict import decode_strict
from tfner.evaluation.tally import Match, Tally, average
from tfner.schemes import Scheme, Span, decode_tags, find_scheme

CONVENTIONS = ("exact", "conlleval", "strict", "partial")
NOT_AVAILABLE = "not available"


def check_convention(name: str) -> str:
    """Return the name if a convention has it.

    Raises:
        ConfigError: no convention has this name; the known and the nearest are named.
    """
    if name not in CONVENTIONS:
        raise ConfigError(unknown("convention", name, CONVENTIONS))
    return name


def scheme_of(document: Document) -> Scheme | None:
    """Look up the tag scheme that a document's metadata names; None without one."""
    try:
        return find_scheme(str(document.metadata["scheme"]))
    except (KeyError, LabelError):
        return None


def _labels(parts: Iterable[Entity | Span]) -> Iterable[str]:
    return (part.label for part in parts)


def _add_equal(
    tally: Tally, gold: Set[Entity | Span], predicted: Set[Entity | Span]
) -> None:
    matches = (Match(label, label, 1.0) for label in _labels(gold & predicted))
    tally.add(_labels(gold), _labels(predicted), matches)


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
        right, guessed = set(gold.entities), set(predicted.entities)
        _add_equal(self.tallies["exact"], right, guessed)
        pairs = pair_entities(right, guessed)
        matches = (pair.match for pair in pairs)
        self.tallies["partial"].add(_labels(right), _labels(guessed), matches)
        self.semeval.add(pairs, gold=len(right), predicted=len(guessed))
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
        """Return the counts of one convention.

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
        return {name: self._figures(name) for name in CONVENTIONS}

    def _figures(self, name: str) -> dict[str, Any] | str:
        if name not in self.tallies:
            return NOT_AVAILABLE
        tally = self.tallies[name]
        macro = average(tally.per_label().values())
        more = {"semeval": self.semeval.to_json()} if name == "partial" else {}
        return {**tally.micro(), "macro_f1": macro["f1"], **more}
