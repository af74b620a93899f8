"""Scores during training are those that users get afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tfner.corpus import read_corpus
from tfner.document import Document, Entity
from tfner.evaluation import score
from tfner.finetuning.evaluator import Evaluator
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor


@pytest.fixture(scope="module")
def evaluator(toy_bundle) -> Evaluator:
    bundle = Bundle(toy_bundle)
    return Evaluator(bundle.task, bundle.load_model())


@pytest.fixture(scope="module")
def documents(toy_corpus) -> list[Document]:
    return list(read_corpus(toy_corpus / "dev.conll"))


def test_the_f1_is_that_of_the_predictor(evaluator, documents, toy_bundle) -> None:
    found = Predictor.load(toy_bundle).predict(documents)
    now = evaluator.scorer(documents)()
    assert now["dev_f1"] == score(documents, found).f1
    assert evaluator.report(documents)["f1"] == now["dev_f1"]


def test_the_loss_is_the_mean_over_words(evaluator, documents) -> None:
    task, predictor = evaluator.task, evaluator.predictor
    ids = task.label_set.tags.index
    losses = []
    for document in documents:
        (window,) = task.encode(document)
        length = len(window)
        features = {n: np.array([v]) for n, v in window.features.items()}
        features["attention_mask"] = np.ones((1, length), np.int32)
        probs = predictor.run(features)["probs"][0]
        losses += [
            -np.log(p[ids(t)]) for p, t in zip(probs, document.tags, strict=True)
        ]
    assert evaluator.scorer(documents)()["dev_loss"] == pytest.approx(
        np.mean(losses), rel=1e-4
    )


def test_scores_follow_the_weights(evaluator, documents, toy_bundle) -> None:
    model = Bundle(toy_bundle).load_model()
    now = Evaluator(evaluator.task, model).scorer(documents)
    before = now()
    assert now() == before
    model.classifier.bias.assign_add([50.0] + [0.0] * (model.num_tags - 1))
    assert now()["dev_f1"] == 0.0
    assert now()["dev_loss"] > before["dev_loss"]


def test_documents_without_pieces_have_a_loss_of_zero(evaluator) -> None:
    empty = [Document("1", ""), Document("2", " ")]
    assert evaluator.scorer(empty)() == {"dev_loss": 0.0, "dev_f1": 0.0}


def test_entities_off_the_word_borders_count_as_missed(evaluator) -> None:
    document = Document("1", "anna lives", (Entity(0, 2, "PER"),))
    assert evaluator.report([document])["recall"] == 0.0


def test_nothing_to_score_gives_nothing(evaluator) -> None:
    assert evaluator.report([]) is None


def test_mistakes_are_told_as_columns(evaluator, documents, heed) -> None:
    wrong = [replace(d, entities=(Entity(0, 1, "PER"),)) for d in documents]
    said: list[str] = []
    with heed(said.append):
        evaluator.scorer(wrong, show=2)()
    ids = [line for line in said if line.startswith("# ")]
    assert ids == [f"# {document.id}" for document in wrong[:2]]
    first = wrong[0].text.split()[0]
    assert said[1].startswith(f"{first}\tPER\t")
