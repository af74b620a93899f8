"""Exports whose assets are those of another graph are refused as they are loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tfner.errors import BundleError
from tfner.schemes import LabelSet

pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")
pytest.importorskip("ai_edge_litert")
pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

FORMATS = ("saved-model", "onnx", "openvino", "litert")


@pytest.fixture(scope="module", params=FORMATS)
def exported(
    request: pytest.FixtureRequest,
    bundle: Bundle,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    from tfner_export.publish import export

    if request.param == "saved-model":
        return Path(request.getfixturevalue("saved_model"))
    folder = tmp_path_factory.mktemp("exports") / request.param
    return export(bundle, folder, format=request.param).directory


def change(path: Path, edit: Callable[[Any], Any]) -> None:
    """Edit a JSON file."""
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(edit(content) or content), "utf-8")


def label(*names: str) -> Callable[[Path], None]:
    """Labels in place of two."""
    content = LabelSet(list(names)).to_json()
    return lambda assets: change(assets / "labels.json", lambda _: content)


def learn_pieces(assets: Path) -> None:
    """More pieces than the 1000 of the encoder."""

    def edit(settings: Any) -> None:
        known = settings["model"]["vocab"]
        known |= {f"new{n}": n for n in range(len(known), 1001)}

    change(assets / "tokenizer" / "tokenizer.json", edit)
    lines = json.loads((assets / "tokenizer" / "tokenizer.json").read_text("utf-8"))
    words = lines["model"]["vocab"]
    (assets / "tokenizer" / "vocab.txt").write_text("\n".join(words), "utf-8")


def say_that_it_knows_them(assets: Path) -> None:
    def edit(config: Any) -> None:
        config["model"]["encoder"]["config"]["vocab_size"] = 5000

    learn_pieces(assets)
    change(assets / "config.json", edit)


def lengthen(assets: Path) -> None:
    def edit(config: Any) -> None:
        config["task"]["max_length"] = 65

    change(assets / "config.json", edit)


MISFITS = {
    "more": (label("PER", "LOC", "ORG"), "predicts 5 tags, its labels are 7"),
    "fewer": (label("PER"), "predicts 5 tags, its labels are 3"),
    "pieces": (learn_pieces, "has 1,000 pieces, its tokenizer up to 1,001"),
    "unsaid": (say_that_it_knows_them, "cannot run on what the tokenizer gives"),
    "windows": (lengthen, "has 64 positions, its windows up to 65"),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_assets_of_another_graph_are_refused_before_anything_is_predicted(
    kind: str, exported: Path, tmp_path: Path
) -> None:
    from tfner.inference.predictor import Predictor

    model = Path(shutil.copytree(exported, tmp_path / "model"))
    edit, message = MISFITS[kind]
    edit(model / "assets")
    with pytest.raises(BundleError, match=message) as caught:
        Predictor.load(model, digests=False)
    assert str(model) in str(caught.value)
    assert "\n" not in str(caught.value)


def with_weights(location: str, operator: str = "Add", domain: str = "") -> Any:
    """A graph in ONNX whose weights lie in another file."""
    from onnx import TensorProto, helper

    weights = TensorProto(name="w", data_type=1, dims=[4], data_location=1)
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        weights.external_data.add(key=key, value=value)
    values = [helper.make_tensor_value_info(name, 1, [4]) for name in "xy"]
    node = helper.make_node(operator, ["x", "w"], ["y"], domain=domain)
    graph = helper.make_graph([node], "g", values[:1], values[1:], [weights])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("evil", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


@pytest.mark.parametrize(
    ("location", "operator", "domain"),
    [
        ("../secret", "Add", ""),
        ("{}/secret", "Add", ""),
        ("link", "Add", ""),
        ("beside", "Evil", "evil"),
    ],
)
def test_onnx_runtime_reads_no_other_files_and_loads_no_other_operators(
    location: str, operator: str, domain: str, tmp_path: Path
) -> None:
    from tfner.engines import ENGINES

    folder = tmp_path / "model"
    folder.mkdir()
    for path in (tmp_path / "secret", folder / "beside"):
        path.write_bytes(bytes(16))
    (folder / "link").symlink_to(tmp_path / "secret")
    place = folder / "model.onnx"
    made = with_weights(location.format(tmp_path), operator, domain)
    place.write_bytes(made.SerializeToString())
    with pytest.raises(BundleError, match=r"model\.onnx cannot be loaded"):
        ENGINES["onnxruntime"].load(place)


LAYERS = """<?xml version="1.0"?>
<!DOCTYPE net [<!ENTITY secret SYSTEM "file://{secret}">]>
<net name="&secret;" version="11"><layers>
<layer id="0" name="x" type="Parameter" version="opset1">
<data shape="1" element_type="f32"/>
<output><port id="0" precision="FP32" names="x"><dim>1</dim></port></output></layer>
<layer id="1" name="y" type="{type}" version="{version}">
<input><port id="0" precision="FP32"><dim>1</dim></port></input>
<output><port id="1" precision="FP32" names="y"><dim>1</dim></port></output></layer>
<layer id="2" name="z" type="Result" version="opset1">
<input><port id="0" precision="FP32"><dim>1</dim></port></input></layer>
</layers><edges>
<edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/>
</edges></net>
"""


def test_openvino_reads_no_entities_and_loads_no_other_layers(tmp_path: Path) -> None:
    import numpy as np
    import openvino

    from tfner.engines import ENGINES

    secret, place = tmp_path / "secret", tmp_path / "model.xml"
    secret.write_text("secret", "utf-8")
    (tmp_path / "model.bin").write_bytes(b"")
    text = LAYERS.format(secret=secret, type="ReLU", version="opset1")
    place.write_text(text, "utf-8")
    assert openvino.Core().read_model(place).get_friendly_name() == "&secret;"
    found = ENGINES["openvino"].load(place)({"x": np.ones(1, np.float32)})
    assert found["y"] == 1
    for version in ("opset1", "extension"):
        text = LAYERS.format(secret=secret, type="Evil", version=version)
        place.write_text(text, "utf-8")
        with pytest.raises(BundleError, match=r"model\.xml cannot be loaded"):
            ENGINES["openvino"].load(place)
