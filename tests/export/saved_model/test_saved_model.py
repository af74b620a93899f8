"""What is published is the documented interface, and computes what Keras computes."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tfner.document import Document
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 64
KEYS = ("input_ids", "input_mask", "segment_ids", "labeled_positions")
SIGNATURES = ["serving_default", "serving_dynamic", "serving_fixed", "tags"]
NUM_TAGS = 5
OUTSIDE = 0

Features = dict[str, "NDArray[np.int32]"]


def features_of(size: int, longest: int, *, seed: int = 0) -> Features:
    """Rows of different lengths on the wire; the first has `longest` pieces."""
    random = np.random.default_rng(seed)
    features = {key: np.zeros((size, LONGEST), np.int32) for key in KEYS}
    lengths = np.maximum(longest - 3 * np.arange(size), 2)
    for row, length in enumerate(lengths):
        features["input_ids"][row, :length] = random.integers(5, 18, length)
        features["input_mask"][row, :length] = 1
        features["segment_ids"][row, length // 2 : length] = 1
        at = np.arange(1, length - 1, 2)
        features["labeled_positions"][row, : len(at)] = at
    return features


def words_of(features: Features) -> list[int]:
    return (features["labeled_positions"] > 0).sum(1).tolist()


def keras_probs(bundle: Bundle, features: Features) -> Any:
    """The Keras model on whole rows: no trimming anywhere."""
    import keras

    from tfner.data.features import from_wire

    return np.array(keras.ops.softmax(bundle.load_model()(from_wire(features))))


def run_session(directory: Path, features: Features) -> Mapping[str, Any]:
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(directory))
        signature = meta.signature_def["serving_default"]
        feeds = {signature.inputs[key].name: features[key] for key in KEYS}
        fetches = {key: info.name for key, info in signature.outputs.items()}
        found: Mapping[str, Any] = session.run(fetches, feeds)
        return found


@cache
def load(directory: Path) -> Any:
    import tensorflow as tf

    return tf.saved_model.load(str(directory))


@cache
def load_layer(directory: Path) -> Any:
    import keras

    return keras.layers.TFSMLayer(str(directory), call_endpoint="serve")


def run_loaded(directory: Path, features: Features) -> Mapping[str, Any]:
    import tensorflow as tf

    outputs = load(directory).signatures["serving_default"](
        **{key: tf.constant(features[key]) for key in KEYS}
    )
    return {key: value.numpy() for key, value in outputs.items()}


def run_layer(directory: Path, features: Features) -> Mapping[str, Any]:
    import keras

    outputs = load_layer(directory)(
        {key: keras.ops.array(features[key]) for key in KEYS}
    )
    return {key: value.numpy() for key, value in outputs.items()}


def test_the_signature_is_that_of_the_electra_tagger(saved_model: Path) -> None:
    from tensorflow.core.framework import types_pb2
    from tensorflow.core.protobuf import saved_model_pb2

    content = saved_model_pb2.SavedModel()
    content.ParseFromString((saved_model / "saved_model.pb").read_bytes())
    (meta,) = content.meta_graphs
    assert list(meta.meta_info_def.tags) == ["serve"]
    signature = meta.signature_def["serving_default"]

    def described(tensors: Mapping[str, Any]) -> dict[str, tuple[str, list[int]]]:
        return {
            key: (
                types_pb2.DataType.Name(info.dtype),
                [dim.size for dim in info.tensor_shape.dim],
            )
            for key, info in tensors.items()
        }

    assert signature.method_name == "tensorflow/serving/predict"
    assert described(signature.inputs) == dict.fromkeys(
        KEYS, ("DT_INT32", [-1, LONGEST])
    )
    assert described(signature.outputs) == {
        "chunk_predictions": ("DT_INT64", [-1, -1]),
        "chunk_probs": ("DT_FLOAT", [-1, -1, NUM_TAGS]),
    }


@pytest.mark.parametrize("run", [run_session, run_loaded, run_layer])
@pytest.mark.parametrize(("size", "longest"), [(1, LONGEST), (3, 7), (8, 40)])
def test_every_loader_computes_what_the_keras_model_computes(
    bundle: Bundle,
    saved_model: Path,
    run: Callable[[Path, Features], Mapping[str, Any]],
    size: int,
    longest: int,
) -> None:
    features = features_of(size, longest)
    outputs = run(saved_model, features)
    expected = keras_probs(bundle, features)
    words = words_of(features)
    assert outputs["chunk_probs"].shape == (size, max(words), NUM_TAGS)
    assert outputs["chunk_predictions"].dtype == np.int64
    for row, number in enumerate(words):
        ours = outputs["chunk_probs"][row, :number]
        assert np.abs(ours - expected[row, :number]).max(initial=0.0) < 1e-5
        tags = outputs["chunk_predictions"][row]
        assert tags[:number].tolist() == expected[row, :number].argmax(-1).tolist()


def test_past_a_rows_last_word_stands_outside(saved_model: Path) -> None:
    features = features_of(3, 30)
    outputs = run_session(saved_model, features)
    for row, number in enumerate(words_of(features)):
        padding = outputs["chunk_probs"][row, number:]
        assert (outputs["chunk_predictions"][row, number:] == OUTSIDE).all()
        assert (padding == np.eye(NUM_TAGS)[OUTSIDE]).all()
    assert min(words_of(features)) < max(words_of(features))


def test_a_batch_without_words_is_answered(saved_model: Path) -> None:
    no_words = features_of(2, 9)
    no_words["labeled_positions"] = np.zeros((2, LONGEST), np.int32)
    assert run_session(saved_model, no_words)["chunk_predictions"].shape == (2, 0)


def test_windows_packed_into_one_row_do_not_see_each_other(saved_model: Path) -> None:
    apart = features_of(2, 20)
    packed = {key: np.zeros((1, LONGEST), np.int32) for key in KEYS}
    column = start = 0
    for row, number in enumerate(words_of(apart)):
        length = int(apart["input_mask"][row].sum())
        here = slice(start, start + length)
        packed["input_ids"][0, here] = apart["input_ids"][row, :length]
        packed["segment_ids"][0, here] = apart["segment_ids"][row, :length]
        packed["input_mask"][0, here] = row + 1
        at = apart["labeled_positions"][row, :number] + start
        packed["labeled_positions"][0, column : column + number] = at
        start, column = start + length, column + number
    expected = run_loaded(saved_model, apart)["chunk_probs"]
    found = run_loaded(saved_model, packed)["chunk_probs"][0]
    first, second = words_of(apart)
    assert np.abs(found[:first] - expected[0, :first]).max() < 1e-5
    assert np.abs(found[first:] - expected[1, :second]).max() < 1e-5


def test_tags_come_as_strings_in_a_signature_of_their_own(
    bundle: Bundle, saved_model: Path
) -> None:
    import tensorflow as tf

    features = features_of(3, 20)
    fed = {key: tf.constant(features[key]) for key in KEYS}
    found = load(saved_model).signatures["tags"](**fed)["chunk_tags"].numpy()
    ids = run_loaded(saved_model, features)["chunk_predictions"]
    names = [[bundle.label_set.tags[i].encode() for i in row] for row in ids]
    assert found.tolist() == names


def test_the_predictor_finds_the_same_entities_as_the_bundles(
    bundle: Bundle, saved_model: Path
) -> None:
    texts = [*bundle.selftest.texts, "anna . bert " * 3, ""]
    assert len(bundle.task.encode(Document("long", texts[3])).windows) > 1
    expected = Predictor.load(bundle.directory).predict(texts)
    exported = Predictor.load(saved_model, verify=True)
    found = exported.predict(texts)
    assert found == expected
    assert sum(len(document.entities) for document in found) > 3


def test_the_predictor_sends_packed_rows(
    saved_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = Predictor.load(saved_model)
    masks = []

    def watched(features: Features) -> Any:
        masks.append(features["attention_mask"])
        return run(features)

    run = exported.run
    watched.packs, watched.row_length = run.packs, run.row_length  # type: ignore[attr-defined]
    monkeypatch.setattr(exported, "run", watched)
    exported.predict(["anna met bert in paris"] * 10)
    assert max(int(mask.max()) for mask in masks) > 1
    assert {mask.shape[1] for mask in masks} == {LONGEST}


def test_every_weight_is_stored_once(bundle: Bundle, saved_model: Path) -> None:
    import tensorflow as tf

    weights = bundle.load_model().weights
    numbers = sum(weight.value.shape.num_elements() for weight in weights)
    stored = sum(p.stat().st_size for p in (saved_model / "variables").iterdir())
    assert stored <= 1.05 * 4 * numbers
    reader = tf.train.load_checkpoint(str(saved_model / "variables" / "variables"))
    shapes = reader.get_variable_to_shape_map()
    types = reader.get_variable_to_dtype_map()
    floats = [s for name, s in shapes.items() if types[name] == tf.float32]
    assert sum(int(np.prod(shape)) for shape in floats) == numbers


def test_old_clients_find_the_tag_ids_in_a_pickle(
    bundle: Bundle, saved_model: Path
) -> None:
    content = (saved_model / "chunk_label_mapping.pkl").read_bytes()
    assert content[:2] == b"\x80\x02"
    assert pickle.loads(content) == {
        tag: number for number, tag in enumerate(bundle.label_set.tags)
    }


def test_an_export_without_its_assets_is_still_a_model(
    saved_model: Path, tmp_path: Path
) -> None:
    bare = shutil.copytree(saved_model, tmp_path / "1")
    shutil.rmtree(bare / "assets")
    (bare / "digests.json").unlink()
    given = {
        "tokenizer": saved_model / "assets" / "tokenizer",
        "label_mapping": saved_model / "chunk_label_mapping.pkl",
    }
    texts = ["anna met bert in paris", "we met on monday and on sunday", "", "rome"]
    found = Predictor.load(bare, **given).predict(texts)
    assert found == Predictor.load(saved_model).predict(texts)
    assert any(document.entities for document in found)


def test_the_assets_describe_the_model_as_its_bundle_does(
    bundle: Bundle, saved_model: Path
) -> None:
    assets = Bundle.load(saved_model / "assets")
    assert assets.label_set == bundle.label_set
    assert assets.selftest == bundle.selftest
    assert assets.task.settings() == bundle.task.settings()
    measured = {"max_rows", "row_bytes", "weight_bytes"}
    serving = assets.config["serving"]
    assert all(serving[name] > 0 for name in measured)
    assert assets.config == {
        **bundle.config,
        "serving": {
            **{name: serving[name] for name in measured},
            "batched": True,
            "packs": True,
            "task_name": "chunk",
            "max_length": LONGEST,
            "trimmed": True,
            "precision": "float32",
            "serving_text": False,
            "signatures": SIGNATURES,
            "oldest_server": "2.6",
        },
    }
    assert not (assets.directory / "model.weights.h5").exists()


def test_the_result_says_what_was_published(result: Any) -> None:
    version = result.saved_model
    assert version.parent.name == "chunk"
    assert version.name.isdigit()
    assert [path.name for path in version.parent.iterdir()] == [version.name]
    assert result.to_json() == {
        "saved_model": str(version),
        "signatures": SIGNATURES,
        "oldest_server": "2.6",
        **{name: result.details[name] for name in ("max_rows", "server_memory_mib")},
        "max_abs_difference": result.max_abs_difference,
    }
    assert 0 <= result.max_abs_difference < 1e-5


@pytest.mark.slow
def test_a_plain_keras_encoder_is_served_without_packing(
    tmp_path: Path, foreign_bundle: Bundle
) -> None:
    from tfner_export import export_saved_model

    result = export_saved_model(foreign_bundle, tmp_path, max_length=37)
    exported = Predictor.load(result.saved_model, verify=True)
    assert exported.run.packs is False
    config = json.loads((result.saved_model / "assets" / "config.json").read_text())
    assert config["serving"]["packs"] is False


@pytest.mark.slow
def test_a_hugging_face_directory_is_exported_in_one_step(
    tmp_path: Path, bundle: Bundle
) -> None:
    from tfner.inference.loading import open_bundle
    from tfner_export import export_saved_model
    from tfner_export.publish import export

    directory = tmp_path / "huggingface"
    export(bundle, directory, format="huggingface")
    foreign = open_bundle(directory)
    result = export_saved_model(foreign, tmp_path / "out", max_length=LONGEST)
    assets = Bundle.load(result.saved_model / "assets")
    assert assets.label_set.tags == bundle.label_set.tags
    assert assets.task.max_length == LONGEST
    assert assets.selftest.texts
    texts = bundle.selftest.texts[:3]
    expected = Predictor.load(directory).predict(texts)
    assert Predictor.load(tmp_path / "out").predict(texts) == expected


@pytest.mark.slow
def test_saved_model_cli_shows_and_runs_it(saved_model: Path, tmp_path: Path) -> None:
    features = features_of(3, 20)
    np.savez(tmp_path / "inputs.npz", **features)
    inputs = ";".join(f"{key}={tmp_path / 'inputs.npz'}[{key}]" for key in KEYS)
    tool = str(Path(sys.executable).with_name("saved_model_cli"))
    place = ["--dir", str(saved_model)]
    signature = ["--tag_set", "serve", "--signature_def", "serving_default"]
    out = ["--outdir", str(tmp_path)]
    shown = subprocess.run(
        [tool, "show", *place, "--all"], capture_output=True, text=True, check=True
    )
    assert "Method name is: tensorflow/serving/predict" in shown.stdout
    subprocess.run(
        [tool, "run", *place, *signature, "--inputs", inputs, *out], check=True
    )
    expected = run_session(saved_model, features)
    for key, values in expected.items():
        assert np.array_equal(np.load(tmp_path / f"{key}.npy"), values)
