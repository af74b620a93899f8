"""Graphs in OpenVINO's format or in ONNX, run by OpenVINO."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from tfner.engines import Run
from tfner.engines.failures import loading, running
from tfner.storage.workers import available_cores

HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""Number format of what is not quantised, by the precision of a graph."""


def load(
    graph: Path | bytes, *, precision: str = "float32", threads: int | None = None
) -> Run:
    """Load a graph into OpenVINO, for the CPU.

    Args:
        graph: file, or bytes, of OpenVINO's format or of a model in ONNX.
        precision: a key of `HINTS`. A processor without bfloat16 takes float32 for it.
        threads: that compute at once; as many as cores if None.

    Raises:
        BundleError: see `tfner.engines.Engine.load`.
    """
    core = openvino.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": threads or available_cores(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    with loading(graph):
        model = core.read_model(graph)
        tables = _tables(model)
        compiled = core.compile_model(model, "CPU", settings)
    names = [output.get_any_name() for output in compiled.outputs]
    one = threading.local()  # a request serves one thread at a time

    def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
        if not hasattr(one, "request"):
            one.request = compiled.create_infer_request()
        with running(graph):
            for name, rows in tables.items():
                if not (inputs[name] < rows).all():
                    raise ValueError(f"{name} beyond the {rows:,} that it knows")
            found = one.request.infer(dict(inputs), share_inputs=True)
        return {name: np.array(found[name]) for name in names}

    return run


def _tables(model: openvino.Model) -> dict[str, int]:
    """Rows of the tables that inputs are looked up in, by the inputs' names.

    What is in no row OpenVINO takes for zeros; other engines refuse it.
    """
    found = {}
    for parameter in model.get_parameters():
        for target in _targets(parameter):
            taker = target.get_node()
            if taker.get_type_name() == "Gather" and target.get_index() == 1:
                rows = taker.input_value(0).get_partial_shape()[0]
                if rows.is_static:
                    found[parameter.output(0).get_any_name()] = rows.get_length()
    return found


def _targets(node: openvino.Node) -> Iterator[Any]:
    """The inputs that take what a node gives, conversions passed over."""
    for target in node.output(0).get_target_inputs():
        if target.get_node().get_type_name() == "Convert":
            yield from _targets(target.get_node())
        else:
            yield target
