"""Models in OpenVINO's own format, XML and weights.

The tags of `viterbi` are decoded by the client, as `Predictor.load` does: the graph
gives probabilities.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openvino

from tfner.engines import ENGINES
from tfner.engines.onnx_graph import build
from tfner.errors import ExportError
from tfner_export.formats.graphs import (
    calibration,
    check_graph,
    compare_graph,
    write_rest,
)

if TYPE_CHECKING:
    from tfner_export.exporter import Source

ENGINE = ENGINES["openvino"]

compare = compare_graph


def check(source: Source) -> None:
    """Refuse models that no graph can be made of, and int8 without NNCF.

    Raises:
        ConfigError: see `check_graph`.
        ExportError: int8 is asked for, and NNCF is not installed.
    """
    check_graph(source)
    if source.serving.precision == "int8" and not importlib.util.find_spec("nncf"):
        raise ExportError(
            "NNCF makes int8 for OpenVINO: pip install nncf. Or use --format onnx."
        )


def write(source: Source, stage: Path) -> dict[str, Any]:
    """Write `model.xml` and `model.bin`, and what turns text into inputs and back.

    Returns:
        See `tfner_export.formats.graphs.write_rest`.
    """
    model = openvino.Core().read_model(build(source.model).SerializeToString())
    if source.serving.precision == "int8":
        model = _quantized(model, source)
    # Half the digits are as many as bfloat16 has, and half the bytes.
    halved = source.serving.precision == "bfloat16"
    openvino.save_model(model, stage / ENGINE.file, compress_to_fp16=halved)
    return write_rest(source, stage, ENGINE)


def _quantized(model: Any, source: Source) -> Any:
    """A model with kernels of int8; with texts, activations are of int8, too."""
    import nncf

    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):  # bars of progress
        if not source.serving.calibrate:
            return nncf.compress_weights(model)
        batches = list(calibration(source))
        return nncf.quantize(
            model,
            nncf.Dataset(batches),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(batches),
        )
