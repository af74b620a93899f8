"""Graphs in LiteRT's format, run by LiteRT."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from tfner.engines import Run
from tfner.engines.failures import loading, running
from tfner.storage.workers import available_cores


def load(
    graph: Path | bytes, *, precision: str = "float32", threads: int | None = None
) -> Run:
    """Load a graph into LiteRT.

    Args:
        graph: file, or bytes, of LiteRT's format.
        precision: that of the graph, which alone decides.
        threads: that compute at once; as many as cores if None.

    Raises:
        BundleError: see `tfner.engines.Engine.load`.
    """
    with loading(graph):
        content = graph.read_bytes() if isinstance(graph, Path) else graph
        interpreter = Interpreter(
            model_content=content, num_threads=threads or available_cores()
        )
        runner = interpreter.get_signature_runner()
    turn = threading.Lock()  # the interpreter serves one thread at a time

    def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
        with turn, running(graph):
            return dict(runner(**inputs))

    return run
