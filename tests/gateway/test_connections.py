"""Clients that stall, lie about lengths or go away; ends that lose nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

HEAD = b"POST /v1/entities HTTP/1.1\r\nhost: x\r\n"
BODY = json.dumps({"texts": ["anna"]}).encode()
REQUEST = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture(scope="module")
def running(serve, packing):
    with serve({"tiny": packing}, idle=0.3, deadline=2.0, max_body=100_000) as running:
        yield running


def connect(running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), timeout=10)


def rest_of(client: socket.socket) -> bytes:
    found = b""
    while part := client.recv(65536):
        found += part
    return found


@pytest.mark.parametrize("sent", [b"", b"POST /v1", HEAD])
def test_a_head_that_does_not_end_closes_the_connection(running, sent) -> None:
    with connect(running) as client:
        client.sendall(sent)
        started = time.monotonic()
        try:
            found = rest_of(client)
        except ConnectionResetError:
            found = b""
        assert time.monotonic() - started < 5
        assert b" 200 " not in found


@pytest.mark.slow
def test_a_head_that_comes_drop_by_drop_closes_the_connection(running) -> None:
    with connect(running) as client:
        started = time.monotonic()
        client.sendall(HEAD)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(100):
                client.sendall(b"x-a: b\r\n")
                time.sleep(0.05)
        assert time.monotonic() - started < 3


@pytest.mark.slow
def test_a_body_that_does_not_arrive_is_refused(running) -> None:
    with connect(running) as client:
        client.sendall(HEAD + b"content-length: 50\r\n\r\n{")
        assert b" 408 " in rest_of(client)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused_before_it_is_read(running, chunked) -> None:
    body = b"x" * 10_000_000
    content = (body[i : i + 65536] for i in range(0, len(body), 65536))
    answer = running.client.post("/v1/entities", content=content if chunked else body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        413,
        "body_too_large",
    )
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 no HTTP\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
        HEAD + b"x: " + b"a" * 200_000 + b"\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(running, sent) -> None:
    with connect(running) as client:
        try:
            client.sendall(sent)
            found = rest_of(client)
        except (ConnectionResetError, BrokenPipeError):
            found = b""
    assert b" 500 " not in found[:20]
    assert running.client.get("/healthz").status_code == 200


@pytest.mark.slow
def test_an_answer_that_is_not_taken_closes_the_connection(serve, predictor) -> None:
    documents = ["anna in paris and oslo " * 80] * 300
    request = json.dumps({"texts": documents}).encode()
    with serve({"tiny": predictor}, idle=0.3) as running:
        with connect(running) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(
                HEAD + b"content-length: %d\r\n\r\n" % len(request) + request
            )
            for _ in range(200):
                time.sleep(0.05)
                if not running.server.server_state.connections:
                    break
        assert not running.server.server_state.connections


@pytest.mark.slow
def test_work_for_a_client_that_went_away_is_left(serve, predictor) -> None:
    go_on = threading.Event()
    with serve({"tiny": predictor}) as running:
        batches: list[int] = []

        def hold(features) -> None:
            batches.append(len(features["input_ids"]))
            assert go_on.wait(10)

        predictor.run.before = hold
        with connect(running) as first:
            first.sendall(REQUEST)
            with connect(running) as second:
                second.sendall(REQUEST)
                time.sleep(0.7)  # more than the patience with which it waits
        served = running.gateway.registry.find(None).newest
        for _ in range(100):
            if not served.users:
                break
            time.sleep(0.05)
        assert not served.users
        go_on.set()
        assert running.entities(texts=["anna"])["documents"]
        assert len(batches) == 2  # the second one was never run


@pytest.mark.slow
def test_the_end_answers_all_that_was_sent(serve, predictor) -> None:
    with (
        serve({"tiny": predictor}, drain=0.3) as running,
        ThreadPoolExecutor(8) as pool,
    ):
        reached, go_on = threading.Event(), threading.Event()

        def hold(features) -> None:
            reached.set()
            assert go_on.wait(10)

        predictor.run.before = hold

        def ask(_: int) -> httpx.Response:
            return httpx.post(
                f"{running.url}/v1/entities",
                json={"texts": ["anna"]},
                timeout=20,
                trust_env=False,
            )

        waiting = [pool.submit(ask, number) for number in range(8)]
        assert reached.wait(10)
        idle = running.client.get("/healthz")
        running.server.handle_exit(15, None)
        time.sleep(0.2)
        ending = running.client.get("/readyz")
        go_on.set()
        answers = [answer.result() for answer in waiting]
    assert idle.headers.get("connection") != "close"
    assert (ending.status_code, ending.headers["connection"]) == (503, "close")
    assert [answer.status_code for answer in answers] == [200] * 8


def test_who_reads_serving_in_the_log_can_connect(serve, packing, monkeypatch) -> None:
    connected: list[bool] = []

    def log(event: str, *, url: str, **_: object) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        socket.create_connection((host, int(port)), timeout=10).close()
        connected.append(event == "serving")

    monkeypatch.setattr("tfner.gateway.connections.log", log)
    with serve({"tiny": packing}):
        assert connected == [True]
