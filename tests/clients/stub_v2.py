"""KServe's V2 protocol over exported models, REST and gRPC.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md and
open_inference_grpc.proto. The protocol has no signatures; `signature_name` among the
parameters of a request names one here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import numpy as np

from tests.clients.stub_batching import StubError
from tests.clients.stub_models import StubModels, numpy_type
from tfner.clients import protos

TYPES = {"INT32": "i4", "INT64": "i8", "FP32": "f4", "BOOL": "?", "BYTES": "O"}
NAMES = {np.dtype(kind): name for name, kind in TYPES.items()}
PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/(\d+))?(?:/(infer|ready))?")


def answer_rest(models: StubModels, method: str, path: str, body: bytes) -> bytes:
    """What REST answers below /v2."""
    if path in ("/v2/health/live", "/v2/health/ready"):
        return b'{"live": true}' if path.endswith("live") else b'{"ready": true}'
    match = PATH.fullmatch(path)
    if match is None or (method == "POST") != (match.group(3) == "infer"):
        raise StubError("NOT_FOUND", f"no such route: {method} {path}")
    name, version = unquote(match.group(1)), match.group(2)
    number, model = models.find(name, int(version) if version else None)
    if match.group(3) == "ready":
        return json.dumps({"name": name, "ready": True}).encode()
    if method == "GET":
        return json.dumps(_metadata(name, number, model)).encode()
    document = json.loads(body)
    inputs = {
        given["name"]: _from_json(given["data"], given["datatype"], given["shape"])
        for given in document["inputs"]
    }
    wanted = [output["name"] for output in document.get("outputs", [])]
    signature = document.get("parameters", {}).get("signature_name", "")
    outputs = [
        {
            "name": output,
            "shape": [*array.shape],
            "datatype": NAMES[array.dtype],
            "data": [
                v.decode() if isinstance(v, bytes) else v
                for v in array.ravel().tolist()
            ],
        }
        for output, array in model.predict(signature, inputs, wanted).items()
    ]
    answer = {"model_name": name, "model_version": str(number), "outputs": outputs}
    return json.dumps(answer).encode()


def _from_json(data: Any, datatype: str, shape: list[int]) -> np.ndarray:
    flat = np.array(data, TYPES[datatype]).ravel()
    if datatype == "BYTES":
        flat = np.array([value.encode() for value in flat], object)
    try:
        return flat.reshape(shape)
    except ValueError:
        raise StubError("INVALID_ARGUMENT", "data do not fill the shape") from None


def _metadata(name: str, version: int, model: Any) -> dict[str, Any]:
    signature = model.signatures["serving_default"]

    def listed(infos: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "name": key,
                "datatype": NAMES[numpy_type(info)],
                "shape": [dim.size for dim in info.tensor_shape.dim],
            }
            for key, info in sorted(infos.items())
        ]

    return {
        "name": name,
        "versions": [str(version)],
        "platform": "tensorflow_savedmodel",
        "inputs": listed(signature.inputs),
        "outputs": listed(signature.outputs),
    }


def grpc_routes(models: StubModels) -> dict[str, tuple[Any, Callable[[Any], Any]]]:
    """The request's class and the answer's function by route."""
    return {
        protos.V2_INFER: (protos.ModelInferRequest, lambda r: _infer(models, r)),
        protos.V2_METADATA: (
            protos.ModelMetadataRequest,
            lambda r: _grpc_metadata(models, r),
        ),
        protos.V2_READY: (protos.ModelReadyRequest, lambda r: _ready(models, r)),
    }


def _find(models: StubModels, name: str, version: str) -> tuple[int, Any]:
    return models.find(name, int(version) if version else None)


def _infer(models: StubModels, request: Any) -> Any:
    number, model = _find(models, request.model_name, request.model_version)
    if len(request.raw_input_contents) != len(request.inputs):
        raise StubError("INVALID_ARGUMENT", "this server takes raw contents alone")
    inputs = {
        given.name: np.frombuffer(raw, TYPES[given.datatype]).reshape([*given.shape])
        for given, raw in zip(request.inputs, request.raw_input_contents, strict=True)
    }
    signature = request.parameters["signature_name"].string_param
    wanted = [output.name for output in request.outputs]
    answer = protos.ModelInferResponse(
        model_name=request.model_name, model_version=str(number)
    )
    for name, array in model.predict(signature, inputs, wanted).items():
        answer.outputs.add(name=name, datatype=NAMES[array.dtype], shape=[*array.shape])
        answer.raw_output_contents.append(_raw(array))
    return answer


def _raw(array: np.ndarray) -> bytes:
    if array.dtype != object:
        return array.tobytes()
    return b"".join(len(v).to_bytes(4, "little") + v for v in array.ravel())


def _grpc_metadata(models: StubModels, request: Any) -> Any:
    number, model = _find(models, request.name, request.version)
    found = _metadata(request.name, number, model)
    return protos.ModelMetadataResponse(**found)


def _ready(models: StubModels, request: Any) -> Any:
    _find(models, request.name, request.version)
    return protos.ModelReadyResponse(ready=True)
