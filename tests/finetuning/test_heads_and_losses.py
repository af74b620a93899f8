"""Whole runs with a CRF, with other losses, and with context."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tfner.config.train import TrainConfig
from tfner.corpus import read_corpus
from tfner.errors import ConfigError
from tfner.evaluation import score
from tfner.finetuning.train import run_trials, train
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.schemes import SCHEMES, invalid_positions


@pytest.fixture(scope="module")
def crf_bundle(
    tmp_path_factory: pytest.TempPathFactory, toy_settings: dict[str, Any]
) -> Bundle:
    output = tmp_path_factory.mktemp("crf") / "model"
    settings = {"head": "crf", "epochs": 6, "jit_compile": False}
    return train(TrainConfig(**toy_settings | settings, output=str(output)))


def test_a_crf_is_learnt_saved_and_found_again(
    crf_bundle: Bundle, toy_corpus: Path
) -> None:
    predictor = Predictor.load(crf_bundle.directory, verify=True)
    gold = list(read_corpus(str(toy_corpus / "test.conll")))
    found = predictor.predict(gold)
    assert score(gold, found, resamples=0).f1 > 0.9
    for document in found:
        assert invalid_positions(document.tags or (), SCHEMES["IOB2"]) == []
        for entity in document.entities:
            assert entity.score is not None
            assert 0 < entity.score <= 1


def test_the_dev_loss_of_a_crf_is_that_of_its_probabilities(crf_bundle: Bundle) -> None:
    history = crf_bundle.metrics["history"]
    losses = [line["dev_loss"] for line in history]
    assert 0 < losses[-1] < losses[0]
    assert all(0 <= line["accuracy"] <= 1 for line in history)


def test_head_decoder_and_context_travel_with_the_model(crf_bundle: Bundle) -> None:
    settings = json.loads((crf_bundle.directory / "config.json").read_text())["task"]
    assert (settings["head"], settings["decode"]) == ("crf", "viterbi")
    assert settings["context"] == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label_pieces": "all"}, "contradict each other"),
        ({"label_smoothing": 0.1}, "loss of its own"),
    ],
)
def test_a_crf_refuses_what_it_cannot_do_and_leaves_nothing(
    config: Any, settings: dict[str, Any], message: str
) -> None:
    wanted = config(head="crf", **settings)
    with pytest.raises(ConfigError, match=message):
        train(wanted)
    assert list(Path(wanted.saving.output).parent.iterdir()) == []


@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
def test_every_pooling_learns_and_is_found_again(
    pool: str, config: Any, toy_corpus: Path
) -> None:
    bundle = train(config(pool=pool, epochs=8))
    assert bundle.config["task"]["pool"] == pool
    gold = list(read_corpus(str(toy_corpus / "test.conll")))
    predictor = Predictor.load(bundle.directory, verify=True)
    assert score(gold, predictor.predict(gold), resamples=0).f1 > 0.6


def test_pooled_pieces_are_no_targets_of_their_own(config: Any) -> None:
    with pytest.raises(ConfigError, match="`pool` mean and `label_pieces` all contra"):
        train(config(pool="mean", label_pieces="all"))


def test_other_losses_train(config: Any) -> None:
    settings = {"loss": "focal", "class_weights": "balanced", "decode": "viterbi"}
    bundle = train(config(**settings, epochs=1))
    assert bundle.metrics["history"][0]["loss"] > 0
    assert bundle.config["task"]["decode"] == "viterbi"


def test_context_is_the_same_in_training_evaluation_and_prediction(
    config: Any, toy_corpus: Path, heed: Any
) -> None:
    said: list[str] = []
    with heed(said.append):
        report = run_trials(config(context=1, epochs=1))
    told = [line for line in said if "does not say where a document ends" in line]
    assert len(told) == 1
    predictor = Predictor.load(report["bundle"], verify=True)
    dev = list(read_corpus(str(toy_corpus / "dev.conll")))
    found = predictor.predict(dev)
    assert score(dev, found).f1 == pytest.approx(report["dev"]["f1"])
    assert [d.metadata.keys() for d in found] == [
        {**d.metadata, "scheme": ""}.keys() for d in dev
    ]
