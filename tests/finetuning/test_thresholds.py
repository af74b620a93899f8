"""Thresholds are chosen on dev by F1, only if they are better, and kept."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.config.train import TrainConfig
from tfner.corpus import write_corpus
from tfner.document import Document, Entity
from tfner.errors import ConfigError
from tfner.evaluation import score
from tfner.finetuning.evaluator import Evaluator
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.models.encoders.bert import Encoder
from tfner.schemes import LabelSet
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tasks.thresholds import THRESHOLDS, rebuilt
from tfner.tokenization import load_tokenizer

TEXTS = [f"anna met bert in {place}" for place in ("paris", "rome", "oslo", "lima")]


@pytest.fixture
def span_model(encoder_directory: Path) -> tuple[SpanExtraction, Any]:
    """A model of random weights that answers often, and for sure of little."""
    keras.utils.set_random_seed(0)
    tokenizer = load_tokenizer(encoder_directory)
    span_task = SpanExtraction(tokenizer, LabelSet(["LOC", "PER"]), max_length=24)
    encoder = Encoder(
        vocab_size=tokenizer.vocab_size,
        hidden_size=32,
        num_layers=2,
        num_heads=2,
        intermediate_size=64,
        max_positions=64,
        initializer_range=0.3,
    )
    model = span_task.build(encoder)
    model.build()
    random = np.random.default_rng(1)
    model.borders.kernel.assign(random.normal(size=model.borders.kernel.shape))
    for weight in model.pairs.weights[:5]:
        weight.assign(random.normal(size=weight.shape) / 8)
    model.borders.bias.assign([-4.5, 5.0])  # to the middle of what random weights give
    model.pairs.output_bias.assign(2.0)
    return span_task, model


def predicted(task: SpanExtraction, model: Any) -> list[Document]:
    return Predictor(task, KerasRunner(model)).predict(TEXTS)


def made(
    pair: tuple[SpanExtraction, Any], threshold: float, **more: Any
) -> tuple[SpanExtraction, Any]:
    """Task and model with the same weights and other thresholds."""
    task, model = pair
    given = task.settings() | dict.fromkeys(THRESHOLDS, threshold) | more
    del given["name"]
    again = SpanExtraction(task.tokenizer, task.label_set, **given)
    return again, rebuilt(again, model)


@pytest.mark.slow
def test_the_chosen_thresholds_reach_the_f1_that_is_told(
    span_model: tuple[SpanExtraction, Any],
) -> None:
    gold = predicted(*made(span_model, 0.7))  # what the model is surest of
    assert sum(len(document.entities) for document in gold) > 2
    task, model = made(span_model, 0.2, tune_thresholds=True)
    before = score(gold, predicted(task, model), resamples=0).f1
    tuned, its_model, chosen = task.fit_on_dev(model, Evaluator.encode(task, gold))
    after = score(gold, predicted(tuned, its_model), resamples=0).f1
    thresholds = chosen["thresholds"]
    assert thresholds["f1"] == after > before
    for name in THRESHOLDS:
        assert tuned.settings()[name] == getattr(its_model, name) == thresholds[name]


def test_what_is_trained_is_not_changed_by_choosing(
    span_model: tuple[SpanExtraction, Any],
) -> None:
    task, model = made(span_model, 0.2, tune_thresholds=True)
    gold = predicted(*made(span_model, 0.7))
    before = task.settings(), model.get_config(), model.get_weights()
    task.fit_on_dev(model, Evaluator.encode(task, gold))
    assert (task.settings(), model.get_config()) == before[:2]
    for one, other in zip(model.get_weights(), before[2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_thresholds_stay_where_nothing_is_better(
    span_model: tuple[SpanExtraction, Any],
) -> None:
    task, model = made(span_model, 0.5, tune_thresholds=True)
    gold = [Document("1", "anna", (Entity(1, 2, "LOC"),))]  # no word: never found
    tuned, its_model, chosen = task.fit_on_dev(model, Evaluator.encode(task, gold))
    assert chosen == {"thresholds": {**dict.fromkeys(THRESHOLDS, 0.5), "f1": 0.0}}
    assert tuned.settings() == task.settings()
    assert [getattr(its_model, name) for name in THRESHOLDS] == [0.5] * 3


def test_nothing_is_chosen_unasked(span_model: tuple[SpanExtraction, Any]) -> None:
    task, model = span_model
    assert task.fit_on_dev(model, Evaluator.encode(task, [])) == (task, model, {})


def sentence(number: int) -> Document:
    """Of five sentences three name a place, one of these a person, too."""
    place = ("paris", "rome", "oslo", "lima")[number // 5 % 4]
    if number % 5 > 2:
        return Document(f"s{number}", "we met today in the old house")
    if number % 5:
        found = (Entity(3, 3 + len(place), "LOC"),)
        return Document(f"s{number}", f"in {place}", found)
    entities = (Entity(0, 4, "PER"), Entity(8, 8 + len(place), "LOC"))
    return Document(f"s{number}", f"anna in {place}", entities)


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, encoder_directory: Path
) -> Bundle:
    """A model whose thresholds were set on dev, with every epoch kept."""
    from tfner.finetuning.train import train

    folder = tmp_path_factory.mktemp("thresholds")
    documents = [sentence(number) for number in range(100)]
    write_corpus(documents, folder / "train.jsonl")
    write_corpus(documents[:40], folder / "dev.jsonl")
    config = TrainConfig(
        task="span",
        train=str(folder / "train.jsonl"),
        encoder=str(encoder_directory),
        output=str(folder / "model"),
        dev=str(folder / "dev.jsonl"),
        epochs=3,
        batch_size=8,
        learning_rate=1e-2,
        max_length=32,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        jit_compile=False,
        tune_thresholds=True,
        keep_epochs=True,
    )
    return train(config)


@pytest.mark.slow
def test_a_model_carries_its_thresholds(finished: Bundle) -> None:
    metrics, task = finished.metrics, Bundle.load(finished.directory).task
    chosen = metrics["thresholds"]
    assert task.settings()["span_threshold"] == chosen["span_threshold"]
    assert metrics["dev"]["f1"] == pytest.approx(chosen["f1"])


@pytest.mark.slow
def test_every_epoch_is_a_model(finished: Bundle) -> None:
    history = finished.metrics["history"]
    dev = {line["epoch"]: line["dev_f1"] for line in history}
    assert len(dev) == 3
    weights = {}
    for epoch in dev:
        kept = Bundle.load(finished.directory / "epochs" / str(epoch))
        assert [line["epoch"] for line in kept.metrics["history"]][-1] == epoch
        Predictor.load(kept.directory, verify=True)
        weights[epoch] = kept.load_model().get_weights()
    best = finished.load_model().get_weights()
    for one, other in zip(best, weights[finished.metrics["best_epoch"]], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_prefilter_of_earlier_versions_is_passed_over(
    finished: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished.directory, copy)
    (copy / "prefilter.npz").write_bytes(b"PK")
    with caplog.at_level(logging.WARNING, "tfner"):
        predictor = Predictor.load(copy, verify=True)
    assert len(predictor.task.encode(sentence(3)).windows) == 2
    assert "prefilter.npz is not read any more" in caplog.text


def test_what_is_set_on_dev_needs_a_dev(
    tmp_path: Path, encoder_directory: Path
) -> None:
    from tfner.finetuning.train import train

    write_corpus([sentence(0), sentence(2)], tmp_path / "train.jsonl")
    config = TrainConfig(
        task="span",
        train=str(tmp_path / "train.jsonl"),
        encoder=str(encoder_directory),
        output=str(tmp_path / "model"),
        dev_fraction=0.0,
        max_length=32,
        tune_thresholds=True,
    )
    with pytest.raises(ConfigError, match="needs a dev corpus"):
        train(config)
    dev = str(tmp_path / "dev.jsonl")
    write_corpus([sentence(3), sentence(4)], dev)
    with pytest.raises(ConfigError, match="2 documents without one"):
        train(config.replace(dev=dev))
