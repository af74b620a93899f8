"""conlleval and strict figures equal seqeval's, for every scheme that it knows."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tfner.document import Document, Word
from tfner.evaluation import Score, score
from tfner.evaluation.strict import decode_strict
from tfner.schemes import SCHEMES, decode_tags, encode_spans, find_scheme

seqeval_metrics = pytest.importorskip("seqeval.metrics")
seqeval_scheme = pytest.importorskip("seqeval.scheme")
get_entities = seqeval_metrics.sequence_labeling.get_entities

pytestmark = pytest.mark.parity

LABELS = ("PER", "LOC", "cell-line", "cell")
REFERENCES = {
    "IOB1": seqeval_scheme.IOB1,
    "IOB2": seqeval_scheme.IOB2,
    "IOE1": seqeval_scheme.IOE1,
    "IOE2": seqeval_scheme.IOE2,
    "BIOES": seqeval_scheme.IOBES,
    "BILOU": seqeval_scheme.BILOU,
}
EVERY_SCHEME = pytest.mark.parametrize("name", REFERENCES)
Tags = list[list[str]]


def alphabet(name: str) -> list[str]:
    labels = LABELS[:3]
    tags = [f"{p}-{label}" for p in SCHEMES[name].prefixes for label in labels]
    return [*["O"] * (len(tags) // 3), *tags]


def random_tags(generator: random.Random, name: str, *, sentences: int) -> Tags:
    """Mostly invalid sequences, of 0 to 12 words."""
    tags = alphabet(name)
    return [
        generator.choices(tags, k=generator.randint(0, 12)) for _ in range(sentences)
    ]


def corpus(generator: random.Random, name: str, *, sentences: int) -> tuple[Tags, Tags]:
    """Gold, half of it valid, and a prediction that changes every fifth tag."""
    gold = random_tags(generator, name, sentences=sentences)
    for number in range(0, sentences, 2):
        tags = gold[number]
        gold[number] = encode_spans(decode_tags(tags), len(tags), SCHEMES[name])
    tags = alphabet(name)
    predicted = [
        [generator.choice(tags) if generator.random() < 0.2 else tag for tag in row]
        for row in gold
    ]
    return gold, predicted


def documents(corpus_tags: Tags, scheme: str) -> list[Document]:
    return [
        Document(
            str(number),
            "w " * len(tags),
            words=tuple(Word(2 * i, 2 * i + 1) for i in range(len(tags))),
            tags=tuple(tags),
            metadata={"scheme": scheme},
        )
        for number, tags in enumerate(corpus_tags)
    ]


def as_known(corpus_tags: Tags) -> Tags:
    """seqeval's default reading knows neither L nor U, which mean the same as E, S."""
    same = {"L": "E", "U": "S"}
    return [[same.get(tag[0], tag[0]) + tag[1:] for tag in row] for row in corpus_tags]


def check(found: Score, report: dict[str, dict[str, float]]) -> None:
    """The whole report: every label and the three averages."""
    rows = {
        **found.per_label,
        "micro avg": found.micro,
        "macro avg": found.macro,
        "weighted avg": found.weighted,
    }
    assert rows.keys() == report.keys()
    for name, row in rows.items():
        for ours, theirs in (
            (row["precision"], "precision"),
            (row["recall"], "recall"),
            (row["f1"], "f1-score"),
            (row["support"], "support"),
        ):
            assert ours == pytest.approx(report[name][theirs], abs=1e-12)


def spans_of(entities: Sequence[object]) -> list[tuple[int, int, str]]:
    return [(e.start, e.end, e.tag) for e in entities]  # type: ignore[attr-defined]


@EVERY_SCHEME
def test_every_sequence_is_read_as_seqeval_reads_it(name: str) -> None:
    generator = random.Random(name)
    for tags in random_tags(generator, name, sentences=3000):
        ours = [(span.label, span.start, span.end - 1) for span in decode_tags(tags)]
        assert ours == get_entities(as_known([tags])[0])


def test_prefixes_of_several_schemes_in_one_sequence_are_read_as_seqeval_does() -> None:
    generator = random.Random(1)
    tags = ["O", *(f"{p}-{label}" for p in "BIES" for label in LABELS[:2])]
    for _ in range(3000):
        row = generator.choices(tags, k=generator.randint(0, 12))
        ours = [(span.label, span.start, span.end - 1) for span in decode_tags(row)]
        assert ours == get_entities(row)


@EVERY_SCHEME
def test_every_sequence_is_read_strictly_as_seqeval_does(name: str) -> None:
    generator = random.Random(name)
    reference, scheme = REFERENCES[name], find_scheme(name)
    for tags in random_tags(generator, name, sentences=3000):
        theirs = spans_of(seqeval_scheme.Tokens(tags, reference).entities)
        assert decode_strict(tags, scheme) == theirs, tags


@EVERY_SCHEME
def test_conlleval_figures_equal_the_default_report(name: str) -> None:
    generator = random.Random(name)
    for sentences in (2, 5, *[30] * 8):
        gold, predicted = corpus(generator, name, sentences=sentences)
        found = score(
            documents(gold, name),
            documents(predicted, name),
            convention="conlleval",
            resamples=0,
        )
        truth, guess = as_known(gold), as_known(predicted)
        check(
            found,
            seqeval_metrics.classification_report(
                truth, guess, output_dict=True, zero_division=0
            ),
        )
        assert found.f1 == pytest.approx(seqeval_metrics.f1_score(truth, guess))


@EVERY_SCHEME
def test_strict_figures_equal_the_strict_report(name: str) -> None:
    generator = random.Random(name)
    for sentences in (2, 5, *[30] * 8):
        gold, predicted = corpus(generator, name, sentences=sentences)
        found = score(
            documents(gold, name),
            documents(predicted, name),
            convention="strict",
            resamples=0,
        )
        settings = {"mode": "strict", "scheme": REFERENCES[name], "zero_division": 0}
        report = seqeval_metrics.classification_report(
            gold, predicted, output_dict=True, **settings
        )
        check(found, report)
        theirs = seqeval_metrics.f1_score(gold, predicted, **settings)
        assert found.f1 == pytest.approx(theirs)
