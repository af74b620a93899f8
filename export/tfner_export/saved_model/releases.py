"""The oldest TensorFlow Serving that runs a graph, by its operators and attributes.

`operators.json` holds, for each release of TensorFlow, the operators that came with it,
and the attributes and the allowed values of attributes that came later than their
operator; 2.6 has all that are older, too. `.ci/operators.py` reads it from the released
libraries. A server has the operators of the TensorFlow of the same number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from tfner.checkpoints.saved_graph import SAVED_MODEL, nodes_of
from tfner.errors import ExportError

TABLE = "operators.json"
UNNEEDED_OPERATOR = "DisableCopyOnRead"
UNNEEDED_ATTRIBUTE = "VarHandleOp", "debug_name"

Release = tuple[int, int]


def oldest_server(saved_model: Path) -> tuple[str, list[str]]:
    """The oldest release that runs a SavedModel, and what in it needs that one.

    Operators that TensorFlow itself does not have, or that are newer than the table,
    count as of the TensorFlow that wrote them.

    Args:
        saved_model: holds `saved_model.pb`.

    Returns:
        Such as "2.6", and names of operators, attributes or values; none for the first
        release of the table.
    """
    table, floor = _table()
    here = release_of(tf.__version__)
    needed: dict[str, Release] = {}
    for node in _nodes(read_saved_model(saved_model)):
        needed[node.op] = table.get(node.op, here)
        needed |= {name: table[name] for name in _details(node) if name in table}
    oldest = max(needed.values(), default=floor)
    because = sorted(n for n, release in needed.items() if release == oldest > floor)
    return _spelled(oldest), because


def check_server(wanted: str | None, oldest: str, because: list[str]) -> None:
    """Refuse a graph that needs a newer server than the one that is to run it.

    Args:
        wanted: release of the server; None if it does not matter.
        oldest: from `oldest_server`.
        because: from `oldest_server`.

    Raises:
        ExportError: it does.
    """
    if wanted is not None and release_of(wanted) < release_of(oldest):
        raise ExportError(
            f"the graph needs TensorFlow Serving {oldest} or newer, for "
            f"{', '.join(because)}. Received: --for-server {wanted}"
        )


def release_of(version: str) -> Release:
    """The release of a version: (2, 6) of "2.6" and "2.6.2".

    Raises:
        ExportError: it is none, or one that the table knows nothing of.
    """
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    floor = _table()[1]
    if major.isdecimal() and minor.isdecimal():
        release = int(major), int(minor)
        if release >= floor:
            return release
    raise ExportError(
        f"a server is named by its release, from {_spelled(floor)} on. Received: "
        f"--for-server {version}"
    )


def make_portable(saved_model: Path) -> None:
    """Take out of a SavedModel what older servers do not know and none needs.

    `DisableCopyOnRead` spares a copy where a loaded model saves its variables again
    (TensorFlow 2.10); `debug_name` names a variable for debuggers (2.15).

    Args:
        saved_model: holds `saved_model.pb`, which is written again.
    """
    content = read_saved_model(saved_model)
    for node in _nodes(content):
        operator, attribute = UNNEEDED_ATTRIBUTE
        if node.op == operator:
            node.attr.pop(attribute, None)
    for meta in content.meta_graphs:
        for function in meta.graph_def.library.function:
            _without(UNNEEDED_OPERATOR, function)
        known = meta.meta_info_def.stripped_op_list.op
        kept = [op for op in known if op.name != UNNEEDED_OPERATOR]
        del known[:]
        known.extend(kept)
    (saved_model / SAVED_MODEL).write_bytes(content.SerializeToString())


def _without(operator: str, function: Any) -> None:
    """Take an operator without outputs out of a function."""
    gone = {node.name for node in function.node_def if node.op == operator}
    if not gone:
        return
    kept = [node for node in function.node_def if node.name not in gone]
    for node in kept:
        inputs = [name for name in node.input if name.removeprefix("^") not in gone]
        del node.input[:]
        node.input.extend(inputs)
    del function.node_def[:]
    function.node_def.extend(kept)
    lost = {key for key, node in function.control_ret.items() if node in gone}
    for key in lost:
        del function.control_ret[key]
    outputs = [o for o in function.signature.control_output if o not in lost]
    del function.signature.control_output[:]
    function.signature.control_output.extend(outputs)


def _details(node: Any) -> Iterator[str]:
    """What a server must know of an operator to read a node: `Op.attr=value`, too."""
    for name, value in node.attr.items():
        if name.startswith("_"):
            continue  # for tools; servers pass over it
        yield f"{node.op}.{name}"
        for given in _values(value):
            yield f"{node.op}.{name}={given}"


def _values(value: Any) -> Iterator[str]:
    for type_ in (*value.list.type, *([value.type] if value.type else [])):
        yield types_pb2.DataType.Name(type_)
    for text in (*value.list.s, *([value.s] if value.s else [])):
        yield text.decode(errors="replace")


def read_saved_model(saved_model: Path) -> Any:
    """Read `saved_model.pb` of a directory as its protocol buffer."""
    content = saved_model_pb2.SavedModel()
    content.ParseFromString((saved_model / SAVED_MODEL).read_bytes())
    return content


def _nodes(content: Any) -> Iterator[Any]:
    for graph in content.meta_graphs:
        yield from nodes_of(graph)


@cache
def _table() -> tuple[dict[str, Release], Release]:
    """Release by name of operator, attribute or value; and the first release."""
    text = resources.files(__package__).joinpath(TABLE).read_text(encoding="utf-8")
    content = json.loads(text)
    table: dict[str, Release] = {}
    for part in ("operators", "attributes"):
        for version, names in content[part].items():
            table |= dict.fromkeys(names, _release(version))
    for version, attributes in content["values"].items():
        for name, values in attributes.items():
            table |= {f"{name}={value}": _release(version) for value in values}
    return table, min(map(_release, content["operators"]))


def _release(version: str) -> Release:
    major, minor = version.split(".")
    return int(major), int(minor)


def _spelled(release: Release) -> str:
    return ".".join(map(str, release))
