"""The predictor: lazy, in order, and the same for a text whatever is around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tfner.document import Document, Entity, Word
from tfner.errors import BundleError
from tfner.inference.bundle import SelfTest
from tfner.inference.chunks import DOCUMENTS
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.tasks.token_classification import TokenClassification

TOLERANCE = 1e-5
TEXTS = (
    "anna lives in paris",
    "xyzzy qux umbrella",
    "",
    "  \n",
    "\u200b",
    "we flew from oslo to lima on monday " * 7,
)


def others(count: int) -> list[str]:
    random = np.random.default_rng(0)
    words = ["anna", "works", "for", "acme", "zorg", "in", "cairo", "xy"]
    return [
        " ".join(random.choice(words, size))
        for size in random.integers(0, 40, size=count)
    ]


def assert_alike(left: Document, right: Document) -> None:
    assert replace(left, id="") == replace(right, id="")
    scores = [[e.score or 0.0 for e in d.entities] for d in (left, right)]
    assert all(score > 0 for score in scores[0])
    np.testing.assert_allclose(scores[0], scores[1], atol=TOLERANCE)


def test_a_prediction_does_not_depend_on_the_rest_of_the_stream(
    predictor: Predictor,
) -> None:
    alone = [predictor.predict([text])[0] for text in TEXTS]
    around = others(200)
    mixed = predictor.predict([*around[:90], *TEXTS, *around[90:]])
    assert sum(len(document.entities) for document in alone) > 5
    for one, other in zip(alone, mixed[90:], strict=False):
        assert_alike(one, other)


def test_rows_shared_and_rows_of_one_give_the_same_entities(
    task: TokenClassification, model: Any
) -> None:
    packed, apart = KerasRunner(model), KerasRunner(model)
    assert packed.packs
    apart.packs = False
    texts = others(40)
    pairs = [Predictor(task, run).predict(texts) for run in (packed, apart)]
    for one, other in zip(*pairs, strict=True):
        assert_alike(one, other)


def test_windows_do_not_change_what_fits_into_one(
    task: TokenClassification, predictor: Predictor
) -> None:
    longer = TokenClassification(task.tokenizer, task.label_set, max_length=64)
    texts = [text for text in others(40) if len(text) < 60]
    windowed = predictor.predict(texts)
    whole = Predictor(longer, predictor.run).predict(texts)
    fitting = [t for t in texts if len(task.encode(Document("1", t)).windows) < 2]
    assert len(fitting) > 3
    for text, one, other in zip(texts, windowed, whole, strict=True):
        if text in fitting:
            assert_alike(one, other)


def test_long_texts_are_predicted_to_their_end(
    task: TokenClassification, model: Any
) -> None:
    class Known:
        """A runner that takes every `anna` for a PER."""

        packs = True
        row_length: int | None = None
        anna = int(task.tokenizer.encode("anna").ids[0])

        def __call__(self, features: Any) -> Any:
            at = features["labeled_positions"]
            ids = np.take_along_axis(features["input_ids"], at, axis=1)
            person = (ids == self.anna).astype("float32")
            nothing = np.zeros_like(person)
            columns = [1 - person, person, nothing, nothing, nothing]
            return {"probs": np.stack(columns, axis=-1)}

    text = "anna met zorg " * 300
    (found,) = Predictor(task, Known()).predict([text])
    assert [e.start for e in found.entities] == list(range(0, len(text), 14))


def test_order_ids_and_texts_are_kept(predictor: Predictor) -> None:
    given = [Document(f"d{n}", t) if n % 3 else t for n, t in enumerate(others(150))]
    found = predictor.predict(given)
    for number, (before, after) in enumerate(zip(given, found, strict=True), start=1):
        if isinstance(before, str):
            before = Document(str(number), before)
        assert (after.id, after.text) == (before.id, before.text)


def test_gold_entities_have_no_influence(predictor: Predictor) -> None:
    text = "anna lives in paris"
    words = tuple(Word(*w) for w in ((0, 4), (5, 10), (11, 13), (14, 19)))
    bare = Document("1", text, words=words)
    told = replace(bare, entities=(Entity(2, 7, "PER"), Entity(3, 5, "LOC")))
    assert predictor.predict([told]) == predictor.predict([bare])


@pytest.mark.parametrize("text", ["anna in paris", ""])
def test_a_stream_reads_only_a_few_documents_ahead(
    predictor: Predictor, text: str
) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            if read > 10 * DOCUMENTS:
                pytest.fail("the whole stream is read before anything comes out")
            yield text

    stream = predictor.stream(endless())
    assert read == 0
    for number in range(2 * DOCUMENTS + 10):
        document = next(stream)
        assert document.id == str(number + 1)
        assert read - number <= 3 * DOCUMENTS  # two are running or about to


def test_losses_are_counted_over_the_stream(predictor: Predictor) -> None:
    counts = Counter(words_without_pieces=1)
    predictor.predict(["anna \x07", "\x07 \x07"], counts=counts)
    assert counts["words_without_pieces"] == 1 + 3


def test_a_runner_sees_weights_that_have_changed(
    make_encoder: Callable[..., Any],
    make_model: Callable[[Any], Any],
    task: TokenClassification,
) -> None:
    model = make_model(make_encoder(num_layers=1))
    predictor = Predictor(task, KerasRunner(model))
    (before,) = predictor.predict(["anna in paris"])
    bias = [0.0] * 5
    bias[1] = 1e3
    model.classifier.bias.assign(bias)
    (after,) = predictor.predict(["anna in paris"])
    assert after.tags == ("B-PER",) * 3 != before.tags


def test_a_good_selftest_passes_and_a_changed_one_does_not(
    predictor: Predictor,
) -> None:
    selftest = predictor.selftest(TEXTS)
    predictor.verify(selftest)
    predictor.verify(SelfTest((), ()))
    first, *rest = selftest.entities
    assert first
    for changed in (first[1:], (*first, Entity(0, 19, "LOC")), ()):
        wrong = SelfTest(selftest.texts, (changed, *rest))
        with pytest.raises(BundleError, match=r"does not predict what it did.*text 0"):
            predictor.verify(wrong)
