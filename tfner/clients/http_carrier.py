"""Carries requests over HTTP; connections are kept and shared by threads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx

from tfner.clients.addresses import Address
from tfner.clients.failures import CallFailed
from tfner.clients.settings import ClientSettings, tls_context
from tfner.clients.signatures import Message
from tfner.errors import ConfigError

TLS_WORDS = ("SSL", "CERTIFICATE", "TLS", "certificate")
JSON = {"Content-Type": "application/json"}


class HttpCarrier:
    """Sends requests one by one; several threads may send at once.

    Args:
        address: whose server is spoken to.
        settings: of TLS, headers and connections.

    Raises:
        ConfigError: a PEM file or a header cannot be used.
    """

    def __init__(self, address: Address, settings: ClientSettings) -> None:
        self._client = httpx.Client(**_arguments(address, settings))

    def send(self, message: Message, timeout: float) -> bytes:
        """Send a request; returns the body of the answer.

        Args:
            message: the request.
            timeout: seconds until the answer must be there.

        Raises:
            CallFailed: there is no answer, or it reports a failure.
        """
        end = time.monotonic() + timeout
        with _named_failures():
            request = self._client.build_request(**_request(message, timeout))
            answer = self._client.send(request, stream=True)
            with contextlib.closing(answer):
                parts = []
                for part in answer.iter_bytes():
                    parts.append(part)
                    if time.monotonic() > end:
                        raise CallFailed("deadline", "the answer is too slow")
        return _body(answer, b"".join(parts))

    def close(self) -> None:
        """Close all connections."""
        self._client.close()


class AsyncHttpCarrier:
    """Sends requests without blocking; see `HttpCarrier`."""

    def __init__(self, address: Address, settings: ClientSettings) -> None:
        self._client = httpx.AsyncClient(**_arguments(address, settings))

    async def send(self, message: Message, timeout: float) -> bytes:
        """Send a request; see `HttpCarrier.send`."""
        with _named_failures():
            async with asyncio.timeout(timeout):
                request = self._client.build_request(**_request(message, timeout))
                answer = await self._client.send(request)
        return _body(answer, answer.content)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _arguments(address: Address, settings: ClientSettings) -> dict[str, Any]:
    limit = settings.connections
    return {
        "base_url": address.url,
        "headers": _headers(settings),
        "verify": tls_context(settings) if address.scheme.secure else False,
        "limits": httpx.Limits(max_connections=limit, max_keepalive_connections=limit),
    }


def _headers(settings: ClientSettings) -> httpx.Headers:
    try:
        return httpx.Headers(dict(settings.headers), encoding="ascii")
    except UnicodeError:
        raise ConfigError(
            "headers hold ASCII characters alone. Received others with --header."
        ) from None


def _request(message: Message, timeout: float) -> dict[str, Any]:
    return {
        "method": "GET" if message.body is None else "POST",
        "url": message.route,
        "content": message.body,
        "headers": None if message.body is None else JSON,
        "timeout": timeout,
    }


@contextlib.contextmanager
def _named_failures() -> Iterator[None]:
    """Turn httpx's exceptions into failures."""
    try:
        yield
    except (httpx.TimeoutException, TimeoutError) as error:
        raise CallFailed("deadline", str(error)) from error
    except httpx.ConnectError as error:
        is_tls = any(word in str(error) for word in TLS_WORDS)
        raise CallFailed("tls" if is_tls else "unreachable", str(error)) from error
    except (httpx.RemoteProtocolError, httpx.DecodingError) as error:
        broken = "disconnected" in str(error) or "closed" in str(error)
        raise CallFailed("broken" if broken else "protocol", str(error)) from error
    except (httpx.TransportError, OSError) as error:
        # A server that wants a client's certificate says so after the handshake, in an
        # error of TLS that asynchronous clients get as it is.
        is_tls = any(word in str(error) for word in TLS_WORDS)
        raise CallFailed("tls" if is_tls else "broken", str(error)) from error


def _body(answer: httpx.Response, body: bytes) -> bytes:
    if answer.is_success:
        return body
    try:
        text = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        text = body.decode(errors="replace")
    if isinstance(text, dict):  # tfner's own gateway
        text = text.get("message", text)
    wait = answer.headers.get("Retry-After", "")
    raise CallFailed(
        "status",
        str(text),
        status=str(answer.status_code),
        retry_after=float(wait) if wait.isdigit() else None,
    )
