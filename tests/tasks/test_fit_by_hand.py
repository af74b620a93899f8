"""The way of those who call `compile` and `fit` themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from tfner.corpus import read_corpus
from tfner.data.packing import make_batch_plan
from tfner.data.pipeline import WindowTable, window_batches
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.models.encoders.bert import Encoder
from tfner.models.heads.losses import MaskedAccuracy, masked_crossentropy
from tfner.tasks.token_classification import TokenClassification

EPOCHS = 4
LABELS = ("PER", "LOC", "ORG")


@pytest.fixture(scope="module")
def task(make_task: Callable[..., TokenClassification]) -> TokenClassification:
    return make_task(LABELS, max_length=32)


@pytest.fixture(scope="module")
def fitted(task: TokenClassification, toy_corpus: Path) -> tuple[Any, dict[str, Any]]:
    """A model fitted as the documentation shows, and its history."""
    windows = [
        window
        for document in read_corpus(toy_corpus / "train.conll")
        for window in task.encode(document, with_targets=True).windows
    ]
    table = WindowTable(windows, pad_id=task.tokenizer.pad_id)
    plan = make_batch_plan(
        table.lengths,
        layout="packed",
        batch_size=16,
        seed=0,
        epochs=EPOCHS,
        max_length=task.max_length,
    )
    keras.utils.set_random_seed(0)
    encoder = Encoder(
        vocab_size=task.tokenizer.vocab_size,
        hidden_size=32,
        num_layers=1,
        num_heads=2,
        intermediate_size=64,
        max_positions=32,
    )
    model = task.build(encoder, dropout=0.1)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-2),
        loss=masked_crossentropy,
        metrics=[MaskedAccuracy()],
    )
    history = model.fit(
        window_batches(table, plan),
        epochs=EPOCHS,
        steps_per_epoch=plan.steps_per_epoch,
        shuffle=False,  # the plan has done it
        verbose=0,
    )
    return model, history.history


def test_loss_falls_and_accuracy_rises(fitted: tuple[Any, dict[str, Any]]) -> None:
    _, history = fitted
    assert len(history["loss"]) == EPOCHS
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert 0 <= history["accuracy"][0] < history["accuracy"][-1] <= 1
    assert history["accuracy"][-1] > 0.8


def test_the_fitted_model_predicts(
    fitted: tuple[Any, dict[str, Any]], task: TokenClassification
) -> None:
    model, _ = fitted
    (found,) = Predictor(task, KerasRunner(model)).predict(
        ["we flew from rome to oslo"]
    )
    surfaces = [found.surface(entity) for entity in found.entities]
    assert surfaces == ["rome", "oslo"]
    assert {entity.label for entity in found.entities} == {"LOC"}
