"""Models in ONNX, as ONNX Runtime and many other programs run them.

The file holds ONNX' own operators alone; ONNX Runtime fuses them as it loads it. The
tags of `viterbi` are decoded by the client, as `Predictor.load` does: the graph gives
probabilities.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from tfner.engines import ENGINES
from tfner.engines.onnx_graph import build, quantized
from tfner_export.formats.graphs import (
    calibration,
    check_graph,
    compare_graph,
    write_rest,
)

if TYPE_CHECKING:
    from tfner_export.exporter import Source

ENGINE = ENGINES["onnxruntime"]

check, compare = check_graph, compare_graph


def write(source: Source, stage: Path) -> dict[str, Any]:
    """Write `model.onnx`, and what turns text into its inputs and back.

    Returns:
        See `tfner_export.formats.graphs.write_rest`.
    """
    model = build(source.model)
    if source.serving.calibrate:
        model = quantized.static(model, calibration(source))
    elif source.serving.precision == "int8":
        model = quantized.dynamic(model)
    onnx.save(model, stage / ENGINE.file)
    return write_rest(source, stage, ENGINE)
