"""KServe's V2 protocol (Open Inference Protocol): REST and gRPC.

Source: kserve/open-inference-protocol specification/protocol/inference_rest.md and
open_inference_grpc.proto. The protocol knows no signatures. Another one than the
default goes as the parameter `signature_name`, which tfner's gateway understands.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from tfner.clients import protos
from tfner.clients.addresses import Address
from tfner.clients.serving import decoding, json_object
from tfner.clients.signatures import DEFAULT, Arrays, Message, Signature, TensorInfo

TYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
"""Types of numpy by those of the protocol."""
NAMES = {dtype: name for name, dtype in TYPES.items()}
CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Lists of values of gRPC, by type."""
# Requests have an id, though they need none: models of KServe's Python server that give
# back an empty one fail.
PARAMETER = "signature_name"
LENGTH = struct.Struct("<I")
"""Stands before each string among raw contents."""


class V2RestCodec:
    """REST of the V2 protocol."""

    def predict(self, address: Address, inputs: Arrays, signature: str) -> Message:
        """Write a request for predictions; see `Codec`."""
        body: dict[str, Any] = {
            "id": uuid4().hex,
            "inputs": [
                {
                    "name": name,
                    "shape": [*array.shape],
                    "datatype": NAMES[array.dtype.name],
                    "data": [_plain(value) for value in array.ravel().tolist()],
                }
                for name, array in inputs.items()
            ],
        }
        if signature != DEFAULT:
            body["parameters"] = {PARAMETER: signature}
        blob = json.dumps(body, separators=(",", ":")).encode()
        return Message(f"{address.path('v2')}/infer", blob)

    def outputs(self, answer: bytes) -> dict[str, NDArray[Any]]:
        """Read predictions.

        Raises:
            ValueError: the answer holds none.
        """
        return {
            output["name"]: np.array(output["data"], TYPES[output["datatype"]]).reshape(
                output["shape"]
            )
            for output in json_object(answer)["outputs"]
        }

    def describe(self, address: Address) -> Message:
        """Write a request for what the model takes and gives."""
        return Message(address.path("v2"), None)

    def signatures(self, answer: bytes) -> dict[str, Signature]:
        """Read what the model takes and gives, as one signature.

        Raises:
            ValueError: the answer does not tell.
        """
        found = json_object(answer)

        def infos(tensors: list[Mapping[str, Any]]) -> dict[str, TensorInfo]:
            return {
                tensor["name"]: TensorInfo(
                    TYPES.get(tensor["datatype"], "object"), tuple(tensor["shape"])
                )
                for tensor in tensors
            }

        inputs, outputs = infos(found["inputs"]), infos(found["outputs"])
        version = str((found.get("versions") or [""])[-1])
        return {DEFAULT: Signature(DEFAULT, inputs, outputs, version)}


class V2GrpcCodec:
    """gRPC of the V2 protocol."""

    def predict(self, address: Address, inputs: Arrays, signature: str) -> Message:
        """Write a request for predictions, numbers as bytes; see `Codec`."""
        request = protos.ModelInferRequest(model_name=address.model, id=uuid4().hex)
        if address.version is not None:
            request.model_version = str(address.version)
        if signature != DEFAULT:
            request.parameters[PARAMETER].string_param = signature
        for name, array in inputs.items():
            kind = NAMES[array.dtype.name]
            request.inputs.add(name=name, datatype=kind, shape=[*array.shape])
            request.raw_input_contents.append(to_bytes(array))
        return Message(protos.V2_INFER, request.SerializeToString())

    def outputs(self, answer: bytes) -> dict[str, NDArray[Any]]:
        """Read predictions, whether as bytes or as lists of values.

        Raises:
            ValueError: the answer holds none.
        """
        with decoding():
            found = protos.ModelInferResponse.FromString(answer)
        raws = [*found.raw_output_contents]
        if raws and len(raws) != len(found.outputs):
            raise ValueError(f"{len(found.outputs)} outputs have {len(raws)} contents")
        outputs = {}
        for number, output in enumerate(found.outputs):
            kind = np.dtype(TYPES[output.datatype])
            if raws:
                flat = _read_raw(raws[number], kind)
            else:
                listed = getattr(output.contents, CONTENTS[output.datatype])
                flat = np.array([*listed], kind)
            outputs[output.name] = flat.reshape([*output.shape])
        return outputs

    def describe(self, address: Address) -> Message:
        """Write a request for what the model takes and gives."""
        request = protos.ModelMetadataRequest(name=address.model)
        if address.version is not None:
            request.version = str(address.version)
        return Message(protos.V2_METADATA, request.SerializeToString())

    def signatures(self, answer: bytes) -> dict[str, Signature]:
        """Read what the model takes and gives, as one signature.

        Raises:
            ValueError: the answer does not tell.
        """
        with decoding():
            found = protos.ModelMetadataResponse.FromString(answer)
        infos = [
            {
                tensor.name: TensorInfo(
                    TYPES.get(tensor.datatype, "object"), tuple(tensor.shape)
                )
                for tensor in tensors
            }
            for tensors in (found.inputs, found.outputs)
        ]
        version = ([*found.versions] or [""])[-1]
        return {DEFAULT: Signature(DEFAULT, infos[0], infos[1], version)}


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def to_bytes(array: NDArray[Any]) -> bytes:
    """The values of a tensor in binary form; of strings each behind its length."""
    if array.dtype.kind != "O":
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    values = (protos.encoded(value) for value in array.ravel().tolist())
    return b"".join(LENGTH.pack(len(value)) + value for value in values)


def read_strings(raw: bytes) -> Iterator[bytes]:
    """Read the strings of a tensor in binary form.

    Raises:
        ValueError: a string is shorter than the length before it.
    """
    place = 0
    while place < len(raw):
        start = place + LENGTH.size
        if start <= len(raw):
            place = start + LENGTH.unpack_from(raw, place)[0]
        if not start <= place <= len(raw):
            raise ValueError("a string is shorter than the length before it")
        yield raw[start:place]


def _read_raw(raw: bytes, kind: np.dtype[Any]) -> NDArray[Any]:
    if kind.kind == "O":
        return np.array([*read_strings(raw)], object)
    return np.frombuffer(raw, kind.newbyteorder("<")).astype(kind)
