"""What kind of model a path names, and who opens it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tfner.errors import (
    BundleError,
    CheckpointError,
    ConfigError,
    StorageError,
    TokenizerError,
)
from tfner.inference.bundle import Bundle
from tfner.inference.external import HuggingFaceBundle
from tfner.inference.loading import exported_directory, open_bundle, open_model
from tfner.inference.native_bundle import NativeBundle
from tfner.inference.predictor import Predictor
from tfner.tasks.token_classification import TokenClassification

TEXT = "anna lives in paris and works for acme corp " * 3


@pytest.fixture(scope="module")
def tagger(
    tmp_path_factory: pytest.TempPathFactory, task: TokenClassification, model: Any
) -> Path:
    """A Hugging Face token-classification directory."""
    from tfner.checkpoints.huggingface import save_token_classifier

    folder = tmp_path_factory.mktemp("tagger")
    save_token_classifier(model, task.label_set.tags, folder)
    task.tokenizer.save(folder)
    return folder


def export(directory: Path, *names: str) -> None:
    """What looks like SavedModels."""
    for name in names:
        (directory / name).mkdir(parents=True)
        (directory / name / "saved_model.pb").touch()


def test_a_bundle_is_opened_and_verified(bundle: Bundle, predictor: Predictor) -> None:
    found = open_model(bundle.directory)
    assert isinstance(found, NativeBundle)
    assert found.runner().packs
    loaded = Predictor.load(str(bundle.directory), verify=True)
    assert loaded.predict([TEXT]) == predictor.predict([TEXT])


def test_a_bundle_whose_selftest_was_changed_does_not_verify(copied: Path) -> None:
    path = copied / "selftest.json"
    records = json.loads(path.read_text("utf-8"))
    records[0]["entities"].append({"start": 0, "end": 19, "label": "LOC"})
    path.write_text(json.dumps(records), "utf-8")
    Predictor.load(copied)
    with pytest.raises(BundleError, match="does not predict what it did"):
        Predictor.load(copied, verify=True)


def test_of_several_trials_the_best_is_opened(bundle: Bundle, tmp_path: Path) -> None:
    for seed in (0, 1):
        shutil.copytree(bundle.directory, tmp_path / f"seed-{seed}")
    (tmp_path / "summary.json").write_text('{"best": "seed-1"}')
    found = open_bundle(tmp_path)
    assert found.directory == tmp_path / "seed-1"


def test_a_hugging_face_tagger_is_opened_as_a_bundle(
    tagger: Path, predictor: Predictor, task: TokenClassification
) -> None:
    found = open_bundle(tagger)
    assert isinstance(found, HuggingFaceBundle)
    assert found.label_set == task.label_set
    assert found.task.max_length == 64  # the positions of the encoder
    (here,) = Predictor.load(tagger).predict(["anna lives in paris"])
    (there,) = predictor.predict(["anna lives in paris"])
    assert here == there
    scores = [[e.score or 0.0 for e in d.entities] for d in (here, there)]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)
    Predictor.load(tagger, verify=True)


def test_a_tagger_without_weights_is_refused(tagger: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(tagger, tmp_path / "tagger"))
    (copied / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="tagger"):
        Predictor.load(copied)


def test_an_encoder_without_a_head_is_refused(encoder_directory: Path) -> None:
    with pytest.raises(CheckpointError, match=r"ForTokenClassification.*BertModel"):
        Predictor.load(encoder_directory)


def test_a_hub_id_without_a_hub_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import huggingface_hub

    asked: list[str] = []

    def fail(name: str, **rest: Any) -> str:
        asked.append(name)
        raise OSError("offline\nand more lines")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(StorageError, match="owner/model: no such directory, and"):
        Predictor.load("owner/model")
    assert asked == ["owner/model"]


@pytest.mark.parametrize(
    "url", ["http://host:8501/v1/models/ner", "https://host/x", "grpc://host:8500/ner"]
)
def test_a_model_on_a_server_needs_assets_and_is_no_keras_model(url: str) -> None:
    with pytest.raises(ConfigError, match=f"{url} is on a server.*with --assets"):
        Predictor.load(url)
    with pytest.raises(BundleError, match=f"{url} is on a server, .*no Keras model"):
        open_bundle(url)


def test_settings_of_servers_are_refused_for_a_model_that_lies_here() -> None:
    with pytest.raises(ConfigError, match=r"not on a server\. Leave out `assets`"):
        Predictor.load("some/model", assets="elsewhere")


@pytest.mark.parametrize("name", ["nothing", "../nothing", "/nothing", "a/b/nothing"])
def test_a_path_to_nothing_is_no_hub_id(name: str) -> None:
    with pytest.raises(BundleError, match=r"there is no model at .*nothing\."):
        Predictor.load(name)


def test_a_directory_of_something_else_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(BundleError, match=r"is no tfner model: config\.json"):
        Predictor.load(tmp_path)
    (tmp_path / "config.json").write_text('{"a": 1}')
    with pytest.raises(BundleError, match="is no tfner model: config"):
        Predictor.load(tmp_path)


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_text("x")
    with pytest.raises(BundleError, match=r"model\.pkl is no tfner model"):
        Predictor.load(tmp_path / "model.pkl")


@pytest.mark.parametrize("asked", [".", "chunk", "chunk/20"])
def test_of_several_versions_the_newest_is_taken(tmp_path: Path, asked: str) -> None:
    export(tmp_path, "chunk/3", "chunk/20", "chunk/.21.part", "chunk/beta")
    (tmp_path / "chunk" / "100").mkdir()
    newest = tmp_path / "chunk" / "20"
    assert exported_directory(tmp_path / asked) == newest


def test_a_directory_without_a_saved_model_has_none(tmp_path: Path) -> None:
    export(tmp_path, "a/b/c/1")
    assert exported_directory(tmp_path) is None
    assert exported_directory(tmp_path / "nothing") is None


def test_a_saved_model_of_others_asks_for_what_it_lacks(tmp_path: Path) -> None:
    export(tmp_path, "ner/1")
    with pytest.raises(
        BundleError, match=r"ner/1 .*--tokenizer DIR and --label-mapping FILE"
    ):
        Predictor.load(tmp_path)
    with pytest.raises(BundleError, match=r"--tokenizer DIR and --label-mapping FILE"):
        Predictor.load(tmp_path, tokenizer=tmp_path)


def test_what_travels_with_a_model_is_not_taken_from_elsewhere(
    bundle: Bundle,
) -> None:
    given = {"label_mapping": "l.json", "segment_id": 1, "lower_case": False}
    with pytest.raises(
        ConfigError, match="Leave out --label-mapping, --segment-id, --lo"
    ):
        Predictor.load(bundle.directory, **given)


def test_a_foreign_tagger_takes_tokenizer_and_labels_from_elsewhere(
    tagger: Path, tmp_path: Path
) -> None:
    alone, tokenizer = tmp_path / "model", tmp_path / "tokenizer"
    shutil.copytree(tagger, alone)
    tokenizer.mkdir()
    for file in [*alone.glob("tokenizer*"), *alone.glob("vocab*")]:
        shutil.move(file, tokenizer / file.name)
    text = "anna lives in paris"
    with pytest.raises(TokenizerError, match="--tokenizer DIR"):
        Predictor.load(alone)
    expected = Predictor.load(tagger)
    found = Predictor.load(alone, tokenizer=tokenizer)
    assert found.predict([text]) == expected.predict([text])
    tags = list(expected.task.label_set.tags)
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps([tag.replace("PER", "X") for tag in tags]))
    renamed = Predictor.load(tagger, label_mapping=labels)
    assert renamed.task.label_set.labels[0] == "X"
    labels.write_text(json.dumps(tags[:-1]))
    with pytest.raises(BundleError, match=f"predicts {len(tags)} tags"):
        Predictor.load(tagger, label_mapping=labels)


def test_a_tokenizer_of_more_pieces_than_the_model_has_rows_is_refused(
    tagger: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tagger, tmp_path / "model"))
    definition = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    vocabulary = definition["model"]["vocab"]
    vocabulary["covid19"] = max(vocabulary.values()) + 1
    (folder / "tokenizer.json").write_text(json.dumps(definition), "utf-8")
    with pytest.raises(BundleError, match="added without resizing the model"):
        Predictor.load(folder)


def test_weights_that_are_no_numbers_are_refused(
    tagger: Path, copied: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tagger, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    weights["classifier.weight"][0, 0] = np.nan
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"NaN or infinite\) in classifier"):
        Predictor.load(folder)
    with h5py.File(copied / "model.weights.h5", "a") as file:
        found: list[h5py.Dataset] = []
        file.visititems(
            lambda _, part: found.append(part) if hasattr(part, "dtype") else None
        )
        found[0][...] = np.inf
    with pytest.raises(BundleError, match="holds NaN or infinite numbers"):
        Predictor.load(copied)


def test_outputs_that_are_no_numbers_are_refused(predictor: Predictor) -> None:
    class Diverged:
        packs, row_length = True, None

        def __call__(self, features: Mapping[str, Any]) -> dict[str, Any]:
            found = predictor.run(features)
            return {name: np.full_like(v, np.nan) for name, v in found.items()}

    with pytest.raises(BundleError, match=r"no numbers \(NaN or infinite\)"):
        Predictor(predictor.task, Diverged()).predict(["anna"])


def test_a_saved_model_is_no_keras_model(tmp_path: Path) -> None:
    export(tmp_path, "ner/1")
    with pytest.raises(BundleError, match="Give the bundle it was exported from"):
        open_bundle(tmp_path)


def test_a_damaged_saved_model_is_refused(tmp_path: Path, copied: Path) -> None:
    export(tmp_path, "ner/1")
    assets = tmp_path / "ner" / "1" / "assets"
    shutil.copytree(copied, assets)
    with pytest.raises(BundleError, match="'serving' is missing in it"):
        Predictor.load(tmp_path)
    config = json.loads((assets / "config.json").read_text("utf-8"))
    config["serving"] = {"packs": True}
    (assets / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(BundleError, match="cannot be loaded as a SavedModel"):
        Predictor.load(tmp_path)


def test_a_keras_model_of_others_does_not_share_rows(
    make_model: Callable[[Any], Any], task: TokenClassification
) -> None:
    import keras

    from tfner.inference.runners import KerasRunner

    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in names}
    rows = keras.layers.Embedding(task.tokenizer.vocab_size, 8)(inputs["input_ids"])
    run = KerasRunner(make_model(keras.Model(inputs, rows)))
    assert not run.packs
    assert len(Predictor(task, run).predict(["anna", "", "in paris"])) == 3
