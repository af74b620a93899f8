"""Scores during training are those that users get afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tfner.corpus import read_corpus
from tfner.document import Document, Entity
from tfner.evaluation import score
from tfner.finetuning.evaluator import HeldOut
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor


@pytest.fixture(scope="module")
def held_out(toy_bundle) -> HeldOut:
    bundle = Bundle(toy_bundle)
    return HeldOut(bundle.task, bundle.load_model())


@pytest.fixture(scope="module")
def documents(toy_corpus) -> list[Document]:
    return list(read_corpus(toy_corpus / "dev.conll"))


def test_the_f1_is_that_of_the_predictor(held_out, documents, toy_bundle) -> None:
    found = Predictor.load(toy_bundle).predict(documents)
    now = held_out.scorer(documents)()
    assert now["dev_f1"] == score(documents, found).f1
    assert held_out.report(documents)["f1"] == now["dev_f1"]


def test_the_loss_is_the_mean_over_words(held_out, documents) -> None:
    task, predictor = held_out.task, held_out.predictor
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
    assert held_out.scorer(documents)()["dev_loss"] == pytest.approx(
        np.mean(losses), rel=1e-4
    )


def test_scores_follow_the_weights(held_out, documents, toy_bundle) -> None:
    model = Bundle(toy_bundle).load_model()
    now = HeldOut(held_out.task, model).scorer(documents)
    before = now()
    assert now() == before
    model.classifier.bias.assign_add([50.0] + [0.0] * (model.num_tags - 1))
    assert now()["dev_f1"] == 0.0
    assert now()["dev_loss"] > before["dev_loss"]


def test_documents_without_pieces_have_a_loss_of_zero(held_out) -> None:
    empty = [Document("1", ""), Document("2", " ")]
    assert held_out.scorer(empty)() == {"dev_loss": 0.0, "dev_f1": 0.0}


def test_entities_off_the_word_borders_count_as_missed(held_out) -> None:
    document = Document("1", "anna lives", (Entity(0, 2, "PER"),))
    assert held_out.report([document])["recall"] == 0.0


def test_nothing_to_score_gives_nothing(held_out) -> None:
    assert held_out.report([]) is None


def test_mistakes_are_told_as_columns(held_out, documents) -> None:
    wrong = [replace(d, entities=(Entity(0, 1, "PER"),)) for d in documents]
    said: list[str] = []
    held_out.scorer(wrong, show=2, say=said.append)()
    ids = [line for line in said if line.startswith("# ")]
    assert ids == [f"# {document.id}" for document in wrong[:2]]
    first = wrong[0].text.split()[0]
    assert said[1].startswith(f"{first}\tPER\t")
