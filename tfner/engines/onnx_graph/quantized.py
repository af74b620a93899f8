"""Graphs in ONNX whose matrix products are of int8."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

WEIGHTS = {"per_channel": True}
"""Each column of a kernel has a scale of its own, which costs no time."""


def dynamic(model: onnx.ModelProto) -> onnx.ModelProto:
    """A graph whose scales of activations are found anew for every batch.

    Args:
        model: from `build`; kernels and embeddings of the result are of int8.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    return _made_by(
        lambda path: quantize_dynamic(
            model, path, weight_type=QuantType.QInt8, **WEIGHTS
        )
    )


def static(
    model: onnx.ModelProto, batches: Iterable[Mapping[str, Any]]
) -> onnx.ModelProto:
    """A graph whose scales of activations are those of some batches.

    Args:
        model: from `build`; kernels and embeddings of the result are of int8.
        batches: inputs like those that are to come, by their names on the wire.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantType,
        quantize_static,
    )

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._batches = iter(batches)

        def get_next(self) -> dict[str, Any] | None:
            found = next(self._batches, None)
            return None if found is None else dict(found)

    return _made_by(
        lambda path: quantize_static(
            model,
            path,
            Reader(),
            op_types_to_quantize=["MatMul", "Gather"],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Products of two activations, in attention, stay as they are.
            extra_options={"MatMulConstBOnly": True},
            **WEIGHTS,
        )
    )


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
