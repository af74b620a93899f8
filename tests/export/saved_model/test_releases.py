"""An export says which servers run it, and is refused for others by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tfner.errors import ExportError

from ..conftest import LONGEST

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

pytestmark = pytest.mark.slow


def test_the_table_has_the_operators_of_the_installed_tensorflow() -> None:
    import tensorflow as tf

    from tfner_export.saved_model.releases import _table

    table, _ = _table()
    operators = {name for name in dir(tf.raw_ops) if name[0].isupper()}
    assert len(operators) > 1000
    assert operators - set(table) == set()


def test_a_graph_needs_what_came_with_its_newest_operator_attribute_or_value(
    tmp_path: Path,
) -> None:
    from tensorflow.core.framework import types_pb2
    from tensorflow.core.protobuf import saved_model_pb2

    from tfner_export.saved_model.releases import (
        make_portable,
        oldest_server,
        read_saved_model,
    )

    content = saved_model_pb2.SavedModel()
    meta = content.meta_graphs.add()
    node = meta.graph_def.node.add(name="a", op="MatMul")
    node.attr["_private"].s = b"x"

    def oldest() -> tuple[str, list[str]]:
        (tmp_path / "saved_model.pb").write_bytes(content.SerializeToString())
        return oldest_server(tmp_path)

    assert oldest() == ("2.6", [])
    node.attr["grad_a"].b = True
    assert oldest() == ("2.16", ["MatMul.grad_a"])
    del node.attr["grad_a"]
    function = meta.graph_def.library.function.add()
    function.node_def.add(name="off", op="DisableCopyOnRead", input=["v"])
    read = function.node_def.add(name="on", op="ReadVariableOp", input=["v", "^off"])
    read.attr["dtype"].type = types_pb2.DT_FLOAT
    function.control_ret["off"] = "off"
    function.control_ret["on"] = "on"
    function.signature.control_output.extend(["off", "on"])
    assert oldest() == ("2.10", ["DisableCopyOnRead"])
    make_portable(tmp_path)
    assert oldest_server(tmp_path) == ("2.6", [])
    (kept,) = read_saved_model(tmp_path).meta_graphs[0].graph_def.library.function
    assert [n.name for n in kept.node_def] == ["on"]
    assert list(kept.node_def[0].input) == ["v"]
    assert dict(kept.control_ret) == {"on": "on"}
    assert list(kept.signature.control_output) == ["on"]


def test_operators_of_other_libraries_need_the_tensorflow_that_wrote_them(
    tmp_path: Path,
) -> None:
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    from tfner_export.saved_model.releases import oldest_server

    content = saved_model_pb2.SavedModel()
    content.meta_graphs.add().graph_def.node.add(name="a", op="FastSpell")
    (tmp_path / "saved_model.pb").write_bytes(content.SerializeToString())
    here = tf.__version__.rpartition(".")[0]
    assert oldest_server(tmp_path) == (here, ["FastSpell"])


def test_a_server_that_is_too_old_is_refused_by_name() -> None:
    from tfner_export.saved_model.releases import check_server

    check_server(None, "2.15", ["X.y"])
    check_server("2.15.1", "2.15", ["X.y"])
    with pytest.raises(ExportError, match=r"2\.15 or newer, for X\.y\. .*2\.9$"):
        check_server("2.9", "2.15", ["X.y"])


@pytest.mark.parametrize("version", ["", "2", "2.x", "1.15", "2.5.3", "new", "-2.6"])
def test_what_is_no_release_is_an_error_before_anything_is_written(
    tmp_path: Path, bundle: Bundle, version: str
) -> None:
    from tfner_export import export_saved_model

    with pytest.raises(ExportError, match=r"from 2\.6 on. Received: --for-server"):
        export_saved_model(
            bundle, tmp_path, max_length=LONGEST, for_server=version or " "
        )
    assert not any(tmp_path.iterdir())


def test_it_is_loaded_and_saved_again_without_what_was_taken_out(
    saved_model: Path, tmp_path: Path
) -> None:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(saved_model))
    again = tmp_path / "again"
    tf.saved_model.save(loaded, str(again), signatures=dict(loaded.signatures))
    shutil.copytree(saved_model / "assets", again / "assets", dirs_exist_ok=True)
    config = json.loads((again / "assets" / "config.json").read_text("utf-8"))
    assert config["serving"]["oldest_server"] == "2.6"
    from tfner.inference.predictor import Predictor

    assert Predictor.load(again, verify=True)
