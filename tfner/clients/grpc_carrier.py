"""Carries requests over gRPC; one channel is kept and shared by threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc

from tfner.clients.addresses import Address
from tfner.clients.failures import CallFailed, Kind
from tfner.clients.settings import ClientSettings, tls_context
from tfner.clients.signatures import Message
from tfner.errors import ConfigError

OPTIONS = [
    # Probabilities of many long rows pass the 4 MB that gRPC takes by default.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Attempts are counted, and waits between them grow, in one place: `retries.py`.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
]
WORDS: tuple[tuple[tuple[str, ...], Kind], ...] = (
    (("handshake", "Handshake", "SSL", "CERTIFICATE", "certificate", "TLS"), "tls"),
    (("http1", "HTTP/1", "http2", "HTTP2", "settings frame", "SETTINGS"), "protocol"),
    (("Socket closed", "reset by peer", "GOAWAY", "End of"), "broken"),
    (("failed to connect", "resolving", "resolution", "DNS"), "unreachable"),
)
"""What stands behind the status UNAVAILABLE, by gRPC's words; the first counts."""


class GrpcCarrier:
    """Sends requests one by one; several threads may send at once.

    Args:
        address: whose server is spoken to.
        settings: of TLS and headers.

    Raises:
        ConfigError: a PEM file or a header cannot be used.
    """

    def __init__(self, address: Address, settings: ClientSettings) -> None:
        self._metadata = _metadata(settings)
        self._channel: Any
        if address.scheme.secure:
            credentials = _credentials(settings)
            self._channel = grpc.secure_channel(address.server, credentials, OPTIONS)
        else:
            self._channel = grpc.insecure_channel(address.server, OPTIONS)

    def send(self, message: Message, timeout: float) -> bytes:
        """Send a request; returns the answer's bytes.

        Args:
            message: the request.
            timeout: seconds until the answer must be there.

        Raises:
            CallFailed: there is no answer, or it reports a failure.
        """
        call = self._channel.unary_unary(message.route)
        try:
            answer: bytes = call(message.body, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise _failure(error) from error
        return answer

    def close(self) -> None:
        """Close all connections."""
        self._channel.close()


class AsyncGrpcCarrier:
    """Sends requests without blocking; see `GrpcCarrier`."""

    def __init__(self, address: Address, settings: ClientSettings) -> None:
        self._metadata = _metadata(settings)
        self._channel: Any
        if address.scheme.secure:
            credentials = _credentials(settings)
            self._channel = grpc.aio.secure_channel(
                address.server, credentials, OPTIONS
            )
        else:
            self._channel = grpc.aio.insecure_channel(address.server, OPTIONS)

    async def send(self, message: Message, timeout: float) -> bytes:
        """Send a request; see `GrpcCarrier.send`."""
        call = self._channel.unary_unary(message.route)
        try:
            answer: bytes = await call(
                message.body, timeout=timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            raise _failure(error) from error
        return answer

    async def close(self) -> None:
        """Close all connections."""
        await self._channel.close()


def _metadata(settings: ClientSettings) -> tuple[tuple[str, str], ...]:
    for name, value in settings.headers.items():
        if not (name.isascii() and value.isascii() and name.strip()):
            raise ConfigError(
                "headers hold ASCII characters alone. Received others with --header."
            )
    return tuple((name.lower(), value) for name, value in settings.headers.items())


def _credentials(settings: ClientSettings) -> Any:
    tls_context(settings)  # gRPC would find fault with the files at the first request
    files = (settings.ca, settings.key, settings.certificate)
    return grpc.ssl_channel_credentials(
        *(None if file is None else Path(file).read_bytes() for file in files)
    )


def _failure(error: Any) -> CallFailed:
    status, text = error.code().name, error.details() or ""
    if status == "DEADLINE_EXCEEDED":
        return CallFailed("deadline", text)
    if status == "UNAVAILABLE":
        for words, kind in WORDS:
            if any(word in text for word in words):
                return CallFailed(kind, text)
    return CallFailed("status", text, status=status)
