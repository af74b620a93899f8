"""JSON files of a bundle that cannot be right, before anything is built of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner.errors import BundleError, StorageError
from tfner.inference.bundle_files import reading
from tfner.inference.native_bundle import NativeBundle
from tfner.schemes import LabelSet

CONFIG: dict[str, Any] = {
    "tfner_schema": 1,
    "task": {"name": "token", "max_length": 24, "decode": "argmax"},
    "model": {
        "encoder": {"class": "bert", "config": {"vocab_size": 9, "num_heads": 2}},
        "dropout": 0.1,
    },
    "versions": {"tfner": "0.1.0"},
    "training": {"epochs": 0},
}
SELFTEST = [{"text": "anna", "entities": [{"start": 0, "end": 4, "label": "PER"}]}]


@pytest.fixture
def directory(tmp_path: Path, encoder_directory: Path) -> Path:
    """A bundle without weights."""
    labels = LabelSet(["PER"]).to_json()
    files = {"config": CONFIG, "labels": labels, "selftest": SELFTEST, "metrics": {}}
    for name, record in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
    (tmp_path / "tokenizer").symlink_to(encoder_directory)
    return tmp_path


def read_everything(directory: Path) -> NativeBundle:
    bundle = NativeBundle(directory)
    _ = bundle.task, bundle.selftest, bundle.metrics
    return bundle


def change(directory: Path, name: str, edit: Callable[[Any], Any]) -> None:
    path = directory / f"{name}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    edited = edit(record)
    record = record if edited is None else edited
    path.write_text(json.dumps(record), encoding="utf-8")


def test_a_bundle_is_read(directory: Path) -> None:
    assert read_everything(directory).label_set.labels == ("PER",)


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("config", lambda c: c.update(tfner_schema=[1]), "schema version"),
        ("config", lambda c: c.update(task=[]), "`task` must be an object"),
        (
            "config",
            lambda c: c["model"]["encoder"].pop("config") and None,
            "`model.encoder.config` is missing",
        ),
        ("config", lambda c: c["model"].update(dropout="x"), "`model.dropout`"),
        ("config", lambda c: c["model"].update(dropout=2), "from 0 to 1"),
        ("config", lambda c: c["model"].update(head=1), "`model`: unknown key 'head'"),
        ("config", lambda c: c["model"].update(encoder=[]), "`model.encoder` must be"),
        ("config", lambda c: c.update(versions=[]), "`versions` must be an object"),
        ("config", lambda c: c.update(modle={}), "did you mean 'model'"),
        ("config", lambda c: c.update(serving={"packs": 1}), "`serving.packs`"),
        *(
            ("config", lambda c, p=p: c.update(serving=p), "`serving.precision`")
            for p in ({"precision": -2}, {"precision": []}, {"precision": "int4"})
        ),
        (
            "config",
            lambda c: c["task"].update(max_length=128.5),
            "`max_length` must be",
        ),
        ("config", lambda c: c["task"].update(max_length=10**12), "1 to 1,048,576"),
        ("config", lambda c: c["task"].update(max_length=True), "Received: true"),
        ("config", lambda c: c["task"].update(context=1.5), "`context` must be an i"),
        ("config", lambda c: c["task"].update(context=-1), "`context` must be an i"),
        ("config", lambda c: c["task"].update(name=["token"]), "`task.name` must be"),
        ("config", lambda c: c["task"].update(words=1), "`words` must be 'gold'"),
        ("config", lambda c: c["task"].update(head={}), "`head` must be 'softmax'"),
        ("labels", lambda c: c.update(labels={}), "`labels` must be a list"),
        ("labels", lambda c: c.update(scheme=1), "`scheme` must be a text"),
        ("labels", lambda c: c.update(tags=[["O"]]), r"`tags\[0\]` must be a text"),
        ("labels", lambda c: c.update(extra=1), "unknown key 'extra'"),
        ("selftest", lambda c: {}, "must hold a JSON list"),
        ("selftest", lambda c: [], "must be a list of 1 to"),
        ("selftest", lambda c: c[0].update(text=1), r"`\[0\]\.text` must be a text"),
        ("selftest", lambda c: c[0].update(entities=1), r"`\[0\]\.entities` must be a"),
        ("selftest", lambda c: c[0]["entities"][0].update(end=1.5), r"\.end` must be"),
        ("selftest", lambda c: c[0]["entities"][0].update(start=4), "0 <= start < end"),
        ("metrics", lambda c: c.update(history=3), "`history` must be a list"),
        ("metrics", lambda c: c.update(best_epoch="1"), "`best_epoch` must be an"),
    ],
)
def test_what_cannot_be_right_is_one_sentence(
    directory: Path, name: str, edit: Callable[[Any], Any], message: str
) -> None:
    change(directory, name, edit)
    with pytest.raises(BundleError, match=rf"{name}\.json.*{message}") as caught:
        read_everything(directory)
    assert "\n" not in str(caught.value)


def test_a_file_for_which_memory_lacks_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="OOM"), reading(tmp_path):
        raise RuntimeError("OOM when allocating tensor")


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "{}{}", "\0"])
@pytest.mark.parametrize("name", ["config", "labels", "selftest", "metrics"])
def test_what_is_no_json_is_one_sentence(
    directory: Path, name: str, content: str
) -> None:
    (directory / f"{name}.json").write_text(content, encoding="utf-8")
    with pytest.raises(BundleError, match=rf"{name}\.json: damaged; it cannot be read"):
        read_everything(directory)


@pytest.mark.parametrize("name", ["config", "labels", "selftest", "metrics"])
def test_a_link_to_a_device_is_not_read(directory: Path, name: str) -> None:
    (directory / f"{name}.json").unlink()
    (directory / f"{name}.json").symlink_to("/dev/zero")
    with pytest.raises(BundleError, match=rf"{name}\.json: must be a regular file"):
        read_everything(directory)


HUGGINGFACE = {"model_type": "bert", "hidden_size": 32, "num_attention_heads": 2}


@pytest.mark.parametrize(
    "wrong",
    [
        *({"num_labels": value} for value in ("3", -1, 1.5, 10**12, 0)),
        *({"architectures": value} for value in (5, "Bert", [3])),
        *({"model_type": value} for value in (["bert"], {}, 3)),
        *({"layer_norm_eps": value} for value in ("1e-12", -1, 2, [])),
        *({"classifier_dropout": value} for value in (1.5, -0.1, "0.1")),
        *({"num_attention_heads": value} for value in (0, -2, "2", 1.5, 10**9)),
        *({"num_hidden_layers": value} for value in (0, 10**9)),
        *({"hidden_size": value} for value in (0, 10**7, [32])),
        *({"vocab_size": value} for value in (0, 10**12)),
        *({"max_position_embeddings": value} for value in (0, "512", 1e3)),
        *({"id2label": value} for value in ([], "O", 3)),
        *({"rope_parameters": value} for value in ([], 1)),
        *({"layer_types": value} for value in (3, [1])),
        {"pad_token_id": -1},
        {"local_attention": "128"},
        {"position_buckets": None, "pos_att_type": 3},
    ],
    ids=str,
)
def test_a_hugging_face_config_that_cannot_be_right_is_one_sentence(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    from tfner.checkpoints.tensors import read_config

    path = tmp_path / "config.json"
    path.write_text(json.dumps(HUGGINGFACE | wrong), encoding="utf-8")
    name = list(wrong)[-1]
    with pytest.raises(StorageError, match=rf"config\.json: `{name}.*` must be"):
        read_config(path)
