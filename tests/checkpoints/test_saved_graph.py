"""Operators that name files are allowed where loading alone runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner.checkpoints.graph_operators import CALLS, FILES, OPERATORS
from tfner.checkpoints.saved_graph import check_graph, foreign_operators
from tfner.errors import CheckpointError, StorageError

pytestmark = pytest.mark.slow

Change = Callable[[Any], None]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text("anna\nparis\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory, vocabulary: Path) -> Path:
    """A graph of TensorFlow 1 with a variable and a table that an asset fills."""
    import tensorflow as tf

    v1 = tf.compat.v1
    folder = tmp_path_factory.mktemp("old") / "model"
    with tf.Graph().as_default(), v1.Session() as session:
        ids = v1.placeholder(tf.int64, [None], name="ids")
        weights = v1.get_variable("weights", [2], use_resource=False)
        file = tf.constant(str(vocabulary))
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, file)
        table = tf.lookup.StaticHashTable(_lines(file), -1)
        words = tf.strings.as_string(ids)
        found = tf.cast(table.lookup(words), tf.float32) + weights[0]
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        info = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def(
            {"ids": info(ids)}, {"probs": info(tf.identity(found, name="probs"))}
        )
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            main_op=v1.tables_initializer(),
        )
        builder.save()
    return folder


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory, vocabulary: Path) -> Path:
    """The same of TensorFlow 2."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("new") / "model"
    module = tf.Module()
    module.weights = tf.Variable([1.0, 2.0])
    module.table = tf.lookup.StaticHashTable(_lines(str(vocabulary)), -1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def tag(words: Any) -> Any:
        found = tf.cast(module.table.lookup(words), tf.float32)
        return {"probs": found + module.weights[0]}

    tf.saved_model.save(module, folder, signatures=tag)
    return folder


def _lines(file: Any) -> Any:
    import tensorflow as tf

    index = tf.lookup.TextFileIndex
    kinds = (tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER)
    return tf.lookup.TextFileInitializer(file, *kinds)


@pytest.fixture
def check(tmp_path: Path) -> Callable[[Path, Change], None]:
    """Checks a copy of a SavedModel whose graph is changed."""
    import shutil

    from tensorflow.core.protobuf import saved_model_pb2

    def check(model: Path, change: Change) -> None:
        copy = Path(shutil.copytree(model, tmp_path / "model"))
        file, content = copy / "saved_model.pb", saved_model_pb2.SavedModel()
        content.ParseFromString(file.read_bytes())
        change(content.meta_graphs[0])
        file.write_bytes(content.SerializeToString())
        check_graph(copy)

    return check


def node(graph: Any, operator: str) -> Any:
    """The first node of an operator."""
    return next(n for n in graph.graph_def.node if n.op == operator)


def function(graph: Any, operator: str) -> Any:
    """The function with an operator."""
    functions = graph.graph_def.library.function
    return next(f for f in functions if operator in {n.op for n in f.node_def})


def add_path(graph: Any, path: str = "/etc/hostname") -> str:
    """Add a constant text."""
    made = graph.graph_def.node.add(name="evil", op="Const")
    made.attr["dtype"].type = 7
    made.attr["value"].tensor.dtype = 7
    made.attr["value"].tensor.string_val.append(path.encode())
    return str(made.name)


def save_when_asked(graph: Any) -> None:
    node(graph, "StridedSlice").input.append(f"^{node(graph, 'SaveV2').name}")


def save_when_initialised(graph: Any) -> None:
    main = graph.collection_def["saved_model_main_op"].node_list
    main.value[:] = [node(graph, "SaveV2").name]


def save_when_restored(graph: Any) -> None:
    name = graph.saver_def.restore_op_name
    restore = next(n for n in graph.graph_def.node if n.name == name)
    restore.input.append(f"^{node(graph, 'MergeV2Checkpoints').name}")


def restore_when_asked(graph: Any) -> None:
    node(graph, "StridedSlice").input.append(f"^{node(graph, 'RestoreV2').name}")


def restore_from_elsewhere(graph: Any) -> None:
    node(graph, "RestoreV2").input[0] = add_path(graph)


def fill_from_elsewhere(graph: Any) -> None:
    node(graph, "InitializeTableFromTextFileV2").input[1] = add_path(graph)


def fill_when_asked(graph: Any) -> None:
    name = node(graph, "InitializeTableFromTextFileV2").name
    node(graph, "StridedSlice").input.append(f"^{name}")


def give_sparsely(graph: Any) -> None:
    given = graph.signature_def["serving_default"].outputs["more"]
    given.coo_sparse.values_tensor_name = f"{node(graph, 'SaveV2').name}:0"


OLD = {
    save_when_asked: "SaveV2",
    save_when_initialised: "SaveV2",
    save_when_restored: "MergeV2Checkpoints",
    restore_when_asked: "RestoreV2",
    restore_from_elsewhere: "RestoreV2",
    fill_from_elsewhere: "InitializeTableFromTextFileV2",
    fill_when_asked: "InitializeTableFromTextFileV2",
    give_sparsely: "SaveV2",
}


@pytest.mark.parametrize("change", OLD, ids=lambda change: change.__name__)
def test_a_graph_of_tensorflow_1_names_files_when_it_is_loaded_alone(
    change: Change, old: Path, check: Any
) -> None:
    check_graph(old)
    with pytest.raises(CheckpointError, match=rf"no tagger needs.*{OLD[change]}"):
        check(old, change)


def give_the_saver(graph: Any) -> None:
    made = graph.object_graph_def.nodes.add()
    name = function(graph, "SaveV2").signature.name
    made.bare_concrete_function.concrete_function_name = name


def let_the_saver_be(graph: Any) -> None:
    name = function(graph, "RestoreV2").signature.name
    graph.object_graph_def.nodes[-1].function.concrete_functions.append(name)


def swap_the_saver(graph: Any) -> None:
    function(graph, "SaveV2").attr["api_implements"].s = b"lookup"


def call_the_saver(graph: Any) -> None:
    call = function(graph, "StatefulPartitionedCall").node_def[0]
    call.attr["f"].func.name = function(graph, "SaveV2").signature.name


def fill_by_a_constant(graph: Any) -> None:
    name = function(graph, "InitializeTableFromTextFileV2").signature.name
    bound = graph.object_graph_def.concrete_functions[name].bound_inputs
    graph.object_graph_def.nodes[bound[0]].constant.operation = "x"


def fill_by_what_is_made(graph: Any) -> None:
    filler = function(graph, "InitializeTableFromTextFileV2")
    made = filler.node_def.add(name="made", op="StringJoin")
    fills = next(n for n in filler.node_def if n.op.startswith("Initialize"))
    fills.input[1] = f"{made.name}:output:0"


NEW = {
    give_the_saver: "SaveV2",
    let_the_saver_be: "RestoreV2",
    swap_the_saver: "SaveV2",
    call_the_saver: "SaveV2",
    fill_by_a_constant: "InitializeTableFromTextFileV2",
    fill_by_what_is_made: "InitializeTableFromTextFileV2",
}


@pytest.mark.parametrize("change", NEW, ids=lambda change: change.__name__)
def test_objects_of_tensorflow_2_neither_save_nor_read_other_files(
    change: Change, new: Path, check: Any
) -> None:
    check_graph(new)
    with pytest.raises(CheckpointError, match=rf"no tagger needs.*{NEW[change]}"):
        check(new, change)


def name_asset(graph: Any, name: str) -> None:
    """Give the asset another name; TensorFlow 1 keeps it in a collection."""
    from tensorflow.core.protobuf.meta_graph_pb2 import AssetFileDef

    for asset in graph.asset_file_def:
        asset.filename = name
    for content in graph.collection_def["saved_model_assets"].any_list.value:
        asset = AssetFileDef.FromString(content.value)
        asset.filename = name
        content.Pack(asset)


@pytest.mark.parametrize("name", ["../../etc/hostname", "/etc/hostname", "a/../../b"])
@pytest.mark.parametrize("model", ["old", "new"])
def test_assets_lie_in_the_directory(
    name: str, model: str, check: Any, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(CheckpointError, match="outside of its assets"):
        check(request.getfixturevalue(model), lambda graph: name_asset(graph, name))


def test_an_asset_that_lacks_is_named(new: Path, check: Any) -> None:
    with pytest.raises(StorageError, match=r"assets/other\.txt: cannot be read"):
        check(new, lambda graph: name_asset(graph, "other.txt"))


def test_a_constant_may_not_be_of_more_numbers_than_memory_holds(
    new: Path, check: Any
) -> None:
    def change(graph: Any) -> None:
        made = graph.graph_def.node.add(name="large", op="Const")
        for _ in range(3):
            made.attr["value"].tensor.tensor_shape.dim.add(size=100_000)

    with pytest.raises(CheckpointError, match="a constant of 1,000,000,000,000,000"):
        check(new, change)


@pytest.mark.parametrize(
    "content", [b"", b"saved_model_schema_version: 1\nmeta_graphs {\n", b"\x0a\xff\xff"]
)
def test_what_is_no_saved_model_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"saved_model\.pb is (damaged|empty)"):
        check_graph(tmp_path)


def test_all_operators_are_tensorflows_and_those_that_call_are_known() -> None:
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    known = op_def_pb2.OpList()
    known.ParseFromString(
        pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    )
    kinds = {op.name: {attr.type for attr in op.attr} for op in known.op}
    assert {*kinds} >= OPERATORS | FILES
    functions = {"func", "list(func)"}
    assert {name for name in OPERATORS if kinds[name] & functions} == CALLS


SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_size": 32,
    "max_positions": 24,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "bert": {"embedding_size": 8},
    "albert": {"embedding_size": 8, "num_groups": 2},
    "mpnet": {"position_offset": 2},
    "deberta": {"terms": ("c2p", "p2c"), "farthest": 24, "buckets": 16},
    "convbert": {"num_heads": 4, "groups": 2},
    "rotary": {},
}
LAYERS = {
    "recurrent": ("LSTM", {"units": 8, "return_sequences": True}),
    "gated": ("GRU", {"units": 8, "return_sequences": True}),
    "convolved": ("Conv1D", {"filters": 8, "kernel_size": 3, "padding": "causal"}),
    "separable": ("SeparableConv1D", {"filters": 8, "kernel_size": 3}),
    "pooled": ("MaxPooling1D", {}),
    "normed": ("BatchNormalization", {}),
    "grouped": ("GroupNormalization", {"groups": 2}),
}


def graph_of(model: Any) -> Any:
    """The MetaGraphDef of a model of pieces, as exports have it."""
    import tensorflow as tf
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

    names = ("input_ids", "attention_mask", "token_type_ids")
    specs = {name: tf.TensorSpec([None, None], tf.int32, name) for name in names}
    function = tf.function(
        lambda **given: model(given, training=False), autograph=False
    )
    traced = function.get_concrete_function(**specs)
    return MetaGraphDef(graph_def=traced.graph.as_graph_def())


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_encoders_of_every_family_only_compute(family: str, policy: str) -> None:
    from tfner.models.encoders import ENCODERS

    assert {*FAMILIES} == {*ENCODERS}
    encoder = ENCODERS[family](**SIZES | FAMILIES[family], dtype=policy)
    assert foreign_operators(graph_of(encoder)) == []


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_of_keras_only_compute(layer: str) -> None:
    import keras

    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in names}
    masks = layer in ("recurrent", "gated")
    rows = keras.layers.Embedding(50, 8, mask_zero=masks)(inputs["input_ids"])
    kind, settings = LAYERS[layer]
    model = keras.Model(inputs, getattr(keras.layers, kind)(**settings)(rows))
    assert foreign_operators(graph_of(model)) == []
