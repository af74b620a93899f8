"""One predictor answers several requests at once, each as if it were alone."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import keras
import pytest

from tfner.document import Document
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.schemes import LabelSet
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import load_tokenizer

THREADS = 8
NAMES = ("anna", "bert", "carla", "paris", "rome", "oslo", "lima", "xyzzy")

Found = tuple[list[Document], Counter[str]]


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def span_predictor(task: TokenClassification, make_encoder: Any) -> Predictor:
    """Finds spans of random weights: some in most texts."""
    keras.utils.set_random_seed(1)
    spans = SpanExtraction(task.tokenizer, LabelSet(["PER", "LOC"]), max_length=24)
    model = spans.build(make_encoder())
    model.build()
    model.borders.bias.assign([1.0, 1.0])
    model.pairs.output_bias.assign(2.0)
    return Predictor(spans, KerasRunner(model))


@pytest.fixture
def served(bundle: Bundle, tmp_path: Path) -> Predictor:
    """The tiny tagger as a SavedModel."""
    from tfner_export import export_saved_model

    exported = export_saved_model(bundle, tmp_path, max_length=32)
    return Predictor.load(exported.saved_model)


def texts(thread: int) -> list[str]:
    """As many texts as the thread's number, each with a word that is no piece."""
    words = [NAMES[(thread + n) % len(NAMES)] for n in range(thread + 2)]
    return [" ".join([*words[n:], "\x07"]) for n in range(thread + 1)] + ["", "in"]


def predict(predictor: Predictor, given: list[str]) -> Found:
    counts = Counter[str]()
    return predictor.predict(given, counts=counts), counts


def assert_alike(found: Found, expected: Found) -> None:
    assert found[1] == expected[1]
    assert [document.text for document in found[0]] == [d.text for d in expected[0]]
    for one, other in zip(found[0], expected[0], strict=True):
        assert one.entities == other.entities
        assert one.tags == other.tags


@pytest.mark.parametrize("kind", ["predictor", "served", "span_predictor"])
def test_threads_get_their_own_entities_and_counts(
    request: pytest.FixtureRequest, kind: str, impatient: None
) -> None:
    shared: Predictor = request.getfixturevalue(kind)
    given = [texts(thread) for thread in range(THREADS)]
    alone = [predict(shared, mine) for mine in given]
    assert sum(len(d.entities) for found, _ in alone for d in found) > 10
    assert [counts["words_without_pieces"] for _, counts in alone] == list(
        range(1, THREADS + 1)
    )
    start = Barrier(THREADS)

    def work(thread: int) -> None:
        start.wait()
        for _ in range(3):
            assert_alike(predict(shared, given[thread]), alone[thread])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


def test_threads_get_their_own_words_of_mecab(
    japanese_vocabulary: Path, impatient: None
) -> None:
    tokenizer = load_tokenizer(japanese_vocabulary)
    task = TokenClassification(tokenizer, LabelSet(["PER"]), words="own")
    text = "『ペールギュント』はノルウェーの劇作家ヘンリック・イプセン"
    given = [text[cut:] + text[:cut] for cut in range(THREADS)]

    def encoded(thread: int) -> Any:
        windows, counts = task.encode(Document("1", given[thread]))
        return windows[0].words, windows[0].features["input_ids"].tolist(), counts

    alone = list(map(encoded, range(THREADS)))
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(20):
            assert list(pool.map(encoded, range(THREADS))) == alone
