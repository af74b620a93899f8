"""KServe's protocol V2 (Open Inference Protocol), with texts as BYTES.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md, and
the extension for binary tensors of Triton, with a length before each text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

import tfner
from tfner.clients.kserve import TYPES, read_strings, to_bytes
from tfner.document import Document
from tfner.errors import unknown
from tfner.gateway.asking import predict
from tfner.gateway.columns import COLUMNS, TEXT, Column, Columns, to_columns
from tfner.gateway.errors import SHOWN, invalid
from tfner.gateway.gate import read_body
from tfner.gateway.openapi import json_body, refusals
from tfner.gateway.schemas import read
from tfner.gateway.state import gateway_of, refuse_at_the_end

router = APIRouter(prefix="/v2", tags=["KServe V2"], responses=refusals(plain=True))

MODEL = "/models/{name}"
VERSION = MODEL + "/versions/{version}"
JSON_LENGTH = "inference-header-content-length"
BINARY = "binary_tensor_data"

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}, "application/json": {}}}
}
Version = str | None
"""In the path, or not given for the newest."""
Parameters = dict[str, bool | int | float | str]


class Input(BaseModel):
    """A tensor of texts."""

    model_config = ConfigDict(strict=True)

    name: Literal["text"]
    shape: list[int] = Field(min_length=1, max_length=2)
    datatype: Literal["BYTES"]
    parameters: Parameters = {}
    data: list[str] | list[list[str]] | None = None


class Output(BaseModel):
    """A tensor that is asked for."""

    model_config = ConfigDict(strict=True)

    name: str
    parameters: Parameters = {}


class InferRequest(BaseModel):
    """One input, `text`, and the outputs that are wanted, all if none is named."""

    model_config = ConfigDict(strict=True)

    id: str | None = None
    parameters: Parameters = {}
    inputs: list[Input] = Field(min_length=1, max_length=1)
    outputs: list[Output] = []

    def columns(self) -> list[tuple[Column, bool]]:
        """The outputs to give, each with whether it is wanted in binary form.

        Raises:
            Refused: an output does not exist.
        """
        known = {column.name: column for column in COLUMNS}
        every = bool(self.parameters.get("binary_data_output", False))
        if not self.outputs:
            return [(column, every) for column in COLUMNS]
        for output in self.outputs:
            if output.name not in known:
                raise invalid(unknown("output", output.name[:SHOWN], known))
        return [
            (known[output.name], bool(output.parameters.get("binary_data", every)))
            for output in self.outputs
        ]


def read_infer(body: bytes, json_length: str | None) -> tuple[InferRequest, list[str]]:
    """Read a request and its texts.

    Args:
        body: JSON, and after it what inputs have in binary form.
        json_length: bytes of JSON, as the header says; None for all.

    Raises:
        Refused: it is not as it should be.
    """
    length = len(body)
    if json_length is not None:
        if not json_length.isdecimal() or int(json_length) > length:
            raise invalid(f"{JSON_LENGTH} must be the number of bytes of JSON.")
        length = int(json_length)
    asked = read(InferRequest, body[:length])
    (given,) = asked.inputs
    size = given.parameters.get("binary_data_size")
    if (given.data is None) == (size is None):
        raise invalid("an input has `data` or the parameter `binary_data_size`.")
    if given.data is None:
        if size != len(body) - length:
            raise invalid("`binary_data_size` must be the bytes behind the JSON.")
        texts = list(unpacked(body[length:]))
    else:
        texts = [
            text
            for row in given.data
            for text in ([row] if isinstance(row, str) else row)
        ]
    if given.shape[0] != len(texts) or given.shape[1:] not in ([], [1]):
        raise invalid(f"`shape` must be [{len(texts)}] or [{len(texts)}, 1].")
    return asked, texts


def unpacked(data: bytes) -> Iterator[str]:
    """Texts of a binary tensor.

    Raises:
        Refused: lengths and bytes do not fit, or it is no UTF-8.
    """
    try:
        for text in read_strings(data):
            yield text.decode("utf-8")
    except UnicodeDecodeError:
        raise invalid("a binary text is no UTF-8.") from None
    except ValueError:
        raise invalid("a binary text is shorter than the length before it.") from None


def render(
    head: dict[str, Any], wanted: Sequence[tuple[Column, bool]], columns: Columns
) -> tuple[bytes, int | None]:
    """Make an answer.

    Args:
        head: names model and version.
        wanted: outputs, each with whether it is wanted in binary form.
        columns: of all outputs.

    Returns:
        The body, and how many bytes of it are JSON if not all are.
    """
    outputs, binary = [], []
    for column, is_binary in wanted:
        rows = columns[column.name]
        shape = [len(rows), len(rows[0]) if rows else 0]
        output: dict[str, Any] = {"name": column.name, "shape": shape}
        output["datatype"] = column.datatype
        values = [value for row in rows for value in row]
        if is_binary:
            binary.append(to_bytes(np.array(values, TYPES[column.datatype])))
            output["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            output["data"] = values
        outputs.append(output)
    body = orjson.dumps({**head, "outputs": outputs})
    return body + b"".join(binary), len(body) if binary else None


@router.post(
    MODEL + "/infer",
    summary="Predict texts",
    responses=ANSWERS,
    openapi_extra=json_body(InferRequest),
)
@router.post(
    VERSION + "/infer",
    summary="Predict texts with one version",
    responses=ANSWERS,
    openapi_extra=json_body(InferRequest),
)
async def infer(request: Request, name: str, version: Version = None) -> Response:
    """Find entities; see `InferRequest`."""
    gateway = gateway_of(request)
    with gateway.registry.use(name, version) as served:
        body = await read_body(request, gateway.limits)
        asked, texts = read_infer(body, request.headers.get(JSON_LENGTH))
        wanted = asked.columns()
        head = {"model_name": served.name, "model_version": served.version}
        if asked.id is not None:
            head["id"] = asked.id

        def finish(found: list[Document]) -> tuple[bytes, int | None]:
            return render(head, wanted, to_columns(found))

        content, length = await predict(request, served, texts, finish)
    if length is None:
        return Response(content, media_type="application/json")
    return Response(
        content,
        headers={JSON_LENGTH: str(length)},
        media_type="application/octet-stream",
    )


@router.get("", summary="The server")
async def server() -> dict[str, Any]:
    """Tell name, version and extensions."""
    return {"name": "tfner", "version": tfner.__version__, "extensions": [BINARY]}


@router.get("/health/live", summary="Liveness")
async def live() -> dict[str, bool]:
    """Answer whenever the process can."""
    return {"live": True}


@router.get("/health/ready", summary="Readiness")
async def ready(request: Request) -> dict[str, bool]:
    """Tell whether requests are answered."""
    refuse_at_the_end(request)
    return {"ready": True}


@router.get(MODEL + "/ready", summary="Readiness of a model")
@router.get(VERSION + "/ready", summary="Readiness of one version")
async def model_ready(
    request: Request, name: str, version: Version = None
) -> dict[str, Any]:
    """Tell whether a model answers; see `Registry.use`."""
    refuse_at_the_end(request)
    with gateway_of(request).registry.use(name, version):
        return {"name": name, "ready": True}


@router.get(MODEL, summary="Inputs and outputs of a model")
@router.get(VERSION, summary="Inputs and outputs of one version")
async def metadata(
    request: Request, name: str, version: Version = None
) -> dict[str, Any]:
    """Describe a model; see `Registry.use`."""
    registry = gateway_of(request).registry
    with registry.use(name, version) as served:
        return {
            "name": served.name,
            "versions": list(registry.find(name).served),
            "platform": "tfner",
            "inputs": [{"name": TEXT, "datatype": "BYTES", "shape": [-1]}],
            "outputs": [
                {"name": column.name, "datatype": column.datatype, "shape": [-1, -1]}
                for column in COLUMNS
            ],
        }
