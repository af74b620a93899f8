"""The prefilter keeps what it is asked to keep, and says what it costs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.document import Document, Entity
from tfner.errors import BundleError, ConfigError
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.schemes import LabelSet
from tfner.tasks.prefilter import PREFILTER, Prefilter
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tokenization import load_tokenizer

PLACES = ("paris", "rome", "oslo", "lima")
PEOPLE = ("anna", "bert", "carla", "emma")


def sentence(number: int) -> Document:
    """Of five sentences one names a person and a place, two a place, two nobody."""
    place, person = PLACES[number // 5 % 4], PEOPLE[number // 20 % 4]
    if number % 5 > 2:
        return Document(f"s{number}", "we met today in the old house")
    if number % 5:
        found = (Entity(3, 3 + len(place), "LOC"),)
        return Document(f"s{number}", f"in {place}", found)
    text = f"{person} in {place}"
    entities = (
        Entity(0, len(person), "PER"),
        Entity(len(text) - len(place), len(text), "LOC"),
    )
    return Document(f"s{number}", text, entities)


@pytest.fixture
def span_task(encoder_directory: Path) -> SpanExtraction:
    tokenizer = load_tokenizer(encoder_directory)
    return SpanExtraction(tokenizer, LabelSet(["LOC", "PER"]), max_length=24)


def fitted(span_task: SpanExtraction, share: float) -> Prefilter:
    from tfner.finetuning.prefilter import fit_prefilter

    train = [sentence(number) for number in range(100)]
    windows = [w for d in train for w in span_task.encode(d, with_targets=True)]
    return fit_prefilter(span_task, windows, train[:60], share=share)


def test_questions_about_what_is_not_there_are_left_out(
    span_task: SpanExtraction,
) -> None:
    documents = [sentence(number) for number in range(60)]
    span_task.prefilter = fitted(span_task, 1.0)
    for document in documents:
        asked = {window.label for window in span_task.encode(document)}
        assert asked == {entity.label for entity in document.entities}


def test_training_asks_everything(span_task: SpanExtraction) -> None:
    span_task.prefilter = fitted(span_task, 1.0)
    windows = span_task.encode(sentence(3), with_targets=True)
    assert [window.label for window in windows] == ["LOC", "PER"]


def test_a_smaller_share_keeps_fewer_questions(span_task: SpanExtraction) -> None:
    documents = [sentence(number) for number in range(60)]
    kept = []
    for share in (1.0, 0.4):
        span_task.prefilter = fitted(span_task, share)
        kept.append(sum(len(span_task.encode(d)) for d in documents))
    assert kept[1] < kept[0]


def test_a_label_without_held_out_entities_is_always_asked_for(
    span_task: SpanExtraction,
) -> None:
    from tfner.finetuning.prefilter import fit_prefilter

    windows = span_task.encode(sentence(0), with_targets=True)
    found = fit_prefilter(span_task, windows, [sentence(2)], share=1.0)
    assert found.asks("PER", np.array([1], np.int32))


def test_thresholds_see_the_windows_of_prediction(span_task: SpanExtraction) -> None:
    """Whose words do not know where entities end."""
    from tfner.finetuning.prefilter import set_thresholds

    span_task.prefilter = fitted(span_task, 1.0)
    document = Document("d", "annaparis", (Entity(0, 4, "PER"), Entity(4, 9, "LOC")))
    span_task.prefilter = set_thresholds(
        span_task.prefilter, span_task, [document], share=1.0
    )
    assert {window.label for window in span_task.encode(document)} == {"LOC", "PER"}


def test_a_document_without_a_question_is_decoded(span_task: SpanExtraction) -> None:
    span_task.prefilter = Prefilter(
        ("LOC", "PER"),
        np.zeros((span_task.tokenizer.vocab_size, 2), np.float32),
        np.full(2, -1, np.float32),
    )
    document = sentence(0)
    assert span_task.encode(document) == []
    found = span_task.decode(document, [], [])
    assert found.entities == ()
    assert found.words


def test_it_is_what_was_saved(span_task: SpanExtraction, tmp_path: Path) -> None:
    written = fitted(span_task, 1.0)
    written.save(tmp_path / PREFILTER)
    read = Prefilter.load(tmp_path / PREFILTER)
    assert read.labels == written.labels
    np.testing.assert_array_equal(read.weights, written.weights)
    np.testing.assert_array_equal(read.bias, written.bias)


@pytest.mark.parametrize(
    "other", [{"labels": ("LOC", "ORG")}, {"weights": np.zeros((9, 2), np.float32)}]
)
def test_one_of_another_model_is_refused(
    span_task: SpanExtraction, other: dict[str, Any]
) -> None:
    stranger = replace(fitted(span_task, 1.0), **other)
    with pytest.raises(ConfigError, match="of other labels, or another tokenizer"):
        SpanExtraction(
            span_task.tokenizer, span_task.label_set, max_length=24, prefilter=stranger
        )


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2 labels, weights \(9, 3\)"):
        Prefilter(("A", "B"), np.zeros((9, 3), np.float32), np.zeros(2, np.float32))


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, encoder_directory: Path
) -> tuple[Bundle, list[Document]]:
    """A model with everything that is set on dev, and every epoch kept."""
    from tfner.config.train import TrainConfig
    from tfner.corpus import write_corpus
    from tfner.finetuning.train import train

    folder = tmp_path_factory.mktemp("prefilter")
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
        prefilter=1.0,
        tune_thresholds=True,
        keep_epochs=True,
    )
    return train(config), documents


@pytest.mark.slow
def test_a_model_carries_its_prefilter_and_its_thresholds(
    finished: tuple[Bundle, list[Document]],
) -> None:
    bundle, documents = finished
    metrics, task = bundle.metrics, Bundle(bundle.directory).task
    chosen = metrics["thresholds"]
    assert task.settings()["span_threshold"] == chosen["span_threshold"]
    assert metrics["dev"]["f1"] == pytest.approx(chosen["f1"])
    cost = metrics["prefilter"]
    assert cost["asked"] < 0.8
    assert cost["recall"] == pytest.approx(cost["recall_without"], abs=0.05)
    asked = sum(len(task.encode(document)) for document in documents)
    full = Predictor.load(bundle.directory, prefilter=False).task
    assert asked < sum(len(full.encode(document)) for document in documents)


@pytest.mark.slow
def test_every_epoch_is_a_model(finished: tuple[Bundle, list[Document]]) -> None:
    bundle, _ = finished
    history = bundle.metrics["history"]
    dev = {line["epoch"]: line["dev_f1"] for line in history}
    assert len(dev) == 3
    weights = {}
    for epoch in dev:
        kept = Bundle(bundle.directory / "epochs" / str(epoch))
        assert [line["epoch"] for line in kept.metrics["history"]][-1] == epoch
        Predictor.load(kept.directory, verify=True)
        weights[epoch] = kept.load_model().get_weights()
    best = bundle.load_model().get_weights()
    for one, other in zip(best, weights[bundle.metrics["best_epoch"]], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_an_export_asks_what_its_bundle_asks(
    finished: tuple[Bundle, list[Document]], tmp_path: Path
) -> None:
    from tfner_export import export_saved_model

    bundle, documents = finished
    exported = export_saved_model(
        bundle, tmp_path / "exported", max_length=48
    ).saved_model
    ours, theirs = Predictor.load(bundle.directory), Predictor.load(exported)
    for document in documents:
        asked = [[w.label for w in p.task.encode(document)] for p in (ours, theirs)]
        assert asked[0] == asked[1]


@pytest.mark.slow
def test_a_damaged_prefilter_is_named(
    finished: tuple[Bundle, list[Document]], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished[0].directory, copy)
    (copy / PREFILTER).write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(BundleError, match=r"prefilter\.npz is damaged"):
        Predictor.load(copy)


@pytest.mark.parametrize(
    "setting", [{"prefilter": 0.99}, {"tune_thresholds": True}], ids=str
)
def test_what_is_set_on_dev_needs_a_dev(
    setting: dict[str, Any], tmp_path: Path, encoder_directory: Path
) -> None:
    from tfner.config.train import TrainConfig
    from tfner.corpus import write_corpus
    from tfner.finetuning.train import train

    write_corpus([sentence(0), sentence(2)], tmp_path / "train.jsonl")
    config = TrainConfig(
        task="span",
        train=str(tmp_path / "train.jsonl"),
        encoder=str(encoder_directory),
        output=str(tmp_path / "model"),
        dev_fraction=0.0,
        max_length=32,
        **setting,
    )
    with pytest.raises(ConfigError, match="needs a dev corpus"):
        train(config)
    dev = str(tmp_path / "dev.jsonl")
    write_corpus([sentence(3), sentence(4)], dev)
    with pytest.raises(ConfigError, match="2 documents without one"):
        train(config.replace(dev=dev))


@pytest.mark.slow
def test_a_model_without_prefilter_cannot_do_without(
    finished: tuple[Bundle, list[Document]], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(finished[0].directory / "epochs" / "1", kept)
    (kept / PREFILTER).unlink()
    with pytest.raises(ConfigError, match="has no prefilter"):
        Predictor.load(kept, prefilter=False)
