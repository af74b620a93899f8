"""Span extraction from a corpus to a served model, on nested entities of toy names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.config.train import TrainConfig
from tfner.corpus import read_corpus, write_corpus
from tfner.document import Document, Entity
from tfner.errors import CheckpointError, ConfigError, TrainingError
from tfner.evaluation import score
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.training.optimizers import AdamW, adamw

from .conftest import Stop, stop_at

NAMES = {
    "PER": ("anna", "bert", "carla", "dmitri", "emma", "farid"),
    "LOC": ("paris", "rome", "oslo", "lima", "cairo", "quito"),
    "ORG": ("acme", "globex", "initech", "umbrella", "hooli", "stark"),
}
"""All in the vocabulary of the tiny encoder."""
QUERIES = {"PER": "anna bert carla", "LOC": "paris rome", "ORG": "acme"}


def nested(number: int) -> Document:
    """`ORG corp in LOC` is an organization, the place inside it a location."""
    person, place, company = (names[number % 6] for names in NAMES.values())
    place = NAMES["LOC"][number // 6 % 6]
    text = f"we hired {person} for {company} Corp in {place} today"
    at = {name: text.index(name) for name in (person, place, company)}
    last = at[place] + len(place)
    entities = (
        Entity(at[person], at[person] + len(person), "PER"),
        Entity(at[place], last, "LOC"),
        Entity(at[company], last, "ORG"),
    )
    return Document(f"n{number}", text, entities)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nested") / "train.json"
    documents = [nested(number) for number in range(24)]
    write_corpus(documents, path, format="mrc", queries=QUERIES)
    return path


@pytest.fixture(scope="module")
def span_settings(corpus: Path, encoder_directory: Path) -> dict[str, Any]:
    return {
        "task": "span",
        "train": str(corpus),
        "dev_fraction": 0.0,
        "encoder": str(encoder_directory),
        "max_length": 32,
        "epochs": 12,
        "batch_size": 12,
        "learning_rate": 1e-2,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "jit_compile": False,
    }


@pytest.fixture(scope="module")
def bundle(
    tmp_path_factory: pytest.TempPathFactory, span_settings: dict[str, Any]
) -> Bundle:
    from tfner.finetuning.train import train

    output = tmp_path_factory.mktemp("span") / "model"
    return train(TrainConfig(**span_settings, output=str(output)))


def test_a_nested_corpus_is_learnt_by_heart(bundle: Bundle, corpus: Path) -> None:
    gold = list(read_corpus(corpus))
    found = Predictor.load(bundle.directory, verify=True).predict(gold)
    result = score(gold, found)
    assert result.f1 == 1.0
    assert result.support == 72
    assert all(0.5 < (e.score or 0) <= 1 for d in found for e in d.entities)


def test_a_run_is_not_resumed_with_other_queries(
    span_settings: dict[str, Any], tmp_path: Path, heed: Any
) -> None:
    from tfner.finetuning.train import train

    queries = tmp_path / "queries.json"
    queries.write_text(json.dumps(QUERIES), "utf-8")
    settings = TrainConfig(
        **span_settings, output=str(tmp_path / "model"), queries=str(queries)
    )
    with pytest.raises(Stop), heed(stop_at("epoch 1/")):
        train(settings)
    queries.write_text(json.dumps(QUERIES | {"LOC": "lima"}), "utf-8")
    with pytest.raises(TrainingError, match="query of LOC was 'paris rome', is 'lima'"):
        train(settings.replace(resume=True))


def test_the_bundle_keeps_the_queries_of_the_corpus(bundle: Bundle) -> None:
    task = bundle.task.settings()
    assert task["name"] == "span"
    assert task["queries"] == {label: QUERIES[label] for label in ("LOC", "ORG", "PER")}


@pytest.fixture(scope="module")
def exported(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from tfner_export import export_saved_model

    folder = tmp_path_factory.mktemp("exported")
    return export_saved_model(bundle, folder, task_name="nested", max_length=48)


@pytest.mark.slow
def test_the_export_has_the_documented_signatures(exported: Any) -> None:
    import tensorflow as tf

    others = {"serving_dynamic", "serving_fixed"}
    assert {*exported.signatures} == {"serving_default", "spans"} | others
    assert exported.max_abs_difference < 1e-5
    loaded = tf.saved_model.load(str(exported.saved_model))
    shapes = {}
    for name in ("serving_default", "spans"):
        run = loaded.signatures[name]
        inputs = run.structured_input_signature[1]
        assert {key: (s.dtype, s.shape.as_list()) for key, s in inputs.items()} == {
            key: (tf.int32, [None, 48])
            for key in ("input_ids", "input_mask", "segment_ids")
        }
        shapes[name] = {
            key: (spec.dtype, spec.shape.rank)
            for key, spec in run.structured_outputs.items()
        }
    assert shapes == {
        "serving_default": {
            "start_probs": (tf.float32, 2),
            "end_probs": (tf.float32, 2),
        },
        "spans": {
            "rows": (tf.int32, 1),
            "starts": (tf.int32, 1),
            "ends": (tf.int32, 1),
            "scores": (tf.float32, 1),
        },
    }
    queries = json.loads((exported.saved_model / "assets" / "queries.json").read_text())
    assert queries == QUERIES


@pytest.mark.slow
@pytest.mark.parametrize("rows", [0, 2])
def test_an_export_answers_rows_without_pieces(exported: Any, rows: int) -> None:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(exported.saved_model))
    empty = tf.zeros((rows, 48), tf.int32)
    inputs = dict.fromkeys(("input_ids", "input_mask", "segment_ids"), empty)
    found = loaded.signatures["spans"](**inputs)
    assert {name: values.shape.as_list() for name, values in found.items()} == {
        name: [0] for name in ("rows", "starts", "ends", "scores")
    }


@pytest.mark.slow
def test_the_export_predicts_what_the_bundle_does(
    bundle: Bundle, exported: Any
) -> None:
    documents = [nested(number) for number in range(20, 30)]
    documents.append(Document("long", " and ".join(d.text for d in documents)))
    ours = Predictor.load(bundle.directory).predict(documents)
    theirs = Predictor.load(exported.saved_model, verify=True).predict(documents)
    assert sum(len(document.entities) for document in ours) > 30
    for one, other in zip(ours, theirs, strict=True):
        assert one.entities == other.entities
        scores = [[e.score for e in d.entities] for d in (one, other)]
        np.testing.assert_allclose(*scores, atol=1e-5)


def test_formats_of_taggers_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    from tfner_export.publish import export

    for format in ("huggingface", "google"):
        with pytest.raises(CheckpointError, match="is a model of task span"):
            export(bundle, tmp_path / "out", format=format)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": "crf"}, "`head`: settings of --task token alone"),
        ({"task": "token", "negative_rate": 0.5}, "settings of --task span alone"),
        ({"max_length": 5}, "must leave room for the text"),
        ({"queries": "missing.json"}, "has no query for PER"),
    ],
)
def test_settings_that_contradict_the_task_are_refused(
    span_settings: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    message: str,
) -> None:
    from tfner.finetuning.train import train

    monkeypatch.chdir(tmp_path)
    Path("missing.json").write_text('{"LOC": "place", "ORG": "company"}', "utf-8")
    given = {**span_settings, **change, "output": str(tmp_path / "model")}
    with pytest.raises(ConfigError, match=message):
        train(TrainConfig(**given))
    assert not (tmp_path / "model").exists()


def test_the_preset_gives_the_published_settings() -> None:
    from tfner.config.train import read_settings

    found = TrainConfig(
        **read_settings(
            None, [], {"preset": "mrc", "train": "t", "encoder": "e", "output": "o"}
        )
    )
    published = {
        "task": "span",
        "epochs": 20,
        "batch_size": 16,
        "max_length": 128,
        "learning_rate": 3e-5,
        "weight_decay": 0.01,
        "adam_beta2": 0.98,
        "dropout": 0.3,
        "span_weight": 0.1,
        "span_loss": "bce",
        "cycle_momentum": True,
    }
    assert found.to_json() | published == found.to_json()


@pytest.mark.torch
@pytest.mark.slow
def test_rate_and_momentum_are_those_of_the_one_cycle_schedule() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")

    steps, peak = 40, 0.05
    start = np.linspace(-1, 1, 7).astype("float32")
    gradients = np.random.default_rng(0).normal(size=(steps, 7)).astype("float32")
    theirs = torch.tensor(start.copy(), requires_grad=True)
    optimizer = torch.optim.AdamW([theirs], lr=peak, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak, pct_start=0.0, total_steps=steps, anneal_strategy="linear"
    )
    ours, own = keras.Variable(start, name="kernel"), one_cycle(peak, steps)
    own.build([ours])
    for gradient in gradients[:-1]:
        (group,) = optimizer.param_groups
        rate = float(own.learning_rate)
        momentum = 0.95 - 0.1 * rate / peak
        # PyTorch's schedule is one step ahead.
        assert abs(rate - group["lr"]) < 1.1 * peak / steps
        assert abs(momentum - group["betas"][0]) < 1.1 * 0.1 / steps
        group["lr"], group["betas"] = rate, (momentum, 0.98)
        theirs.grad = torch.from_numpy(gradient)
        optimizer.step()
        schedule.step()
        own.apply([keras.ops.convert_to_tensor(gradient)], [ours])
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), atol=1e-5)
    assert own.beta_1 == 0.9


def one_cycle(peak: float, steps: int) -> AdamW:
    return adamw(
        learning_rate=peak,
        steps=steps,
        warmup_steps=0,
        weight_decay=0.0,
        beta_2=0.98,
        cycle_momentum=True,
    )
