"""JSON to tensors and back, in row and column format, as TensorFlow Serving does.

Source: tensorflow/serving at 9d981c5c, tensorflow_serving/util/json_tensor.cc
(FillPredictRequestFromJson, FillTensorMapFromInstancesList, FillTensorMapFromInputsMap,
MakeRowFormatJsonFromTensors, MakeColumnarFormatJsonFromTensors).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.clients.stub_batching import StubError
from tests.clients.stub_models import numpy_type


def bad(message: str) -> StubError:
    return StubError("INVALID_ARGUMENT", message)


def parse(body: bytes) -> dict[str, Any]:
    """The request's JSON object."""
    if not body:
        raise bad("JSON Parse error: The document is empty")
    try:
        document = json.loads(body)
    except ValueError:
        raise bad("JSON Parse error: Invalid value. at offset: 0") from None
    if not isinstance(document, dict):
        raise bad(f"JSON Value: {str(document)[:256]} Is not object")
    if not isinstance(document.get("signature_name", ""), str):
        raise bad(
            "JSON Value: {} not formatted correctly. 'signature_name' key must be a "
            "string value."
        )
    return document


def read_inputs(
    document: Mapping[str, Any], infos: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], bool]:
    """The tensors of a request, and whether it has the row format."""
    if "instances" in document:
        if "inputs" in document:
            raise bad(
                "JSON Value: {} Not formatted correctly expecting only one of 'inputs' "
                "or 'instances' keys to exist "
            )
        rows = document["instances"]
        if not isinstance(rows, list):
            raise bad("JSON Value: {} Expecting 'instances' to be an list/array")
        if not rows:
            raise bad("JSON Value: {} No values in 'instances' array")
        return _read_rows(rows, infos), True
    if "inputs" not in document:
        raise bad("Missing 'inputs' or 'instances' key")
    return _read_columns(document["inputs"], infos), False


def _read_rows(rows: list[Any], infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not isinstance(rows[0], dict) and len(infos) > 1:
        raise bad(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    if not isinstance(rows[0], dict) or _is_base64(rows[0]):
        rows = [{next(iter(infos)): row} for row in rows]
    columns: dict[str, list[np.ndarray]] = {name: [] for name in infos}
    for number, row in enumerate(rows):
        if set(row) != set(infos):
            raise bad(
                f"Failed to process element: {number} of 'instances' list. JSON object:"
                f" {str(row)[:256]} keys must be equal to: {','.join(sorted(infos))}"
            )
        for name, values in row.items():
            array = _tensor(values, infos[name])
            first = columns[name][0].shape if columns[name] else array.shape
            if array.shape != first:
                raise bad(
                    f"Failed to process element: {number} key: {name} of 'instances' "
                    f"list. Error: INVALID_ARGUMENT: Expecting tensor size: "
                    f"{int(np.prod(first))} but got: {array.size}"
                )
            columns[name].append(array)
    return {name: np.stack(arrays) for name, arrays in columns.items()}


def _read_columns(inputs: Any, infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not isinstance(inputs, dict) or _is_base64(inputs):
        if len(infos) > 1:
            raise bad(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        inputs = {next(iter(infos)): inputs}
    for name in infos:
        if name not in inputs:
            raise bad(f"Missing named input: {name} in 'inputs' object.")
    # Keys that the signature does not have are passed over.
    return {name: _tensor(inputs[name], info) for name, info in infos.items()}


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and [*value] == ["b64"]


def _tensor(values: Any, info: Any) -> np.ndarray:
    kind = numpy_type(info)
    try:
        array = np.array(values, object)
        flat = [_value(value, kind) for value in array.ravel()]
    except ValueError:
        raise bad("Encountered list at unexpected size: 1 at level: 1") from None
    return np.array(flat, kind).reshape(array.shape)


def _value(value: Any, kind: np.dtype) -> Any:
    if kind == np.dtype(object):
        if _is_base64(value):
            return base64.b64decode(value["b64"])
        if isinstance(value, str):
            return value.encode()
    elif kind.kind in "iu" and type(value) is int:
        limits = np.iinfo(kind)
        if limits.min <= value <= limits.max:
            return value
    elif kind.kind == "f" and type(value) in (int, float):
        return value
    if isinstance(value, list):
        raise bad("Encountered list at unexpected level: 1 expected < 1")
    raise bad(
        f"JSON Value: {str(value)[:256]} Type: {type(value).__name__} is not of "
        f"expected type: {kind.name}"
    )


def write_outputs(outputs: Mapping[str, np.ndarray], *, as_rows: bool) -> bytes:
    """The answer; one output stands alone, several by name."""
    written = {name: _listed(name, array) for name, array in outputs.items()}
    if not as_rows:
        answer = written if len(written) > 1 else next(iter(written.values()))
        return json.dumps({"outputs": answer}).encode()
    size = None
    for name, array in outputs.items():
        if array.ndim == 0:
            raise bad(f"Tensor name: {name} has no shape information ")
        if size not in (None, len(array)):
            raise bad(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {size}"
            )
        size = len(array)
    rows = [
        dict(zip(written, row, strict=True))
        for row in zip(*written.values(), strict=True)
    ]
    if len(written) == 1:
        rows = [next(iter(row.values())) for row in rows]
    return json.dumps({"predictions": rows}).encode()


def _listed(name: str, array: np.ndarray) -> Any:
    """Numbers as the server writes them: the fewest digits that give the same float."""
    if array.dtype == np.float32:
        return array.astype(str).astype(float).tolist()
    if array.dtype.kind != "O":
        return array.tolist()
    if name.endswith("_bytes"):
        encode = np.frompyfunc(lambda b: {"b64": base64.b64encode(b).decode()}, 1, 1)
        return encode(array).tolist()
    return np.frompyfunc(lambda b: b.decode(), 1, 1)(array).tolist()
