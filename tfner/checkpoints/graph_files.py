"""Operators of a graph that name files: those of savers, and initialisers of tables.

Every SavedModel has a saver, so they cannot be refused by name. They are allowed where
nothing runs them but the loading of the model itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfner.checkpoints.graph_operators import (
    CALLS,
    FILES,
    INITIALIZERS,
    READER,
    SAVER,
    WRITERS,
)

INIT = "__saved_model_init_op"
"""The signature that initialises tables."""
OLD_ASSETS = "saved_model_assets"
VARIABLES = ("variables", "local_variables")
SWAPPED = "api_implements"
"""Attribute of functions that may run in place of others."""


def asset_files(graph: Any) -> list[Any]:
    """List the files that a graph has beside it, AssetFileDefs.

    Args:
        graph: a MetaGraphDef.
    """
    from tensorflow.core.protobuf.meta_graph_pb2 import AssetFileDef

    if OLD_ASSETS not in graph.collection_def:
        return list(graph.asset_file_def)
    old = graph.collection_def[OLD_ASSETS].any_list.value
    return [*graph.asset_file_def, *(AssetFileDef.FromString(a.value) for a in old)]


def out_of_place(graph: Any) -> set[str]:
    """Name the operators of `FILES` that more may run than the loading of the model.

    Args:
        graph: a MetaGraphDef.
    """
    functions = {
        function.signature.name: {node.op for node in function.node_def} & FILES
        for function in graph.graph_def.library.function
    }
    functions = {name: found for name, found in functions.items() if found}
    if graph.HasField("object_graph_def"):
        return _in_functions(graph, functions)
    return _in_graph(graph).union(*functions.values())


def _in_functions(graph: Any, functions: dict[str, set[str]]) -> set[str]:
    """Those out of place where TensorFlow 2 loads objects: it runs functions alone.

    A function of the saver is one that only the graph itself calls, which is not run. A
    table is filled by a function that gets the path of an asset from its object.
    """
    found: set[str] = set()
    for function in graph.graph_def.library.function:
        name, called = function.signature.name, _called(function.node_def)
        found.update(*(functions[f] for f in called if f in functions))
        if name not in functions:
            continue
        if SWAPPED in function.attr:
            found |= functions[name]
        if not _gets_asset(graph.object_graph_def, function):
            found |= functions[name] & {*INITIALIZERS}
    for name in _of_objects(graph.object_graph_def) & {*functions}:
        found |= functions[name] & SAVER
    return found


def _called(nodes: Iterable[Any]) -> Iterator[str]:
    """Names of the functions that nodes call."""
    for node in nodes:
        if node.op in CALLS:
            for value in node.attr.values():
                yield from (f.name for f in (value.func, *value.list.func))


def _of_objects(objects: Any) -> set[str]:
    """Names of the functions that loaded objects have."""
    found = {*objects.concrete_functions}
    for node in objects.nodes:
        found |= {*node.function.concrete_functions}
        found.add(node.bare_concrete_function.concrete_function_name)
    return found


def _gets_asset(objects: Any, function: Any) -> bool:
    """Whether the files that a function fills tables from are assets of its object."""
    name, arguments = (
        function.signature.name,
        [a.name for a in function.signature.input_arg],
    )
    wanted = {
        n.input[INITIALIZERS[n.op]] for n in function.node_def if n.op in INITIALIZERS
    }
    if name not in objects.concrete_functions:
        return name not in _of_objects(objects)  # nothing runs it
    bound = objects.concrete_functions[name].bound_inputs
    if not wanted <= {*arguments} or len(bound) != len(arguments):
        return False
    return all(
        objects.nodes[bound[arguments.index(argument)]].HasField("asset")
        for argument in wanted
    )


def _in_graph(graph: Any) -> set[str]:
    """Those out of place where the graph itself is run, as that of TensorFlow 1.

    What restores variables is run, what initialises them and tables, and signatures.
    Loading puts names of files there itself: those of the variables and of assets.
    """
    nodes = {node.name: node for node in graph.graph_def.node}
    users = _users(nodes.values())
    saver, assets = graph.saver_def, {a.tensor_info.name for a in asset_files(graph)}
    paths = {READER: {_node(saver.filename_tensor_name)}}
    paths |= {operator: {*map(_node, assets)} for operator in INITIALIZERS}
    signed, initial = _of_signatures(graph), _of_loading(graph)
    found = set()
    for node in nodes.values():
        if node.op not in FILES:
            continue
        run = signed if node.op in INITIALIZERS else signed | initial
        if node.op in WRITERS:
            run = run | {_node(saver.restore_op_name)}
        elif (
            _source(node.input[INITIALIZERS.get(node.op, 0)], nodes)
            not in paths[node.op]
        ):
            found.add(node.op)
        if run & _depending(node.name, users):
            found.add(node.op)
    return found


def _node(tensor: str) -> str:
    """Name of the node that gives a tensor, or that an input is controlled by."""
    return tensor.removeprefix("^").partition(":")[0]


def _source(tensor: str, nodes: Mapping[str, Any]) -> str:
    """Name of the node that a tensor comes from unchanged."""
    name = _node(tensor)
    for _ in nodes:  # they may form a ring
        if name not in nodes or nodes[name].op != "Identity":
            break
        name = _node(nodes[name].input[0])
    return name


def _users(nodes: Iterable[Any]) -> Mapping[str, list[str]]:
    """Names of the nodes that take something of a node, by its name."""
    users = defaultdict(list)
    for node in nodes:
        for tensor in node.input:
            users[_node(tensor)].append(node.name)
    return users


def _depending(name: str, users: Mapping[str, list[str]]) -> set[str]:
    """Names of a node and of all that cannot run without it."""
    found, left = {name}, [name]
    while left:
        new = {*users.get(left.pop(), ())} - found
        found |= new
        left += new
    return found


def _of_signatures(graph: Any) -> set[str]:
    """Names of the nodes that signatures give, but for that which initialises."""
    return {
        _node(name)
        for key, signature in graph.signature_def.items()
        if key != INIT
        for info in signature.outputs.values()
        for name in _names(info)
    }


def _names(info: Any) -> Iterator[str]:
    """Names of the tensors of a TensorInfo."""
    sparse = info.coo_sparse
    yield from (info.name, sparse.values_tensor_name)
    yield from (sparse.indices_tensor_name, sparse.dense_shape_tensor_name)
    for part in info.composite_tensor.components:
        yield from _names(part)


def _of_loading(graph: Any) -> set[str]:
    """Names of the nodes that the loading of a graph may run beside the restoring."""
    from tensorflow.core.framework.variable_pb2 import VariableDef

    found: set[str] = set()
    if INIT in graph.signature_def:
        found |= {i.name for i in graph.signature_def[INIT].outputs.values()}
    for name, collection in graph.collection_def.items():
        found |= {*collection.node_list.value}
        if name in VARIABLES:
            made = map(VariableDef.FromString, collection.bytes_list.value)
            for variable in made:
                found |= {variable.initializer_name, variable.initial_value_name}
    return {*map(_node, found)}
