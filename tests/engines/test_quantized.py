"""Graphs of int8: what stays in float32, and what calibration texts are for."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.slow

WIDTH = 3


def two_products() -> onnx.ModelProto:
    """Two inputs, each multiplied by a kernel, and by one another."""
    shape = ("B", "S", WIDTH)
    names = ("usual", "outlying")
    nodes = [
        onnx.helper.make_node("MatMul", [name, "kernel"], [f"{name}_out"], name=name)
        for name in names
    ]
    nodes += [
        onnx.helper.make_node("Transpose", ["usual"], ["turned"], perm=[0, 2, 1]),
        onnx.helper.make_node("MatMul", ["outlying", "turned"], ["both"], name="both"),
    ]
    ends = [
        [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name in ends
        ]
        for ends in (names, [f"{name}_out" for name in names])
    ]
    kernel = np.eye(WIDTH, dtype=np.float32)
    graph = onnx.helper.make_graph(
        nodes, "graph", *ends, [onnx.numpy_helper.from_array(kernel, "kernel")]
    )
    opset = [onnx.helper.make_opsetid("", 18)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)


@pytest.mark.parametrize("times", [1, 100])
def test_kernels_of_outlying_rows_stay_in_float32(times: int) -> None:
    from tfner.engines.onnx_graph.quantized import exact_products, static

    random = np.random.default_rng(0)
    batches = [
        {
            name: random.normal(size=(2, 20, WIDTH)).astype(np.float32)
            for name in ("usual", "outlying")
        }
        for _ in range(3)
    ]
    batches[1]["outlying"][0, 7] = times  # in one row of one batch
    model = two_products()
    expected = ["outlying", "both"] if times > 1 else ["both"]
    assert exact_products(model, batches) == expected
    assert exact_products(model, []) == ["both"]
    graph = static(model, iter(batches)).graph
    made_by = {output: node for node in graph.node for output in node.output}
    rounded = {
        node.name
        for node in graph.node
        if node.op_type == "MatMul"
        and made_by[node.input[0]].op_type == "DequantizeLinear"
    }
    assert rounded == {"usual", "outlying"} - {*expected}
