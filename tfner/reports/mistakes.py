"""Documents with mistakes as columns, to look at while a model is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from tfner.corpus.columns.writing import sentence_lines
from tfner.document import Document
from tfner.evaluation.mistakes import find_mistakes, word_labels
from tfner.nesting import inner


def mistake_lines(gold: Document, predicted: Document) -> Iterator[str]:
    """Write `WORD GOLD PREDICTED` lines, over the words of the prediction.

    Columns show the outermost entities; those within or across others follow.
    """
    words = predicted.words or ()
    surfaces = (" ".join(gold.surface(word).split()) for word in words)
    labels = (word_labels(words, d.entities) for d in (gold, predicted))
    notes = [f"# {gold.id}"]
    for side, document in (("gold", gold), ("predicted", predicted)):
        rest = [f"{document.surface(e)} {e.label}" for e in inner(document.entities)]
        if rest:
            notes.append(f"# {side}, within others: {', '.join(rest)}")
    yield from notes
    yield from sentence_lines(zip(surfaces, *labels, strict=True))


def first_mistakes(
    gold: Iterable[Document], predicted: Iterable[Document], count: int
) -> Iterator[str]:
    """Write the columns of the first documents that hold a mistake.

    Args:
        gold: documents with the right entities.
        predicted: the same documents, in the same order, as predicted.
        count: how many documents at the most.
    """
    pairs = zip(gold, predicted, strict=True)
    wrong = (pair for pair in pairs if find_mistakes(*pair))
    for pair in islice(wrong, count):
        yield from mistake_lines(*pair)
