"""KServe's V2: JSON and binary tensors in both directions, health, metadata."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

TEXTS = ["anna lives in paris", "", "oslo and lima and 😀"]
SHAPED = {"name": "text", "shape": [3], "datatype": "BYTES"}


@pytest.fixture(scope="module")
def running(serve, packing):
    with serve({"tiny": packing}) as running:
        yield running


def values(documents: Any, name: str) -> list[list[Any]]:
    most = max(len(document.entities) for document in documents)
    pad: Any = {"label": "", "score": 0.0}.get(name, -1)
    return [
        [getattr(e, name) for e in d.entities] + [pad] * (most - len(d.entities))
        for d in documents
    ]


@pytest.mark.parametrize("path", ["tiny", "tiny/versions/1"])
@pytest.mark.parametrize(
    "given",
    [
        SHAPED | {"data": TEXTS},
        SHAPED | {"shape": [3, 1], "data": [[t] for t in TEXTS]},
    ],
)
def test_texts_in_json(running, packing, path, given) -> None:
    request = {"id": "7", "inputs": [given]}
    answer = running.client.post(f"/v2/models/{path}/infer", json=request).json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == (
        "tiny",
        "1",
        "7",
    )
    documents = packing.predict(TEXTS)
    assert [o["name"] for o in answer["outputs"]] == ["start", "end", "label", "score"]
    for output in answer["outputs"]:
        wanted = values(documents, output["name"])
        assert output["shape"] == [3, len(wanted[0])]
        flat = [value for row in wanted for value in row]
        near = output["name"] == "score"
        assert output["data"] == (pytest.approx(flat, abs=1e-6) if near else flat)


def test_tensors_in_binary_form(running, packing) -> None:
    packed = b"".join(struct.pack("<I", len(t.encode())) + t.encode() for t in TEXTS)
    head = json.dumps(
        {
            "inputs": [SHAPED | {"parameters": {"binary_data_size": len(packed)}}],
            "outputs": [
                {"name": "label", "parameters": {"binary_data": True}},
                {"name": "start", "parameters": {"binary_data": True}},
                {"name": "end"},
            ],
        }
    ).encode()
    key = "Inference-Header-Content-Length"
    answer = running.client.post(
        "/v2/models/tiny/infer", content=head + packed, headers={key: str(len(head))}
    )
    length = int(answer.headers[key])
    label, start, end = json.loads(answer.content[:length])["outputs"]
    documents = packing.predict(TEXTS)
    rest = answer.content[length:]
    size = label["parameters"]["binary_data_size"]
    flat = [value.encode() for row in values(documents, "label") for value in row]
    assert rest[:size] == b"".join(struct.pack("<I", len(v)) + v for v in flat)
    found = np.frombuffer(rest[size:], "<i4").reshape(start["shape"])
    assert found.tolist() == values(documents, "start")
    assert end["data"] == [v for row in values(documents, "end") for v in row]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"inputs": [SHAPED]}, "`data` or the parameter"),
        ({"inputs": [SHAPED | {"data": ["a"]}]}, "`shape` must be [1]"),
        ({"inputs": [SHAPED | {"shape": [1, 2], "data": ["a"]}]}, "`shape`"),
        ({"inputs": [SHAPED | {"datatype": "FP32", "data": TEXTS}]}, "BYTES"),
        ({"inputs": [SHAPED | {"name": "x", "data": TEXTS}]}, "'text'"),
        ({"inputs": [SHAPED | {"data": [1, 2, 3]}]}, "data"),
        (
            {"inputs": [SHAPED | {"data": TEXTS}], "outputs": [{"name": "x"}]},
            "unknown output",
        ),
        (
            {"inputs": [SHAPED | {"parameters": {"binary_data_size": 9}}]},
            "behind the JSON",
        ),
    ],
)
def test_refusals_are_a_message(running, request_, said) -> None:
    answer = running.client.post("/v2/models/tiny/infer", json=request_)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    "data", [b"\x01", b"\x05\x00\x00\x00abc", b"\x01\x00\x00\x00\xff"]
)
def test_damaged_binary_texts_are_refused(running, data) -> None:
    given = {"name": "text", "shape": [1], "datatype": "BYTES"}
    given["parameters"] = {"binary_data_size": len(data)}
    head = json.dumps({"inputs": [given]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    for length in (
        headers,
        {"Inference-Header-Content-Length": "99999"},
        {"Inference-Header-Content-Length": "x"},
    ):
        answer = running.client.post(
            "/v2/models/tiny/infer", content=head + data, headers=length
        )
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "path", ["", "/health/live", "/health/ready", "/models/tiny", "/models/tiny/ready"]
)
def test_health_and_metadata(running, path) -> None:
    assert running.client.get(f"/v2{path}").status_code == 200


def test_a_model_that_is_not_there_is_not_ready(running) -> None:
    assert running.client.get("/v2/models/small/ready").status_code == 404
    assert running.client.get("/v2/models/tiny/versions/3/ready").status_code == 404


def test_a_process_that_ends_is_not_ready(serve, packing) -> None:
    with serve({"tiny": packing}) as running:
        running.gateway.is_ending = True
        for path in ("/readyz", "/v2/health/ready", "/v2/models/tiny/ready"):
            assert running.client.get(path).status_code == 503
        assert running.client.get("/healthz").status_code == 200
