"""Graphs in ONNX whose matrix products and tables are of int8.

Kernels have a scale for each column, tables one for each row: a single vector of large
numbers would else leave few digits to the vectors of all other pieces.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfner.engines.onnx_graph.graph import FLOAT

if TYPE_CHECKING:
    import onnx

PRODUCTS: Mapping[str, Any] = {"op_types_to_quantize": ["MatMul"], "per_channel": True}
"""Each column of a kernel has a scale of its own, which costs no time."""
LARGEST = 127
"""Of int8, of either sign."""
OUTLYING = 4.0
"""So many times the size of most rows is too large a row."""
LAST_AXIS = "last_axis"
ROWS, SCALES = "/rows", "/scales"
"""What a table's name gets when it becomes two: (V, H) int8, (V, 1) float32."""


def dynamic(model: onnx.ModelProto) -> onnx.ModelProto:
    """A graph whose scales of activations are found anew for every batch.

    Args:
        model: from `build`; kernels and tables of the result are of int8.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    small = with_small_tables(model)
    return _made_by(
        lambda path: quantize_dynamic(
            small, path, weight_type=QuantType.QInt8, **PRODUCTS
        )
    )


def static(
    model: onnx.ModelProto, batches: Iterable[Mapping[str, Any]]
) -> onnx.ModelProto:
    """A graph whose scales of activations are those of some batches.

    Some products stay in float32: see `exact_products`.

    Args:
        model: from `build`; kernels and tables of the result are of int8.
        batches: inputs like those that are to come, by their names on the wire.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantType,
        quantize_static,
    )

    kept = list(batches)

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._batches = iter(kept)

        def get_next(self) -> dict[str, Any] | None:
            found = next(self._batches, None)
            return None if found is None else dict(found)

    small = with_small_tables(model)
    exact = exact_products(small, kept)
    _separate(small.graph)
    return _made_by(
        lambda path: quantize_static(
            small,
            path,
            Reader(),
            nodes_to_exclude=exact,
            extra_options={"OpTypesToExcludeOutputQuantization": ["MatMul"]},
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            **PRODUCTS,
        )
    )


def _separate(graph: onnx.GraphProto) -> None:
    """Give products inputs of their own.

    What is rounded for a product is rounded for all that read the same, such as the sum
    with the rows that go round a layer.
    """
    from onnx import helper

    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "MatMul":
            own = f"{node.name}/rows"
            nodes.append(helper.make_node("Identity", [node.input[0]], [own]))
            node.input[0] = own
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def exact_products(
    model: onnx.ModelProto, batches: Iterable[Mapping[str, Any]]
) -> list[str]:
    """The names of products that one scale for all rows would spoil.

    That is those of two activations, in attention, and those with a kernel where the
    largest numbers of a few rows are far larger than those of most.

    Args:
        model: is left as it is.
        batches: inputs by their names on the wire.
    """
    kernels = {tensor.name for tensor in model.graph.initializer}
    products = {
        node.name: node.input for node in model.graph.node if node.op_type == "MatMul"
    }
    rows = {n: first for n, (first, second) in products.items() if second in kernels}
    outlying = {
        name
        for name, sizes in _sizes(model, set(rows.values()), batches).items()
        if sizes.max() > OUTLYING * np.median(sizes)
    }
    return [name for name in products if rows.get(name) in {None, *outlying}]


def _sizes(
    model: onnx.ModelProto, names: Iterable[str], batches: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """The largest number of every row of inner tensors, by their names."""
    import onnx
    from onnx import helper, numpy_helper

    from tfner.engines import with_onnxruntime

    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    graph, outputs = probe.graph, {f"{name}/size": name for name in names}
    graph.initializer.append(numpy_helper.from_array(np.array([-1]), LAST_AXIS))
    for output, name in outputs.items():
        positive = f"{name}/positive"
        graph.node.append(helper.make_node("Abs", [name], [positive]))
        ends = [positive, LAST_AXIS], [output]
        graph.node.append(helper.make_node("ReduceMax", *ends, keepdims=0))
        graph.output.append(onnx.ValueInfoProto(name=output))
    run = with_onnxruntime.load(probe.SerializeToString())
    found = [run(batch) for batch in batches]
    return {
        name: np.concatenate([sizes[output].ravel() for sizes in found])
        for output, name in outputs.items()
        if found
    }


def with_small_tables(model: onnx.ModelProto) -> onnx.ModelProto:
    """A graph that looks vectors up in tables of int8, and scales what it finds.

    Args:
        model: from `build`; it is left as it is.
    """
    import onnx
    from onnx import numpy_helper

    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    tables = _tables(graph)
    nodes = [node for old in graph.node for node in _looked_up(old, tables)]
    del graph.node[:]
    graph.node.extend(nodes)
    for name, tensor in tables.items():
        table = numpy_helper.to_array(tensor)
        scales = np.abs(table).max(axis=1, keepdims=True) / np.float32(LARGEST)
        rounded = np.rint(table / np.maximum(scales, np.finfo(np.float32).tiny))
        graph.initializer.remove(tensor)
        for part, values in ((ROWS, rounded.astype(np.int8)), (SCALES, scales)):
            graph.initializer.append(numpy_helper.from_array(values, name + part))
    return found


def _tables(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """The matrices that nothing is done with but to look up rows, by their names."""
    looked_up: set[str] = set()
    others: set[str] = set()
    for node in graph.node:
        is_table = node.op_type == "Gather" and node.attribute[0].i == 0
        (looked_up if is_table else others).add(node.input[0])
        others.update(node.input[1:])
    return {
        tensor.name: tensor
        for tensor in graph.initializer
        if tensor.name in looked_up - others
        and (len(tensor.dims), tensor.data_type) == (2, FLOAT)
    }


def _looked_up(node: onnx.NodeProto, tables: Container[str]) -> list[onnx.NodeProto]:
    """A node, or those that look the same rows up in a table of int8."""
    from onnx import helper

    name = node.input[0]
    if name not in tables or node.op_type != "Gather":
        return [node]
    ids, (out,) = node.input[1], node.output
    rows, scales, numbers = (f"{out}{part}" for part in (ROWS, SCALES, "/numbers"))
    return [
        helper.make_node(kind, inputs, [made], name=made, **attributes)
        for kind, inputs, made, attributes in (
            ("Gather", [name + ROWS, ids], rows, {"axis": 0}),
            ("Cast", [rows], numbers, {"to": FLOAT}),
            ("Gather", [name + SCALES, ids], scales, {"axis": 0}),
            ("Mul", [numbers, scales], out, {}),
        )
    ]


def _made_by(write: Callable[[Path], None]) -> onnx.ModelProto:
    """What ONNX Runtime writes into a file, and into nothing else."""
    import onnx

    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "model.onnx"
        write(path)
        return onnx.load(path)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice to prepare a graph, which `build` leaves nothing to do."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
