"""A gate that every request passes: its id, its right to ask, its size, its time.

Written for ASGI itself: middleware of Starlette makes a task of each request.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tfner.gateway.errors import Refused, busy, too_large
from tfner.gateway.events import log, log_failure
from tfner.gateway.limits import Limits
from tfner.gateway.state import Gateway
from tfner.gateway.tracing import Tracing

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = ("/", "/docs", "/openapi.json", "/healthz", "/readyz")
"""What needs no token: probes, and pages, which hold nothing but themselves."""
OTHER = "other"
"""Route, in logs, of what none has answered: an address may hold a client's text."""
REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
LINGER = 2.0
"""Seconds in which the rest of a refused body is thrown away: a client that is still
sending would else lose the answer."""
SHORT = 64 * 2**10
"""Bytes of a body that is read although its head is refused: under load, connections
that close and open again cost more."""
LEFT = 499
"""Status in logs of a request whose client went away, as nginx has it."""


class Exchange:
    """One request and its answer on their way through the gate.

    Args:
        scope: of ASGI.
        receive: of ASGI.
        send: of ASGI.
        is_ending: whether connections are to be closed.

    Attributes:
        id: of the client, or made here.
        status: of the answer; 0 before it has begun.
        facts: for the log; routes add to them.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, is_ending: bool
    ) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        self.id = (
            given if REQUEST_ID.fullmatch(given) else os.urandom(16).hex().encode()
        )
        self.headers, self._receive, self._send = headers, receive, send
        self._is_ending = is_ending
        length = headers.get(b"content-length", b"0")
        self.length = int(length) if length.isdigit() else 0
        self._is_read = not self.length and b"transfer-encoding" not in headers
        self.status, self.started = 0, time.perf_counter()
        self.facts: dict[str, Any] = {}

    async def receive(self) -> Message:
        """Receive the next part of the body."""
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._is_read = True
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (b"x-request-id", self.id)]
            if self._is_ending or not self._is_read:
                headers.append((b"connection", b"close"))
            await self._send({**message, "headers": headers})
        elif self._is_read or message.get("more_body", False):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            await self.skip()
            await self._send({"type": "http.response.body", "body": b""})

    async def skip(self) -> None:
        """Throw away the rest of the body, if it comes soon."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while not self._is_read:
                    await self.receive()


def facts_of(request: Request) -> dict[str, Any]:
    """Give what the log will tell of a request, to be added to."""
    exchange: Exchange = request.scope["state"]["exchange"]
    return exchange.facts


class Gate:
    """ASGI around the application.

    Args:
        app: the application.
        gateway: its limits hold, its metrics count.
        token: that clients must bear; None lets in everyone.
        tracing: gets a span of each request; None traces nothing.
    """

    def __init__(
        self,
        app: App,
        *,
        gateway: Gateway,
        token: str | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.app, self._gateway = app, gateway
        self.limits, self.metrics = gateway.limits, gateway.metrics
        self._token = None if token is None else f"Bearer {token}".encode()
        self._requests, self._tracing = 0, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, is_ending=self._gateway.is_ending)
        scope.setdefault("state", {})["exchange"] = exchange
        span = self._tracing and self._tracing.begin(exchange.headers)
        self._requests += 1
        self.metrics.in_progress.inc()
        try:
            self._check(scope["path"], exchange)
            await self.app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = LEFT
        except Refused as refused:
            await _answer(scope, exchange, refused)
        except Exception as error:
            log_failure("failure", error, id=exchange.id.decode())
            if not exchange.status:
                await _answer(scope, exchange, FAILED)
        finally:
            self._requests -= 1
            self.metrics.in_progress.dec()
            self._note(scope, exchange, span)

    def _check(self, path: str, exchange: Exchange) -> None:
        """Refuse a request by its head alone.

        Raises:
            Refused: the token is wrong, too much is going on, or it is too large.
        """
        if path in OPEN or path.startswith(("/page/", "/v2/health/")):
            return
        if self._token is not None:
            given = exchange.headers.get(b"authorization", b"")
            if not hmac.compare_digest(given, self._token):
                raise Refused(
                    401,
                    "unauthorized",
                    "this gateway wants a token: send Authorization: Bearer TOKEN.",
                    headers={"www-authenticate": "Bearer"},
                )
        if self._requests > self.limits.max_requests:
            raise busy(
                "too_many_requests",
                f"{self.limits.max_requests:,} requests are being answered already. "
                "Send this one again later.",
                seconds=1,
            )
        is_stream = exchange.headers.get(b"content-type", b"").startswith(NDJSON)
        if exchange.length > self.limits.max_body and not is_stream:
            raise body_too_large(self.limits)

    def _note(self, scope: Scope, exchange: Exchange, span: Any) -> None:
        """Log, count and trace a request that has been answered."""
        route = getattr(scope.get("route"), "path", OTHER)
        seconds = time.perf_counter() - exchange.started
        self.metrics.requests.labels(route, exchange.status).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        told = {"method": scope["method"], "route": route, "status": exchange.status}
        if self._tracing is not None:
            self._tracing.end(span, **told, **exchange.facts)
        if route not in OPEN:
            log(
                "request",
                id=exchange.id.decode(),
                **told,
                ms=round(seconds * 1000, 1),
                **exchange.facts,
            )


NDJSON = b"application/x-ndjson"
FAILED = Refused(500, "internal", "the gateway failed; its log says where.")


def body_too_large(limits: Limits) -> Refused:
    """Refuse a body by its size."""
    return too_large(
        "body_too_large",
        f"a body may have {limits.max_body:,} bytes. Send several requests, or a "
        "stream of NDJSON.",
    )


async def _answer(scope: Scope, exchange: Exchange, refused: Refused) -> None:
    """Answer a refusal that no route has seen.

    The connection stays for the next request where little is left to be read.
    """
    if 0 < exchange.length <= SHORT:
        await exchange.skip()
    response = refusal_response(scope["path"], refused)
    await response(scope, exchange.receive, exchange.send)


def refusal_response(path: str, refused: Refused) -> Response:
    """Give a refusal as the interface of a path has it.

    TensorFlow Serving (`json_tensor.cc`, `MakeJsonFromStatus`) and KServe V2 give the
    message alone.
    """
    error: object = {"code": refused.code, "message": refused.message}
    if path.startswith(("/v1/models/", "/v2")):
        error = refused.message
    body = orjson.dumps({"error": error})
    media_type = "application/json"
    return Response(body, refused.status, refused.headers, media_type=media_type)


async def read_body(request: Request, limits: Limits) -> bytes:
    """Read a body.

    Raises:
        ClientDisconnect: the client went away.
        Refused: it is too large, or the client takes too long to send it.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(limits.deadline):
            async for part in body_parts(request, limits.idle):
                body += part
                if len(body) > limits.max_body:
                    raise body_too_large(limits)
    except TimeoutError:
        raise Refused(
            408, "body_too_slow", "the body of the request did not arrive in time."
        ) from None
    return bytes(body)


async def body_parts(request: Request, seconds: float) -> AsyncIterator[bytes]:
    """Read a body part by part.

    Args:
        request: whose body it is.
        seconds: within which each part must arrive.

    Raises:
        ClientDisconnect: the client went away.
        TimeoutError: a part did not arrive in time.
    """
    more = True
    while more:
        async with asyncio.timeout(seconds):
            message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more = message.get("more_body", False)
        yield message.get("body", b"")
