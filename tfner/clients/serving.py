"""TensorFlow Serving's own protocol: REST and gRPC.

Source: tensorflow/serving tensorflow_serving/g3doc/api_rest.md and
apis/{predict,get_model_metadata}.proto.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray

from tfner.clients import protos
from tfner.clients.addresses import Address
from tfner.clients.signatures import Arrays, Message, Signature, TensorInfo

INTEGERS, FLOATS = np.dtype(np.int64), np.dtype(np.float32)
SIGNATURES = "signature_def"


class RestCodec:
    """REST of TensorFlow Serving.

    Args:
        rows: write requests in row format ("instances"), not in columns ("inputs").
    """

    def __init__(self, *, rows: bool = False) -> None:
        self._rows = rows

    def predict(self, address: Address, inputs: Arrays, signature: str) -> Message:
        """Write a request for predictions; see `Codec`."""
        body: dict[str, Any] = {"signature_name": signature}
        listed = {name: array.tolist() for name, array in inputs.items()}
        if self._rows:
            values = zip(*listed.values(), strict=True)
            body["instances"] = [dict(zip(listed, row, strict=True)) for row in values]
        else:
            body["inputs"] = listed
        blob = json.dumps(body, separators=(",", ":")).encode()
        return Message(f"{address.path('v1')}:predict", blob)

    def outputs(self, answer: bytes) -> dict[str, NDArray[Any]]:
        """Read predictions; a signature's only output has no name in them: "".

        Raises:
            ValueError: the answer holds none.
        """
        found = json_object(answer)
        if "predictions" in found:
            rows = found["predictions"]
            if rows and isinstance(rows[0], Mapping):
                return {n: _array([row[n] for row in rows]) for n in rows[0]}
            return {"": _array(rows)}
        if "outputs" not in found:
            raise ValueError("it holds neither outputs nor predictions")
        columns = found["outputs"]
        if isinstance(columns, Mapping):
            return {name: _array(values) for name, values in columns.items()}
        return {"": _array(columns)}

    def describe(self, address: Address) -> Message:
        """Write a request for what the model takes and gives."""
        return Message(f"{address.path('v1')}/metadata", None)

    def signatures(self, answer: bytes) -> dict[str, Signature]:
        """Read what the model takes and gives, by signature.

        Raises:
            ValueError: the answer does not tell.
        """
        found = json_object(answer)
        version = str(found.get("model_spec", {}).get("version", ""))
        listed = found["metadata"][SIGNATURES][SIGNATURES]
        return {
            name: Signature(
                name,
                _infos_of_json(signature["inputs"]),
                _infos_of_json(signature["outputs"]),
                version,
            )
            for name, signature in listed.items()
        }


class GrpcCodec:
    """gRPC of TensorFlow Serving."""

    def predict(self, address: Address, inputs: Arrays, signature: str) -> Message:
        """Write a request for predictions; see `Codec`.

        It asks for all outputs: batching runs requests for some of them apart.
        """
        request = protos.PredictRequest()
        _fill_spec(request.model_spec, address)
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(protos.make_tensor(array))
        return Message(protos.PREDICT, request.SerializeToString())

    def outputs(self, answer: bytes) -> dict[str, NDArray[Any]]:
        """Read predictions.

        Raises:
            ValueError: the answer holds none.
        """
        with decoding():
            outputs = protos.PredictResponse.FromString(answer).outputs
        return {name: protos.read_tensor(tensor) for name, tensor in outputs.items()}

    def describe(self, address: Address) -> Message:
        """Write a request for what the model takes and gives."""
        request = protos.GetModelMetadataRequest(metadata_field=[SIGNATURES])
        _fill_spec(request.model_spec, address)
        return Message(protos.METADATA, request.SerializeToString())

    def signatures(self, answer: bytes) -> dict[str, Signature]:
        """Read what the model takes and gives, by signature.

        Raises:
            ValueError: the answer does not tell.
        """
        signatures = protos.SignatureDefMap()
        with decoding():
            found = protos.GetModelMetadataResponse.FromString(answer)
            found.metadata[SIGNATURES].Unpack(signatures)
        version = str(found.model_spec.version.value)
        return {
            name: Signature(name, _infos(sig.inputs), _infos(sig.outputs), version)
            for name, sig in signatures.signature_def.items()
        }


@contextmanager
def decoding() -> Iterator[None]:
    """Turn protobuf's complaint of bytes into a ValueError."""
    try:
        yield
    except DecodeError as error:
        raise ValueError(f"it is no message of this protocol ({error})") from None


def json_object(answer: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: it is none.
    """
    found = json.loads(answer)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _array(values: Any) -> NDArray[Any]:
    """Numbers of JSON in the types that models give them in; strings as objects."""
    array = np.array(values)
    if array.dtype.kind in "iu":
        return array.astype(INTEGERS)
    if array.dtype.kind == "f":
        return array.astype(FLOATS)
    return array.astype(object) if array.dtype.kind == "U" else array


def _fill_spec(spec: Any, address: Address) -> None:
    spec.name = address.model
    if address.version is not None:
        spec.version.value = address.version
    elif address.label is not None:
        spec.version_label = address.label


def _infos(infos: Mapping[str, Any]) -> dict[str, TensorInfo]:
    return {
        name: TensorInfo(
            protos.dtype_name(info.dtype),
            None
            if info.tensor_shape.unknown_rank
            else tuple(dim.size for dim in info.tensor_shape.dim),
        )
        for name, info in infos.items()
    }


def _infos_of_json(infos: Mapping[str, Any]) -> dict[str, TensorInfo]:
    return {
        name: TensorInfo(
            protos.dtype_name(protos.DATA_TYPES.get(info["dtype"], 0)),
            None
            if info["tensor_shape"].get("unknown_rank")
            else tuple(int(dim["size"]) for dim in info["tensor_shape"].get("dim", [])),
        )
        for name, info in infos.items()
    }
