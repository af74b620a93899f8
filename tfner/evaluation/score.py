"""`score`: predicted Documents against gold Documents.

Gold comes from the corpus and never through windows, pieces or candidates, so whatever
the model could not see or say counts as missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

from tfner.document import Document
from tfner.errors import CorpusError, shorten
from tfner.evaluation.conventions import Conventions, check_convention
from tfner.evaluation.coverage import Coverage
from tfner.evaluation.resampling import Interval, bootstrap_interval
from tfner.evaluation.tally import Measures, average
from tfner.schemes import find_scheme


@dataclass(frozen=True)
class Score:
    """The figures of one comparison; fractions of 1, and 0.0 where nothing divides.

    Args:
        f1, precision, recall: over all entities (micro average).
        support: gold entities.
        predicted: predicted entities.
        convention: by which the figures above, the labels' and the averages count.
        per_label: figures of each label that either side has, in alphabetical order.
        macro, weighted: mean of the labels' figures, plain or by support.
        conventions: figures of every convention, or "not available".
        coverage: entities that could not be expressed, and the predictor's own counts.
        interval: bootstrap interval of `f1`, or None where none was asked for.
    """

    f1: float
    precision: float
    recall: float
    support: int
    predicted: int
    convention: str
    per_label: dict[str, Measures]
    macro: Measures
    weighted: Measures
    conventions: dict[str, dict[str, Any] | str]
    coverage: dict[str, int]
    interval: Interval | None

    @property
    def micro(self) -> Measures:
        """The figures over all entities, as one row beside `macro` and `weighted`."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "support": self.support,
            "predicted": self.predicted,
        }

    def to_json(self) -> dict[str, Any]:
        """The score as `tfner evaluate --json` prints it."""
        return asdict(self)


def score(
    gold: Iterable[Document],
    predicted: Iterable[Document],
    *,
    convention: str = "exact",
    counts: Mapping[str, int] | None = None,
    scheme: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Score:
    """Compare predicted documents with gold ones, in order.

    Both sides are read once and side by side, so they may be generators.

    Args:
        gold: documents with the right entities.
        predicted: the same documents, in the same order, with a model's entities and,
            for conlleval and strict, its unrepaired tags.
        convention: `exact`, `conlleval`, `strict` or `partial`; decides the headline
            figures. The others are reported beside it.
        counts: losses that the predictor counted, to appear in the coverage.
        scheme: of both sides' tags; the default is each document's metadata["scheme"].
        resamples: draws of the bootstrap interval; 0 for none.
        seed: decides the draws.

    Raises:
        ConfigError: unknown convention, or one that the documents do not allow.
        CorpusError: the two sides differ in number, order, id or text.
        LabelError: unknown scheme.

    Example:
        >>> from tfner.document import Document, Entity
        >>> gold = [Document("1", "Ada Lovelace", (Entity(0, 12, "PER"),))]
        >>> short = [Document("1", "Ada Lovelace", (Entity(0, 3, "PER"),))]
        >>> score(gold, short).f1, score(gold, short, convention="partial").f1
        (0.0, 0.5)
    """
    check_convention(convention)
    named = find_scheme(scheme) if scheme else None
    conventions, coverage = Conventions(named), Coverage(named)
    for right, guess in matched(gold, predicted):
        conventions.add(right, guess)
        coverage.add(right, guess)
    tally = conventions.tally(convention)
    per_label = tally.per_label()
    return Score(
        **tally.micro(),
        convention=convention,
        per_label=per_label,
        macro=average(per_label.values()),
        weighted=average(per_label.values(), weighted=True),
        conventions=conventions.to_json(),
        coverage=coverage.to_json(counts),
        interval=bootstrap_interval(tally.documents, resamples=resamples, seed=seed),
    )


def matched(
    gold: Iterable[Document], predicted: Iterable[Document]
) -> Iterator[tuple[Document, Document]]:
    """Pair documents, checked to be the same ones in the same order.

    Raises:
        CorpusError: at the first pair that differs in id or text, or lacks a side.
    """
    rule = "gold and predicted documents must be the same, in the same order."
    for number, (right, guess) in enumerate(zip_longest(gold, predicted), start=1):
        if right is None or guess is None:
            side, rest = ("gold", guess) if right is None else ("predicted", right)
            raise CorpusError(
                f"{rule} Received: the {side} documents end before number {number}, "
                f"{rest.id!r}."
            )
        if right.id != guess.id:
            raise CorpusError(
                f"{rule} Received: number {number} is {right.id!r} in gold "
                f"but {guess.id!r} predicted."
            )
        if right.text != guess.text:
            raise CorpusError(
                f"{rule} Received: document {right.id!r} with the text "
                f"{shorten(right.text)} in gold but {shorten(guess.text)} predicted."
            )
        yield right, guess
