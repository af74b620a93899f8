"""Bundles come back as they were saved, or say what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.errors import BundleError
from tfner.inference.bundle import Bundle, SelfTest
from tfner.inference.native_bundle import NativeBundle
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.tasks.token_classification import TokenClassification

Save = Callable[..., Bundle]
Change = Callable[[Any], Any]

FEATURES = {
    "input_ids": np.arange(4, 24, dtype=np.int32).reshape(2, 10),
    "attention_mask": np.array([[1] * 10, [1] * 4 + [2] * 4 + [0] * 2], np.int32),
    "token_type_ids": np.zeros((2, 10), np.int32),
    "labeled_positions": np.array([[1, 2, 8], [1, 5, 0]], np.int32),
}


def edit(path: Path, change: Change) -> None:
    record = json.loads(path.read_text("utf-8"))
    record = change(record) or record
    path.write_text(json.dumps(record), "utf-8")


def load_everything(directory: Path) -> None:
    bundle = Bundle.load(directory)
    _ = bundle.task, bundle.selftest, bundle.metrics
    bundle.load_model()


def test_a_bundle_gives_the_same_logits(bundle: Bundle, model: Any) -> None:
    loaded = Bundle.load(bundle.directory).load_model()
    expected = model(FEATURES).numpy()
    assert expected.std() > 0.1
    np.testing.assert_array_equal(loaded(FEATURES).numpy(), expected)
    assert loaded.dropout_rate == model.dropout_rate


def test_a_bundle_gives_the_same_entities(bundle: Bundle, predictor: Predictor) -> None:
    loaded = Bundle.load(bundle.directory)
    again = Predictor(loaded.task, KerasRunner(loaded.load_model()))
    texts = ["bert met carla in cairo", "stark corp of quito " * 9]
    expected = predictor.predict(texts)
    assert any(document.entities for document in expected)
    assert again.predict(texts) == expected


def test_a_bundle_holds_task_labels_and_metrics(
    bundle: Bundle, task: TokenClassification
) -> None:
    loaded = Bundle.load(str(bundle.directory))
    assert loaded.task.settings() == task.settings()
    assert loaded.label_set == task.label_set
    assert loaded.metrics == {"dev": {"f1": 0.5}}
    assert loaded.config["versions"]["keras"]
    names = {path.name for path in bundle.directory.iterdir()}
    assert names == {
        "config.json",
        "digests.json",
        "labels.json",
        "metrics.json",
        "model.weights.h5",
        "selftest.json",
        "tokenizer",
    }


@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
def test_a_model_that_pools_comes_back(
    pool: str, tmp_path: Path, save: Save, task: Any, make_encoder: Any
) -> None:
    pooling = type(task)(
        task.tokenizer, task.label_set, max_length=task.max_length, pool=pool
    )
    model = pooling.build(make_encoder())
    model.build()
    random = np.random.default_rng(0)
    for weight in (*model.pooling.weights, model.classifier.kernel):
        weight.assign(random.normal(size=weight.shape))
    saved = save(tmp_path / pool, model, task=pooling)
    loaded = Bundle.load(saved.directory)
    assert loaded.task.settings() == pooling.settings()
    texts = ["bert met zorgxyzzy in cairo", "stark corp of quito " * 9, "", "zorg"]
    expected = Predictor(pooling, KerasRunner(model)).predict(texts)
    assert any(document.entities for document in expected)
    assert (
        Predictor(loaded.task, KerasRunner(loaded.load_model())).predict(texts)
        == expected
    )


def test_a_selftest_survives_its_json(predictor: Predictor) -> None:
    selftest = predictor.selftest(["anna in paris", ""])
    assert SelfTest.from_json(json.loads(json.dumps(selftest.to_json()))) == selftest


def test_a_model_that_was_compiled_comes_back(
    tmp_path: Path, save: Save, make_encoder: Any, make_model: Any
) -> None:
    model = make_model(make_encoder(num_layers=1))
    model.compile(optimizer="adam", loss="mse")
    model.optimizer.build(model.trainable_variables)
    loaded = save(tmp_path / "compiled", model).load_model()
    np.testing.assert_array_equal(loaded(FEATURES).numpy(), model(FEATURES).numpy())


def test_a_foreign_keras_encoder_comes_back(
    tmp_path: Path, save: Save, task: TokenClassification, make_model: Any
) -> None:
    import keras

    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in names}
    rows = keras.layers.Embedding(task.tokenizer.vocab_size, 16)(inputs["input_ids"])
    mask = keras.ops.cast(inputs["attention_mask"] > 0, "float32")[..., None]
    rows = keras.layers.Conv1D(16, 3, padding="same")(rows * mask)
    model = make_model(keras.Model(inputs, rows))
    saved = save(tmp_path / "foreign", model)
    loaded = saved.load_model()
    assert not loaded.packs
    np.testing.assert_array_equal(loaded(FEATURES).numpy(), model(FEATURES).numpy())
    (found,) = Predictor(saved.task, KerasRunner(loaded)).predict(["anna " * 30])
    assert found.tags is not None
    assert len(found.tags) == 30


def test_an_encoder_that_would_run_code_is_not_loaded(
    tmp_path: Path, save: Save, task: TokenClassification, make_model: Any
) -> None:
    import keras

    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in names}
    rows = keras.layers.Embedding(task.tokenizer.vocab_size, 16)(inputs["input_ids"])
    rows = keras.layers.Lambda(lambda x: x * 2)(rows)
    saved = save(tmp_path / "lambda", make_model(keras.Model(inputs, rows)))
    with pytest.raises(
        BundleError, match=r"config\.json: .*Lambda, which may run any code"
    ):
        saved.load_model()


@pytest.mark.parametrize("name", ["config.json", "labels.json", "selftest.json"])
def test_a_missing_file_is_named(copied: Path, name: str) -> None:
    (copied / name).unlink()
    message = f"copied is no tfner model: {name} is missing"
    with pytest.raises(BundleError, match=message):
        load_everything(copied)


@pytest.mark.parametrize(
    "name", ["config.json", "labels.json", "selftest.json", "metrics.json"]
)
@pytest.mark.parametrize("content", [b'{"labels": [', b"", b"\xff\xfe\x00", b"[1]"])
def test_a_file_that_is_not_what_it_should_be_is_named(
    copied: Path, name: str, content: bytes
) -> None:
    (copied / name).write_bytes(content)
    with pytest.raises(BundleError, match=rf"copied.*{name.partition('.')[0]}\.json"):
        load_everything(copied)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "config.json",
            lambda c: c.update(tfner_schema=99),
            r"schema version 99, this tfner reads 1. Use the tfner that wrote it",
        ),
        ("config.json", lambda c: c.pop("tfner_schema"), "names no schema version"),
        ("config.json", lambda c: c.pop("task"), "`task` is missing"),
        ("config.json", lambda c: c.pop("model"), "`model` is missing"),
        ("config.json", lambda c: c["task"].pop("name"), "'name' is missing in it"),
        (
            "config.json",
            lambda c: c["task"].update(name="tokens"),
            "unknown task 'tokens'; did you mean 'token'",
        ),
        ("config.json", lambda c: c["task"].update(colour="red"), "colour"),
        (
            "config.json",
            lambda c: c["task"].update(overlap=-1),
            "`overlap` must be an integer",
        ),
        (
            "config.json",
            lambda c: c["model"]["encoder"]["config"].update(num_heads=5),
            "num_heads=5",
        ),
        (
            "labels.json",
            lambda c: c.update(tags=["O", "I-PER", "B-PER", "B-LOC", "I-LOC"]),
            r"labels\.json was changed",
        ),
        ("labels.json", lambda c: c.pop("tags"), r"`tags` is missing"),
        ("selftest.json", lambda c: c[0].pop("text"), r"`\[0\]\.text` is missing"),
        (
            "selftest.json",
            lambda c: c[0].update(entities=[{}]),
            r"`\[0\]\.entities\[0\]\.start` is missing",
        ),
    ],
)
def test_a_change_that_cannot_be_right_is_refused(
    copied: Path, name: str, change: Change, message: str
) -> None:
    edit(copied / name, lambda record: change(record) and None)
    with pytest.raises(BundleError, match=message) as caught:
        load_everything(copied)
    assert name in str(caught.value) or "copied" in str(caught.value)


def test_missing_weights_are_said(copied: Path) -> None:
    (copied / "model.weights.h5").unlink()
    with pytest.raises(BundleError, match=r"copied holds no model\.weights\.h5"):
        load_everything(copied)


@pytest.mark.parametrize("kept", [0, 100, 5000, -1000])
def test_truncated_weights_are_refused(copied: Path, kept: int) -> None:
    path = copied / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BundleError, match=r"model\.weights\.h5 is damaged"):
        load_everything(copied)


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": 48},
        {"num_layers": 1},
        {"num_layers": 3},
        {"max_positions": 32},
        {"type_vocab_size": 0},
        {"embedding_size": 16},
    ],
    ids=str,
)
def test_weights_of_another_shape_are_refused(
    copied: Path, settings: dict[str, int]
) -> None:
    config = copied / "config.json"
    edit(config, lambda c: c["model"]["encoder"]["config"].update(settings))
    with pytest.raises(BundleError, match=r"model\.weights\.h5 is damaged or not of"):
        load_everything(copied)


def test_weights_of_other_labels_are_refused(
    copied: Path, task: TokenClassification
) -> None:
    from tfner.schemes import LabelSet

    more = LabelSet([*task.label_set.labels, "ORG"]).to_json()
    (copied / "labels.json").write_text(json.dumps(more), "utf-8")
    with pytest.raises(BundleError, match=r"model\.weights\.h5 is damaged or not of"):
        load_everything(copied)


def test_a_directory_that_is_not_there_and_a_file_are_no_bundles(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("{}")
    for name in ("nothing", "file"):
        with pytest.raises(BundleError, match=f"{name} is no tfner model"):
            NativeBundle(tmp_path / name)


def test_of_several_trials_the_best_is_loaded(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "seed-1").symlink_to(bundle.directory)
    (tmp_path / "summary.json").write_text('{"best": "seed-1"}')
    assert Bundle.load(tmp_path).directory == tmp_path / "seed-1"


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"best": 3}'])
def test_a_damaged_summary_of_trials_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "summary.json").write_text(content)
    with pytest.raises(BundleError, match=r"summary\.json.* (damaged|must)"):
        Bundle.load(tmp_path)
