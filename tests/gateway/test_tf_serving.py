"""TensorFlow Serving's interface with texts: rows, columns, base64, states."""

from __future__ import annotations

import base64
from typing import Any

import pytest

TEXTS = ["anna lives in paris", "", "oslo and lima and rome and acme 😀"]


@pytest.fixture(scope="module")
def running(serve, packing):
    with serve({"tiny": packing}) as running:
        yield running


@pytest.fixture(scope="module")
def rows(packing) -> list[dict[str, Any]]:
    """What is to be answered, padded to the most entities of a text."""
    documents = packing.predict(TEXTS)
    most = max(len(document.entities) for document in documents)
    pads = {"start": -1, "end": -1, "label": "", "score": 0.0}
    assert most > 1
    return [
        {
            name: [getattr(e, name) for e in d.entities]
            + [pad] * (most - len(d.entities))
            for name, pad in pads.items()
        }
        for d in documents
    ]


def same(found: Any, wanted: Any) -> bool:
    scores = [pytest.approx(row["score"], abs=1e-6) for row in wanted]
    return [row | {"score": s} for row, s in zip(wanted, scores, strict=True)] == found


ENCODED = [{"b64": base64.b64encode(text.encode()).decode()} for text in TEXTS]


@pytest.mark.parametrize("path", ["tiny", "tiny/versions/1"])
@pytest.mark.parametrize(
    "instances", [TEXTS, [{"text": text} for text in TEXTS], ENCODED]
)
def test_rows_are_answered_in_rows(running, rows, path, instances) -> None:
    request = {"instances": instances}
    answer = running.client.post(f"/v1/models/{path}:predict", json=request)
    assert same(answer.json()["predictions"], rows)


@pytest.mark.parametrize("inputs", [TEXTS, {"text": TEXTS}, {"text": ENCODED}])
def test_columns_are_answered_in_columns(running, rows, inputs) -> None:
    request = {"inputs": inputs, "signature_name": "serving_text"}
    found = running.client.post("/v1/models/tiny:predict", json=request)
    columns = found.json()["outputs"]
    assert same(
        [
            dict(zip(columns, row, strict=True))
            for row in zip(*columns.values(), strict=True)
        ],
        rows,
    )


@pytest.mark.parametrize(
    ("path", "request_", "status", "said"),
    [
        ("tiny", {}, 400, "one of `instances` and `inputs`"),
        ("tiny", {"instances": []}, 400, "at least 1"),
        ("tiny", {"instances": ["a"], "inputs": ["a"]}, 400, "one of"),
        ("tiny", {"instances": [{"b64": "?"}]}, 400, "base64"),
        ("tiny", {"instances": [{"b64": "/w=="}]}, 400, "base64"),
        ("tiny", {"instances": [1]}, 400, "instances.0"),
        ("tiny", {"instances": ["a"], "signature_name": "tags"}, 400, "signature_name"),
        ("small", {"instances": ["a"]}, 404, "unknown model"),
        ("tiny/versions/2", {"instances": ["a"]}, 404, "unknown version"),
    ],
)
def test_refusals_are_a_message(running, path, request_, status, said) -> None:
    answer = running.client.post(f"/v1/models/{path}:predict", json=request_)
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_states_and_signature_are_told(running) -> None:
    ok = {"error_code": "OK", "error_message": ""}
    wanted = [{"version": "1", "state": "AVAILABLE", "status": ok}]
    for path in ("tiny", "tiny/versions/1"):
        found = running.client.get(f"/v1/models/{path}").json()
        assert found == {"model_version_status": wanted}
    assert running.client.get("/v1/models/tiny/versions/9").status_code == 404
    found = running.client.get("/v1/models/tiny/metadata").json()
    assert found["model_spec"]["version"] == "1"
    signature = found["metadata"]["signature_def"]["signature_def"]["serving_text"]
    assert signature["inputs"]["text"]["dtype"] == "DT_STRING"
    assert list(signature["outputs"]) == ["start", "end", "label", "score"]
