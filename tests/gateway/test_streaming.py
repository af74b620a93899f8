"""NDJSON in, NDJSON out: in order, line by line, whatever a line holds."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

NDJSON = {"content-type": "application/x-ndjson"}
TEXTS = [f"anna met acme in paris on day {number} 😀" for number in range(150)]


@pytest.fixture(scope="module")
def running(serve, packing):
    with serve(
        {"tiny": packing},
        max_body=500,
        max_characters=400,
        max_queue=20,
        idle=0.5,
        deadline=1.0,
    ) as running:
        yield running


def lines(running, content, **params) -> list[dict]:
    answer = running.client.post(
        "/v1/entities", content=content, headers=NDJSON, params=params
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == NDJSON["content-type"]
    return [json.loads(line) for line in answer.text.splitlines()]


def test_lines_are_answered_in_order(running, packing) -> None:
    found = lines(running, "\n".join(map(json.dumps, TEXTS)))
    wanted = packing.predict(TEXTS)
    assert [line["id"] for line in found] == [document.id for document in wanted]
    for line, document in zip(found, wanted, strict=True):
        spans = [(e["start"], e["end"], e["label"]) for e in line["entities"]]
        assert spans == [(e.start, e.end, e.label) for e in document.entities]


def test_parts_may_end_anywhere(running) -> None:
    content = "".join(
        json.dumps({"id": f"é{n}", "text": t}) + "\n" for n, t in enumerate(TEXTS[:20])
    ).encode()

    def parts(size: int) -> Iterator[bytes]:
        for start in range(0, len(content), size):
            yield content[start : start + size]

    whole = lines(running, content)
    assert [line["id"] for line in whole] == [f"é{n}" for n in range(20)]
    assert lines(running, parts(7)) == whole


def test_what_is_wrong_is_told_in_its_place(running) -> None:
    content = b"\n".join(
        [
            b'"anna"',
            b"",
            b"{",
            b'{"text": "anna", "words": [[3, 9]]}',
            b'"' + b"a" * 401 + b'"',
            b"\xff",
            b'{"id": "last", "text": "paris"}',
        ]
    )
    content += b'\r\n"' + b"a" * 600 + b'"\r\n"anna"\r\n'
    first, *wrong, last, long, after = lines(running, content)
    assert (long["line"], long["error"]["code"]) == (8, "body_too_large")
    assert after["id"] == "9"
    assert first["id"] == "1"
    assert last["id"] == "last"
    assert [line["line"] for line in wrong] == [3, 4, 5, 6]
    codes = [line["error"]["code"] for line in wrong]
    assert codes == [
        "invalid_request",
        "invalid_request",
        "text_too_long",
        "invalid_request",
    ]


def test_a_line_that_is_too_long_ends_the_stream(running) -> None:
    found = lines(running, b'"anna"\n"' + b"a" * 600)
    assert [line.get("id") for line in found] == ["1", None]
    assert found[-1]["line"] == 2
    assert found[-1]["error"]["code"] == "body_too_large"


def test_options_stand_in_the_address(running) -> None:
    content = "\n".join(map(json.dumps, TEXTS[:3]))
    plain = lines(running, content)
    other = lines(running, content, offsets="bytes", labels=["LOC"], min_score=0.1)
    labels = {e["label"] for line in other for e in line["entities"]}
    assert labels <= {"LOC"}
    assert len(plain) == len(other)
    for params, status in (({"labels": ["X"]}, 400), ({"model": "x"}, 404)):
        answer = running.client.post(
            "/v1/entities", content=content, headers=NDJSON, params=params
        )
        assert answer.status_code == status
        assert "error" in answer.json()


@pytest.mark.slow
def test_a_stream_that_stands_still_is_ended(running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as client:
        client.sendall(
            b"POST /v1/entities HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"
            b'content-type: application/x-ndjson\r\n\r\n7\r\n"anna"\n\r\n'
        )
        answer = b""
        while part := client.recv(65536):
            answer += part
    assert b'"id":"1"' in answer
    assert b"body_too_slow" in answer
