"""Engines that run a model's graph without TensorFlow, and the files they read.

An engine is one module with a function `load`, and one line in `ENGINES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfner.errors import ConfigError

Run = Callable[[Mapping[str, Any]], dict[str, Any]]
"""From inputs by their names on the wire, (B, any) int32 each, to outputs by name."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One line of the table, which is read without loading an engine.

    Args:
        name: that options have for it.
        program: its own name, for messages.
        module: name of the module that loads graphs into it.
        needs: the package without which it does not run.
        extra: of tfner, that installs it.
        file: name of the graph in an exported directory.
    """

    name: str
    program: str
    module: str
    needs: str
    extra: str
    file: str

    def load(self, graph: Path | bytes, **settings: Any) -> Run:
        """Load a graph.

        Args:
            graph: a file of this engine, or the bytes of one.
            **settings: of the module's `load`, such as `precision`.

        Raises:
            BundleError: the graph cannot be loaded; and by `Run`, that it cannot run.
            ConfigError: the engine is not installed.
        """
        try:
            module = importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != self.needs:
                raise
            raise ConfigError(
                f"{self.program} is not installed: pip install 'tfner[{self.extra}]'"
            ) from None
        run: Run = module.load(graph, **settings)
        return run


ENGINES = {
    engine.name: engine
    for engine in (
        Engine(
            *("onnxruntime", "ONNX Runtime", f"{__name__}.with_onnxruntime"),
            *("onnxruntime", "onnxruntime", "model.onnx"),
        ),
        Engine(
            *("openvino", "OpenVINO", f"{__name__}.with_openvino"),
            *("openvino", "openvino", "model.xml"),
        ),
        Engine(
            *("litert", "LiteRT", f"{__name__}.with_litert"),
            *("ai_edge_litert", "litert", "model.tflite"),
        ),
    )
}
"""Engines that run a graph in a file, by the names that options have for them."""


def engine_of(directory: Path) -> Engine | None:
    """The engine whose graph a directory holds; None if it holds none."""
    return next((e for e in ENGINES.values() if (directory / e.file).is_file()), None)
