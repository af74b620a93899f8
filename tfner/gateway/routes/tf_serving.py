"""TensorFlow Serving's REST interface, with texts in place of tensors.

Requests and answers are as `json_tensor.cc` of TensorFlow Serving reads and writes
them: rows in `instances` and `predictions`, columns in `inputs` and `outputs`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from tfner.errors import unknown
from tfner.gateway.asking import predict
from tfner.gateway.columns import COLUMNS, SIGNATURE, TEXT, to_columns
from tfner.gateway.errors import SHOWN, invalid, missing
from tfner.gateway.gate import read_body
from tfner.gateway.models import Model
from tfner.gateway.openapi import json_body, refusals
from tfner.gateway.schemas import Strict, read
from tfner.gateway.state import gateway_of

router = APIRouter(tags=["TensorFlow Serving"], responses=refusals(plain=True))

MODEL = "/v1/models/{name}"
VERSION = MODEL + "/versions/{version}"
Version = str | None
"""In the path, or not given for the newest."""
AVAILABLE, LOADING, END = "AVAILABLE", "LOADING", "END"


class Encoded(Strict):
    """A text as base64 of its UTF-8."""

    b64: str


Text = str | Encoded


class Row(Strict):
    """A text under the name of the input."""

    text: Text


class Inputs(Strict):
    """All texts under the name of the input."""

    text: list[Text] | Text


class PredictRequest(Strict):
    """Texts in rows, `instances`, or in one column, `inputs`.

    Rows may not be none: `json_tensor.cc`, `FillTensorMapFromInstancesList`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}]
        }
    )

    signature_name: Literal["serving_text", "serving_default", ""] = "serving_text"
    instances: list[Text | Row] = Field(default_factory=list, min_length=1)
    inputs: Inputs | list[Text] | Text = Field(default_factory=list)

    @property
    def by_rows(self) -> bool:
        """Tells whether rows were given, which are answered in rows."""
        return "instances" in self.model_fields_set

    def texts(self) -> list[str]:
        """The texts to predict.

        Raises:
            Refused: rows and columns are given, or neither; or base64 is wrong.
        """
        if self.by_rows == ("inputs" in self.model_fields_set):
            raise invalid("give one of `instances` and `inputs`.")
        given: Any = self.instances
        if not self.by_rows:
            given = self.inputs.text if isinstance(self.inputs, Inputs) else self.inputs
        rows = given if isinstance(given, list) else [given]
        return [_text(row.text if isinstance(row, Row) else row) for row in rows]


def _text(given: Text) -> str:
    if isinstance(given, str):
        return given
    try:
        return base64.b64decode(given.b64, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise invalid("`b64` must hold base64 of UTF-8.") from None


@router.post(
    MODEL + ":predict", summary="Predict texts", openapi_extra=json_body(PredictRequest)
)
@router.post(
    VERSION + ":predict",
    summary="Predict texts with one version",
    openapi_extra=json_body(PredictRequest),
)
async def predict_texts(
    request: Request, name: str, version: Version = None
) -> Response:
    """Find entities; see `PredictRequest`."""
    gateway = gateway_of(request)
    with gateway.registry.use(name, version) as served:
        asked = read(PredictRequest, await read_body(request, gateway.limits))

        def finish(found: Any) -> bytes:
            columns = to_columns(found)
            if not asked.by_rows:
                return orjson.dumps({"outputs": columns})
            names = [column.name for column in COLUMNS]
            rows = zip(*(columns[name] for name in names), strict=True)
            answer = [dict(zip(names, row, strict=True)) for row in rows]
            return orjson.dumps({"predictions": answer})

        body = await predict(request, served, asked.texts(), finish)
    return Response(body, media_type="application/json")


@router.get(MODEL, summary="Status of a model's versions")
@router.get(VERSION, summary="Status of one version")
async def status(
    request: Request, name: str, version: Version = None
) -> dict[str, Any]:
    """Give the state of versions; see `Registry.use`."""
    states = _states(gateway_of(request).registry.find(name))
    wanted = [s for s in states if version in (None, s["version"])]
    if not wanted:
        known = [state["version"] for state in states]
        raise missing(unknown("version", str(version)[:SHOWN], known))
    return {"model_version_status": wanted}


def _states(model: Model) -> list[dict[str, Any]]:
    """The states of versions, as `get_model_status.proto` names them."""
    states = [_state(number, AVAILABLE) for number in model.served]
    if model.loading is not None:
        states.append(_state(model.loading, LOADING))
    for number, refusal in model.refused.items():
        states.append(_state(number, END, "FAILED_PRECONDITION", refusal.reason))
    return states


def _state(number: str, state: str, code: str = "OK", message: str = "") -> Any:
    return {
        "version": number,
        "state": state,
        "status": {"error_code": code, "error_message": message},
    }


@router.get(MODEL + "/metadata", summary="Inputs and outputs of a model")
@router.get(VERSION + "/metadata", summary="Inputs and outputs of one version")
async def metadata(
    request: Request, name: str, version: Version = None
) -> dict[str, Any]:
    """Give the signature of a model; see `Registry.use`."""
    with gateway_of(request).registry.use(name, version) as served:
        signature = {
            "inputs": {TEXT: _tensor(TEXT, "DT_STRING", ["-1"])},
            "outputs": {
                c.name: _tensor(c.name, c.dtype, ["-1", "-1"]) for c in COLUMNS
            },
            "method_name": "tensorflow/serving/predict",
        }
        return {
            "model_spec": {
                "name": served.name,
                "signature_name": "",
                "version": served.version,
            },
            "metadata": {
                "signature_def": {"signature_def": {SIGNATURE: signature}},
            },
        }


def _tensor(name: str, dtype: str, sizes: list[str]) -> dict[str, Any]:
    shape = {"dim": [{"size": size, "name": ""} for size in sizes]}
    tensor_shape = {**shape, "unknown_rank": False}
    return {"dtype": dtype, "tensor_shape": tensor_shape, "name": name}
