"""Every failure of a server is one sentence with its place and its remedy."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clients.stub import Dropped, StubError, StubServer, Tls
from tfner.clients.addresses import read_address
from tfner.clients.client import AsyncServingClient, ServingClient
from tfner.clients.failures import CallFailed, explain
from tfner.clients.settings import ClientSettings
from tfner.errors import ConfigError, ServingError

FORMS = ("{rest}/v1/models/m", "grpc://{grpc}/m", "v2+{rest}/m", "v2+grpc://{grpc}/m")
ROWS = {"input_ids": np.ones((1, 4), np.int32)}


def ask(address: str, **settings: Any) -> str:
    """What both clients say of a failure, which must be the same."""
    told = []
    for client_class in (ServingClient, AsyncServingClient):
        with pytest.raises(ServingError) as caught:
            run(client_class, address, settings)
        assert "\n" not in str(caught.value)
        told.append(str(caught.value).removeprefix(f"{address}: "))
        assert len(told[-1]) < len(str(caught.value))
    assert told[0].partition("(")[0] == told[1].partition("(")[0]
    return told[0]


def run(client_class: Any, address: str, settings: Any, inputs: Any = ROWS) -> Any:
    if client_class is ServingClient:
        with ServingClient(address, **settings) as client:
            return client.predict(inputs)

    async def wait() -> Any:
        async with AsyncServingClient(address, **settings) as client:
            return await client.predict(inputs)

    return asyncio.run(wait())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Servable not found for request: Latest(m)", "no model m, or has not loaded"),
        ("Model with name m does not exist.", "no model m, or has not loaded"),
        ("Servable not found for request: Specific(m, 7)", "no version 7 of m"),
        ("Could not find version 7 of model m", "no version 7 of m"),
        (
            "Task size 51 is larger than maximum input batch size 32",
            "takes 32 rows at once, and was sent 51. Use --max-rows 32.",
        ),
        (
            "Tensors with name 'a' from different tasks have different shapes and "
            "padding is turned off. Set pad_variable_length_inputs to true",
            "pad_variable_length_inputs: true in its batching_parameters.txt",
        ),
        (
            "Batched output tensor's 0th dimension does not equal the sum of the 0th",
            "Serve this model without batching",
        ),
        ('Serving signature name: "spans" not found in', "no signature 'spans'"),
        ('Serving signature key "spans" not found.', "no signature 'spans'"),
        ("input size does not match signature: 4!=5 len(", "takes other inputs"),
        ("Missing named input: word_lengths in 'inputs'", "takes other inputs"),
        ("indices[0,1] = 31000 is not in [0, 30522)", "has 30522 pieces"),
        (
            "Received message larger than max (9 vs. 4)",
            "9 bytes is over the limit of 4",
        ),
        ("The batch scheduling queue to which this task was submitted is full", "busy"),
    ],
)
def test_words_of_servers_become_sentences(words: str, told: str) -> None:
    failure = CallFailed("status", words, status="400")
    address = read_address("http://host/v1/models/m/versions/7")
    sentence = str(explain(failure, address, ClientSettings()))
    assert sentence.startswith("http://host/v1/models/m/versions/7: ")
    assert told in sentence


@pytest.mark.parametrize(
    ("kind", "status", "text", "again"),
    [
        ("unreachable", "", "", True),
        ("broken", "", "", True),
        ("status", "503", "", True),
        ("status", "UNAVAILABLE", "", True),
        ("status", "429", "", True),
        ("status", "RESOURCE_EXHAUSTED", "waiting in batching queue", True),
        ("status", "RESOURCE_EXHAUSTED", "message larger than max (9 vs. 4)", False),
        ("status", "500", "", False),
        ("status", "400", "", False),
        ("status", "INVALID_ARGUMENT", "", False),
        ("status", "NOT_FOUND", "", False),
        ("status", "504", "", False),
        ("deadline", "", "", False),
        ("tls", "", "", False),
        ("protocol", "", "", False),
    ],
)
def test_only_what_may_succeed_then_is_tried_again(
    kind: Any, status: str, text: str, again: bool
) -> None:
    assert CallFailed(kind, text, status=status).again is again


@pytest.fixture(scope="module")
def server() -> Iterator[StubServer]:
    """A server without models: what it does is said by `before`."""
    with StubServer({}) as started:
        yield started


@pytest.fixture
def doing(server: StubServer) -> Iterator[Callable[[Any], list[str]]]:
    """Sets what the server does with requests; gives the routes that come."""

    def set_action(action: Any) -> list[str]:
        server.seen.clear()
        routes: list[str] = []

        def before(route: str) -> None:
            routes.append(route)
            action(len(routes))

        server.before = before
        return routes

    yield set_action
    server.before = None


def addresses(server: StubServer) -> list[str]:
    return [form.format(rest=server.rest, grpc=server.grpc) for form in FORMS]


def raising(error: Exception) -> Callable[[int], None]:
    def action(_: int) -> None:
        raise error

    return action


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("UNAUTHENTICATED", "refuses this client. Give what it asks for with --header"),
        ("PERMISSION_DENIED", "refuses this client"),
        ("INTERNAL", "the server answered (500|INTERNAL): of stub"),
        ("INVALID_ARGUMENT", "the server answered (400|INVALID_ARGUMENT): of stub"),
        ("RESOURCE_EXHAUSTED", "too busy or out of memory.* --max-rows"),
        ("UNAVAILABLE", "not there, or not ready yet"),
        ("DEADLINE_EXCEEDED", "did not finish in time|no answer within"),
    ],
)
def test_statuses(
    server: StubServer, doing: Any, number: int, code: str, told: str
) -> None:
    import re

    doing(raising(StubError(code, "of stub\nand more")))
    assert re.search(told, ask(addresses(server)[number], attempts=1))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_a_model_that_is_not_there(server: StubServer, number: int) -> None:
    told = ask(addresses(server)[number])
    assert "no model m, or has not loaded it yet" in told


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_attempts_end(server: StubServer, doing: Any, number: int) -> None:
    routes = doing(raising(Dropped()))
    with pytest.raises(ServingError, match="ended the connection before it answered"):
        run(ServingClient, addresses(server)[number], {"attempts": 3})
    assert len(routes) == 3
    routes = doing(raising(StubError("INTERNAL", "once is enough")))
    with pytest.raises(ServingError, match="once is enough"):
        run(ServingClient, addresses(server)[number], {"attempts": 3})
    assert len(routes) == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_a_slow_server_meets_the_deadline(
    server: StubServer, doing: Any, number: int
) -> None:
    doing(lambda _: time.sleep(1))
    begin = time.monotonic()
    told = ask(addresses(server)[number], timeout=0.3)
    assert told.startswith("no answer within 0.3 s. Use a larger --timeout")
    assert time.monotonic() - begin < 2


@pytest.mark.slow
def test_headers_come_with_every_request(server: StubServer) -> None:
    for address in addresses(server):
        for client_class in (ServingClient, AsyncServingClient):
            server.seen.clear()
            with pytest.raises(ServingError):
                run(client_class, address, {"headers": {"X-Token": "secret"}})
            assert len(server.seen) == 1
            assert all(h.get("x-token") == "secret" for _, h in server.seen)


@pytest.mark.slow
def test_nothing_is_sent_that_is_refused(server: StubServer, doing: Any) -> None:
    """Zero rows above all: a server that batches never answers them."""
    routes = doing(lambda _: None)
    for address in addresses(server):
        for client_class in (ServingClient, AsyncServingClient):
            for inputs in ({}, {"input_ids": np.ones((0, 4), np.int32)}):
                with pytest.raises(ServingError, match="not sent: "):
                    run(client_class, address, {}, inputs)
            with pytest.raises(ServingError, match=r"not sent: row 0 .* holds -1"):
                run(client_class, address, {}, {"input_ids": -ROWS["input_ids"]})
    assert not [route for route in routes if "redict" in route or "nfer" in route]


@pytest.mark.slow
def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for form in FORMS:
            host = f"127.0.0.1:{port}"
            address = form.format(rest=f"http://{host}", grpc=host)
            assert f"nothing answers at {host}" in ask(address, attempts=2)
    for form in FORMS:
        address = form.format(rest="http://host.invalid", grpc="host.invalid:1")
        assert "nothing answers at host.invalid" in ask(address, attempts=1)


@pytest.mark.slow
def test_another_protocol(server: StubServer) -> None:
    swapped = StubServer({})
    swapped.rest, swapped.grpc = f"http://{server.grpc}", server.rest[7:]
    for address in addresses(swapped):
        assert "does not speak this protocol" in ask(address, attempts=1, timeout=10)


class Pems:
    """Certificates of an authority, a server and a client, made by openssl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        make = ["req", "-x509", *curve, "-days", "2", "-subj", "/CN=authority"]
        self._run(*make, "-keyout", "ca.key", "-out", "ca.pem")
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        for name in ("server", "client"):
            asked = ["req", *curve, "-subj", f"/CN={name}", "-out", f"{name}.csr"]
            self._run(*asked, "-keyout", f"{name}.key")
            signed = ["x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem"]
            signed += ["-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
            self._run(*signed, "-extfile", "names", "-out", f"{name}.pem")

    def _run(self, *words: str) -> None:
        call = ["openssl", *words]
        subprocess.run(call, cwd=self.folder, check=True, capture_output=True)

    def __getitem__(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    return Pems(tmp_path_factory.mktemp("pem"))


@pytest.fixture(scope="module", params=["any client", "known clients"])
def secure(pems: Pems, request: pytest.FixtureRequest) -> Iterator[StubServer]:
    clients = pems["ca.pem"] if request.param == "known clients" else None
    with StubServer({}, tls=Tls(pems["server.pem"], pems["server.key"], clients)) as s:
        yield s


def secure_addresses(server: StubServer) -> list[str]:
    return [address.replace("grpc://", "grpcs://") for address in addresses(server)]


@pytest.mark.slow
def test_tls(secure: StubServer, pems: Pems) -> None:
    known = {"ca": pems["ca.pem"]}
    known |= {"certificate": pems["client.pem"], "key": pems["client.key"]}
    for address in secure_addresses(secure):
        assert "no model m" in ask(address, timeout=10, **known)
        unsigned = ask(address, timeout=10)
        assert "no secure connection came about" in unsigned
        assert "with --ca, and --certificate and --key" in unsigned


@pytest.mark.slow
def test_a_server_with_tls_is_not_spoken_to_without(secure: StubServer) -> None:
    for address in secure_addresses(secure):
        plain = address.replace("https", "http").replace("grpcs", "grpc")
        for client_class in (ServingClient, AsyncServingClient):
            with pytest.raises(ServingError, match=r"TLS.*write (https|grpcs)://"):
                run(client_class, plain, {"timeout": 5, "attempts": 1})


@pytest.mark.slow
@pytest.mark.parametrize("form", ["https://host/v1/models/m", "grpcs://host/m"])
def test_files_that_hold_no_certificate_are_refused(form: str, pems: Pems) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        ServingClient(form, ca=__file__)
    with pytest.raises(ConfigError, match="cannot be used"):
        ServingClient(form, certificate=pems["ca.key"], key=pems["ca.key"])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.delitem(sys.modules, "tfner.clients.http_carrier", raising=False)
    with pytest.raises(ConfigError, match=r"httpx.* pip install 'tfner\[client\]'"):
        ServingClient("http://host/m")
