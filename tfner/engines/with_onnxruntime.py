"""Graphs in ONNX, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime

from tfner.engines import Run
from tfner.engines.failures import loading, running
from tfner.storage.workers import available_cores

SLOW = ("SkipLayerNormFusion",)
"""Fusions that are left out: this operator takes eight times as long as its parts."""


def load(
    graph: Path | bytes, *, precision: str = "float32", threads: int | None = None
) -> Run:
    """Load a graph into ONNX Runtime.

    Args:
        graph: file, or bytes, of a model in ONNX.
        precision: that of the graph, which alone decides.
        threads: that compute at once; as many as cores if None.

    Raises:
        BundleError: see `tfner.engines.Engine.load`.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    # Threads that wait in a loop would take the time of those that encode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are raised
    with loading(graph):
        session = onnxruntime.InferenceSession(
            str(graph) if isinstance(graph, Path) else graph,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=SLOW,
        )
    names = [output.name for output in session.get_outputs()]

    def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
        with running(graph):
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return run
