"""Thresholds are chosen by F1, and only if they are better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.document import Document, Entity
from tfner.evaluation import score
from tfner.finetuning.thresholds import tune_thresholds
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.models.encoders.bert import Encoder
from tfner.schemes import LabelSet
from tfner.tasks.span_extraction import THRESHOLDS, SpanExtraction
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


@pytest.mark.slow
def test_the_chosen_thresholds_reach_the_f1_that_is_told(
    span_model: tuple[SpanExtraction, Any],
) -> None:
    task, model = span_model
    for name in THRESHOLDS:  # gold is what the model is surest of
        setattr(task, name, 0.7)
        setattr(model, name, 0.7)
    gold = predicted(task, model)
    assert sum(len(document.entities) for document in gold) > 2
    for name in THRESHOLDS:
        setattr(task, name, 0.2)
        setattr(model, name, 0.2)
    before = score(gold, predicted(task, model), resamples=0).f1
    chosen = tune_thresholds(task, model, gold)
    after = score(gold, predicted(task, model), resamples=0).f1
    assert chosen["f1"] == after > before
    assert [task.settings()[name] for name in THRESHOLDS] == [
        chosen[name] for name in THRESHOLDS
    ]


def test_thresholds_stay_where_nothing_is_better(
    span_model: tuple[SpanExtraction, Any],
) -> None:
    task, model = span_model
    gold = [Document("1", "anna", (Entity(1, 2, "LOC"),))]  # no word: never found
    chosen = tune_thresholds(task, model, gold)
    assert chosen == {**dict.fromkeys(THRESHOLDS, 0.5), "f1": 0.0}
    assert [getattr(model, name) for name in THRESHOLDS] == [0.5] * 3
