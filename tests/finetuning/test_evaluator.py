"""Scores during training are those that users get afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tfner.corpus import read_corpus
from tfner.document import Document, Entity, Word
from tfner.evaluation import score
from tfner.finetuning.evaluator import Evaluator
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner


@pytest.fixture(scope="module")
def predictor(toy_bundle) -> Predictor:
    bundle = Bundle.load(toy_bundle)
    return Predictor(bundle.task, KerasRunner(bundle.load_model()))


@pytest.fixture(scope="module")
def documents(toy_corpus) -> list[Document]:
    return list(read_corpus(toy_corpus / "dev.conll"))


def test_the_f1_is_that_of_the_predictor(predictor, documents, toy_bundle) -> None:
    found = Predictor.load(toy_bundle).predict(documents)
    evaluator = Evaluator.encode(predictor.task, documents)
    scores = evaluator.scores(predictor.run)
    assert scores["dev_f1"] == score(documents, found).f1
    assert evaluator.evaluate(predictor.run).score.f1 == scores["dev_f1"]


def test_the_loss_is_the_mean_over_words(predictor, documents) -> None:
    task = predictor.task
    ids = task.label_set.tags.index
    losses = []
    for document in documents:
        (window,) = task.encode(document).windows
        length = len(window)
        features = {n: np.array([v]) for n, v in window.features.items()}
        features["attention_mask"] = np.ones((1, length), np.int32)
        probs = predictor.run(features)["probs"][0]
        losses += [
            -np.log(p[ids(t)]) for p, t in zip(probs, document.tags, strict=True)
        ]
    scores = Evaluator.encode(task, documents).scores(predictor.run)
    assert scores["dev_loss"] == pytest.approx(np.mean(losses), rel=1e-4)


def test_scores_follow_the_weights(predictor, documents, toy_bundle) -> None:
    model = Bundle.load(toy_bundle).load_model()
    evaluator, run = Evaluator.encode(predictor.task, documents), KerasRunner(model)
    before = evaluator.scores(run)
    assert evaluator.scores(run) == before
    model.classifier.bias.assign_add([50.0] + [0.0] * (model.num_tags - 1))
    after = evaluator.scores(run)
    assert after["dev_f1"] == 0.0
    assert after["dev_loss"] > before["dev_loss"]


def test_documents_without_pieces_have_a_loss_of_zero(predictor) -> None:
    empty = Evaluator.encode(predictor.task, [Document("1", ""), Document("2", " ")])
    assert empty.scores(predictor.run) == {"dev_loss": 0.0, "dev_f1": 0.0}


def test_entities_off_the_boundaries_of_words_count_as_missed(predictor) -> None:
    document = Document("1", "anna lives", (Entity(0, 2, "PER"),))
    evaluator = Evaluator.encode(predictor.task, [document])
    assert evaluator.evaluate(predictor.run).score.recall == 0.0


def test_a_report_counts_what_encoding_lost(predictor) -> None:
    document = Document("1", "anna \u200b", words=(Word(0, 4), Word(5, 6)))
    evaluator = Evaluator.encode(predictor.task, [document])
    for _ in range(2):  # however often it is asked for
        coverage = evaluator.evaluate(predictor.run).score.coverage
        assert coverage["words_without_pieces"] == 1


def test_nothing_to_score_gives_nothing(predictor) -> None:
    assert Evaluator.encode(predictor.task, []).evaluate(predictor.run) is None


def test_mistakes_are_told_as_columns(predictor, documents, caplog) -> None:
    wrong = [replace(d, entities=(Entity(0, 1, "PER"),)) for d in documents]
    with caplog.at_level("INFO", "tfner"):
        Evaluator.encode(predictor.task, wrong).scores(predictor.run, show=2)
    said = caplog.messages
    ids = [line for line in said if line.startswith("# ")]
    assert ids == [f"# {document.id}" for document in wrong[:2]]
    first = wrong[0].text.split()[0]
    assert said[1].startswith(f"{first}\tPER\t")
