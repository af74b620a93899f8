"""Models in LiteRT's format (TFLite), for phones and small machines.

Rows of any number and length are taken, by LiteRT's own operators alone. The tags of
`viterbi` are decoded by the client, as `Predictor.load` does: the graph gives
probabilities.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import ai_edge_litert  # noqa: F401  (what runs the file)

from tfner.engines import ENGINES, litert_graph
from tfner.engines.onnx_graph import build
from tfner_export.formats.graphs import check_graph, compare_graph, write_rest

if TYPE_CHECKING:
    from tfner_export.exporter import Source

ENGINE = ENGINES["litert"]

compare = compare_graph


def check(source: Source) -> None:
    """Refuse models that no graph can be made of, or that LiteRT lacks operators for.

    Raises:
        ConfigError: see `check_graph` and `litert_graph.check`.
    """
    check_graph(source)
    litert_graph.check(build(source.model))


def write(source: Source, stage: Path) -> dict[str, Any]:
    """Write `model.tflite`, and what turns text into its inputs and back.

    Returns:
        See `tfner_export.formats.graphs.write_rest`.
    """
    int8 = source.serving.precision == "int8"
    content = litert_graph.convert(build(source.model), int8=int8)
    (stage / ENGINE.file).write_bytes(content)
    return write_rest(source, stage, ENGINE)
