"""SavedModels whose graphs do more than compute are refused before anything runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.errors import BundleError
from tfner.inference.predictor import Predictor

INPUTS = ("input_ids", "input_mask", "segment_ids", "labeled_positions")
TAGS = 5
Deed = Callable[[Path], Any]


def probabilities(ids: Any, positions: Any) -> Any:
    import tensorflow as tf

    table = tf.one_hot(tf.range(1000) % TAGS, TAGS)
    return tf.gather(tf.gather(table, ids), positions, batch_dims=1)


def save(folder: Path, deed: Deed, *, resource: Any = None) -> Path:
    """A tagger that does a deed whenever it is asked."""
    import tensorflow as tf

    folder.mkdir()
    module = tf.Module()
    module.weights, module.resource = tf.Variable([1.0]), resource
    target = folder / "target"

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.int32, n) for n in INPUTS]
    )
    def tag(input_ids: Any, input_mask: Any, segment_ids: Any, labeled_positions: Any):
        with tf.control_dependencies([deed(target)]):
            probs = probabilities(input_ids, labeled_positions)
        return {"chunk_probs": probs * module.weights}

    tf.saved_model.save(module, folder / "model", signatures=tag)
    return folder / "model"


def nothing(path: Path) -> Any:
    import tensorflow as tf

    return tf.zeros([])


def write(path: Path) -> Any:
    import tensorflow as tf

    return tf.io.write_file(str(path), "x")


def show(path: Path) -> Any:
    import tensorflow as tf

    return tf.print("x", output_stream=f"file://{path}")


def call(path: Path) -> Any:
    import tensorflow as tf

    return tf.py_function(lambda: 1, [], tf.int32)


def call_numpy(path: Path) -> Any:
    import tensorflow as tf

    return tf.numpy_function(lambda: np.int32(1), [], tf.int32)


def read(path: Path) -> Any:
    import tensorflow as tf

    return tf.io.read_file("/etc/hostname")


def read_lines(path: Path) -> Any:
    import tensorflow as tf

    lines = tf.data.TextLineDataset("/etc/hostname")
    return lines.reduce(0, lambda count, _: count + 1)


def list_files(path: Path) -> Any:
    import tensorflow as tf

    return tf.io.matching_files("/etc/*")


def save_elsewhere(path: Path) -> Any:
    import tensorflow as tf

    return tf.raw_ops.SaveV2(
        prefix=str(path), tensor_names=["x"], shape_and_slices=[""], tensors=[[1.0]]
    )


def restore_from_elsewhere(path: Path) -> Any:
    import tensorflow as tf

    (found,) = tf.raw_ops.RestoreV2(
        prefix="/etc/x", tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32]
    )
    return found


def fill_table(path: Path) -> Any:
    import tensorflow as tf

    table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
    return tf.raw_ops.InitializeTableFromTextFileV2(
        table_handle=table, filename="/etc/hostname", key_index=-2, value_index=-1
    )


def nested(path: Path) -> Any:
    import tensorflow as tf

    @tf.function
    def inner(count: Any) -> Any:
        if count > 2:
            tf.io.write_file(str(path), "x")
        return count + 1

    return tf.while_loop(lambda n: n < 4, lambda n: (inner(n),), [tf.constant(0)])[0]


def nested_saver(path: Path) -> Any:
    import tensorflow as tf

    @tf.function
    def inner() -> Any:
        with tf.control_dependencies([save_elsewhere(path)]):
            return tf.constant(1)

    return inner()


DEEDS: dict[Deed, str] = {
    write: "WriteFile",
    show: "PrintV2",
    call: "EagerPyFunc",
    call_numpy: "PyFunc",
    read: "ReadFile",
    read_lines: "TextLineDataset",
    list_files: "MatchingFiles",
    save_elsewhere: "SaveV2",
    restore_from_elsewhere: "RestoreV2",
    fill_table: "InitializeTableFromTextFileV2",
    nested: "WriteFile",
    nested_saver: "SaveV2",
}


@pytest.fixture
def load(task: Any) -> Callable[..., Predictor]:
    def load(model: Path, **settings: Any) -> Predictor:
        given = {"tokenizer": task.tokenizer, "label_mapping": task.label_set}
        return Predictor.load(model, **given, **settings)

    return load


def check_refused(load: Any, model: Path, operator: str) -> None:
    with pytest.raises(BundleError, match="no tagger needs") as caught:
        load(model)
    message = str(caught.value)
    assert str(model / "saved_model.pb") in message
    assert operator in message
    assert "--trust-graph" in message
    assert "\n" not in message
    assert not (model.parent / "target").exists()


@pytest.mark.slow
@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_what_a_graph_may_not_do_is_refused_by_name(
    deed: Deed, load: Any, tmp_path: Path
) -> None:
    model = save(tmp_path / "hostile", deed)
    check_refused(load, model, DEEDS[deed])
    load(model, trust_graph=True)


@pytest.mark.slow
def test_what_is_trusted_runs(load: Any, tmp_path: Path) -> None:
    model = save(tmp_path / "hostile", nested)
    load(model, trust_graph=True).predict(["anna lives in paris"])
    assert (tmp_path / "hostile" / "target").read_text("utf-8") == "x"


@pytest.mark.slow
def test_a_graph_may_do_nothing_when_it_is_loaded_either(
    load: Any, tmp_path: Path
) -> None:
    import tensorflow as tf

    target = tmp_path / "hostile" / "target"

    class Resource(tf.saved_model.experimental.TrackableResource):
        def _create_resource(self) -> Any:
            return tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

        @tf.function(input_signature=[])
        def _initialize(self) -> Any:
            with tf.control_dependencies([write(target)]):
                return tf.constant(1)

    resource = Resource()
    model = save(
        tmp_path / "hostile", lambda _: resource.resource_handle, resource=resource
    )
    check_refused(load, model, "WriteFile")
    load(model, trust_graph=True)
    assert target.exists()


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def as_text(path: Path) -> None:
    path.write_text("saved_model_schema_version: 1\n", "utf-8")


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


INDEX, DATA = "variables/variables.index", "variables/variables.data-00000-of-00001"
DAMAGES = [
    *(("saved_model.pb", way) for way in (cut, empty, as_text)),
    *((INDEX, way) for way in (cut, empty, Path.unlink, as_pipe)),
    *((DATA, way) for way in (cut, empty, Path.unlink, as_pipe)),
    ("variables", shutil.rmtree),
]


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("harmless") / "made", nothing)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_saved_model_that_is_not_whole_is_one_sentence(
    name: str, damage: Any, harmless: Path, load: Any, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(harmless, tmp_path / "model"))
    damage(model / name)
    with pytest.raises(BundleError, match="cannot be loaded as a Sav") as caught:
        load(model)
    assert str(model / name.partition(".index")[0].partition(".data")[0]) in str(
        caught.value
    )
    assert "\n" not in str(caught.value)
    with pytest.raises(BundleError, match=r"^\S+ cannot be loaded as a Sav") as caught:
        load(model, trust_graph=True)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fingerprint.pb", "saved_model.pb"])
def test_a_pipe_in_the_place_of_a_file_is_named(
    name: str, harmless: Path, load: Any, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(harmless, tmp_path / "model"))
    as_pipe(model / name)
    for trusted in (False, True):
        with pytest.raises(BundleError, match=rf"{name}: must be a regular file"):
            load(model, trust_graph=trusted)


@pytest.mark.slow
def test_a_damaged_fingerprint_is_passed_over_in_silence(
    harmless: Path, load: Any, tmp_path: Path, caplog: Any
) -> None:
    model = Path(shutil.copytree(harmless, tmp_path / "model"))
    cut(model / "fingerprint.pb")
    load(model)
    assert not [r for r in caplog.records if r.exc_info]


@pytest.mark.slow
def test_a_graph_that_holds_its_weights_is_taken_on_trust(
    harmless: Path, load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfner.checkpoints.saved_graph.LARGEST", 1000)
    with pytest.raises(BundleError, match=r"at most 1,000 bytes.* --trust-graph"):
        load(harmless)
    load(harmless, trust_graph=True)
