"""Mistakes of a prediction: what was missed, invented, or found but not quite right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from tfner.document import Document, Entity, Word
from tfner.evaluation.partial import pair_spans
from tfner.nesting import inner, outermost
from tfner.schemes import OUTSIDE, Span

MISSED, INVENTED, BORDER, LABEL = KINDS = (
    "missed",
    "invented",
    "wrong border",
    "wrong label",
)


class Mistake(NamedTuple):
    """One mistake: a gold entity, a predicted one, or both where they overlap."""

    kind: str
    gold: Span | None
    predicted: Span | None

    @property
    def labels(self) -> set[str]:
        """The labels it concerns."""
        return {span.label for span in self[1:] if span is not None}


def find_mistakes(gold: Document, predicted: Document) -> list[Mistake]:
    """The mistakes in one document, in text order.

    An entity is part of one mistake at most. Of an overlapping pair the label decides:
    where it is right, the border is wrong.

    Example:
        >>> gold = Document("1", "Ada Lovelace", (Entity(0, 12, "PER"),))
        >>> find_mistakes(gold, Document("1", "Ada Lovelace", (Entity(0, 3, "PER"),)))
        [Mistake(kind='wrong border', gold=Span(start=0, end=12, label='PER'), \
predicted=Span(start=0, end=3, label='PER'))]
    """
    right, guessed = spans_of(gold), spans_of(predicted)
    pairs = pair_spans(right, guessed)
    found = [
        Mistake(BORDER if pair.same_label else LABEL, *pair)
        for pair in pairs
        if pair.gold != pair.predicted
    ]
    found += [Mistake(MISSED, span, None) for span in right - {p.gold for p in pairs}]
    found += [
        Mistake(INVENTED, None, span) for span in guessed - {p.predicted for p in pairs}
    ]
    return sorted(found, key=lambda mistake: mistake.gold or mistake.predicted or ())


def spans_of(document: Document) -> set[Span]:
    """The entities of a document, without scores."""
    return {Span(e.start, e.end, e.label) for e in document.entities}


def word_labels(words: Sequence[Word], entities: Sequence[Entity]) -> list[str]:
    """Label of the outermost entity that each word shares a character with, or O."""
    labels, rest = [], outermost(entities)[::-1]
    for start, end in words:
        while rest and rest[-1].end <= start:
            rest.pop()
        labels.append(rest[-1].label if rest and rest[-1].start < end else OUTSIDE)
    return labels


def columns(gold: Document, predicted: Document) -> Iterator[str]:
    """`TOKEN LABEL PRED` lines of one document, over the words of the prediction.

    Columns show the outermost entities; those within or across others follow.
    """
    words = predicted.words or ()
    right, guess = (word_labels(words, d.entities) for d in (gold, predicted))
    yield f"# {gold.id}"
    for number, word in enumerate(words):
        yield f"{gold.surface(word)}\t{right[number]}\t{guess[number]}"
    for side, document in (("gold", gold), ("predicted", predicted)):
        rest = [f"{document.surface(e)} {e.label}" for e in inner(document.entities)]
        if rest:
            yield f"# {side}, within others: {', '.join(rest)}"
    yield ""


def first_mistakes(
    gold: Iterable[Document], predicted: Iterable[Document], count: int
) -> Iterator[str]:
    """`columns` of the first documents that hold a mistake.

    Args:
        gold: documents with the right entities.
        predicted: the same ones, in the same order.
        count: how many documents at the most.
    """
    pairs = zip(gold, predicted, strict=True)
    wrong = (pair for pair in pairs if find_mistakes(*pair))
    for pair in islice(wrong, count):
        yield from columns(*pair)
