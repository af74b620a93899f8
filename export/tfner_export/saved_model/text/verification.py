"""Proof that the graph finds in raw text what the Predictor finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfner.document import Document, Entity
from tfner.errors import ExportError, shorten
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.marks import words_between_spaces
from tfner_export.saved_model.text.nasty import nasty_texts
from tfner_export.saved_model.text_signature import SERVING_TEXT, TEXT
from tfner_export.saved_model.verification import LOADERS

if TYPE_CHECKING:
    from tfner_export.exporter import Source

TEXTS = 96
"""Texts that are made to be compared."""
TOLERANCE = 1e-4
"""Of scores: texts share rows with others than in the Predictor."""
NOISE = 1e-3
"""What changes with probabilities that change by this much is a tie, no fault."""


class Expected(NamedTuple):
    """A text with what the Predictor finds in it.

    Args:
        text: to be read.
        entities: in order.
        tie: whether others are as likely as these.
    """

    text: str
    entities: tuple[Entity, ...]
    tie: bool


def compare_texts(saved_model: Path, source: Source) -> None:
    """Stop if the entities of a text differ from the Predictor's.

    Compared are the self-test's texts, one that is longer than any window, and texts
    that are easily cut wrongly: all in one batch, one alone, and none.

    Args:
        saved_model: holds `saved_model.pb`.
        source: the model that was exported.

    Raises:
        ExportError: they do, in a text where no two taggings are equally likely.
    """
    own = source.bundle.selftest.texts
    words = tuple(text[a:b] for text in own for a, b in words_between_spaces(text))
    long = " ".join(words[:500] * (1 + source.bundle.task.max_length // 100))
    texts = [*own, long, *nasty_texts(TEXTS, words=words)]
    expected = expect(Predictor(source.bundle.task, KerasRunner(source.model)), texts)
    batches = [expected, expected[:1], []]
    fed = [{TEXT: as_input([e.text for e in batch])} for batch in batches]
    for loader, run in LOADERS.items():
        outputs = run(saved_model, fed, SERVING_TEXT)
        for batch, found in zip(batches, outputs, strict=True):
            differing = [
                e
                for e, f in zip(batch, read_entities(found), strict=True)
                if differ(e, f)
            ]
            if differing:
                raise ExportError(
                    f"the export was not published: loaded by the {loader} loader, "
                    f"{SERVING_TEXT} finds other entities than the model in "
                    f"{len(differing)} of {len(batch)} texts, the first of them "
                    f"{shorten(repr(differing[0].text))}. Leave out --serving-text."
                )


def as_input(texts: Sequence[str]) -> Any:
    """Texts as the signature takes them."""
    return np.array([text.encode() for text in texts], object)


def expect(predictor: Predictor, texts: Sequence[str]) -> list[Expected]:
    """Read texts with a predictor."""
    task, noise = predictor.task, np.random.default_rng(0)
    documents = [Document(str(number), text) for number, text in enumerate(texts)]
    windows = [task.encode(document).windows for document in documents]
    found = []
    for document, own, outputs in zip(
        documents, windows, predictor.outputs(windows), strict=True
    ):
        others = [
            {n: v * (1 + noise.uniform(-NOISE, NOISE, v.shape)) for n, v in o.items()}
            for o in outputs
        ]
        entities = task.decode(document, own, outputs).entities
        tie = entities != task.decode(document, own, others).entities
        found.append(Expected(document.text, entities, tie))
    return found


def read_entities(outputs: Mapping[str, Any]) -> Iterator[list[Entity]]:
    """The entities of every text in the outputs of the signature."""
    names = ("start", "end", "label", "score")
    for columns in zip(*(outputs[name] for name in names), strict=True):
        yield [
            Entity(int(start), int(end), label.decode(), float(score))
            for start, end, label, score in zip(*columns, strict=True)
            if start >= 0
        ]


def differ(expected: Expected, found: Sequence[Entity]) -> bool:
    """Tell if other entities were found, or with other scores; never for a tie."""
    if expected.tie:
        return False
    if expected.entities != tuple(found):
        return True
    pairs = zip(expected.entities, found, strict=True)
    return any(abs((a.score or 0) - (b.score or 0)) > TOLERANCE for a, b in pairs)
