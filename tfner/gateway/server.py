"""The processes that serve: their settings, sockets and ends."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from tfner.errors import StorageError
from tfner.gateway.app import make_app
from tfner.gateway.connections import Server, impatient
from tfner.gateway.events import log
from tfner.gateway.limits import Limits
from tfner.gateway.loading import Loader, load_behind, load_here
from tfner.gateway.metrics import Metrics
from tfner.gateway.models import Registry
from tfner.gateway.state import Gateway
from tfner.gateway.tracing import exporting
from tfner.gateway.versions import Source
from tfner.gateway.workers import Workers
from tfner.storage.remote import import_tensorflow

LONGEST_HEAD = 32 * 2**10
"""Bytes of a request's head."""
KEEP_ALIVE = 75
"""Seconds that a connection is kept without a request."""
BEHIND = 4
"""Batches of a model that a server behind the gateway is sent at once."""
BACKLOG = 2048
"""Connections that wait to be accepted."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a gateway, which its worker processes get as they are.

    Args:
        models: `NAME=DIR` or `DIR`.
        host: address to listen at.
        port: 0 for any free one.
        limits: of requests, in each process.
        workers: processes that share the port.
        versions: newest ones of a model that are served.
        poll: seconds between two looks for new versions.
        drain: seconds in which requests are still taken after a signal to end.
        tracing: whether requests are traced by OpenTelemetry.
        token: that clients must bear; None lets in everyone.
        origins: whose pages in browsers may ask.
        backend: address of a server that runs the models; None runs them here.
        loading: settings of `Predictor.load`.
        log_level: of `logging`.
    """

    models: Sequence[str]
    host: str = "127.0.0.1"
    port: int = 8080
    limits: Limits = field(default_factory=Limits)
    workers: int = 1
    versions: int = 1
    poll: float = 2.0
    drain: float = 0.0
    tracing: bool = False
    token: str | None = None
    origins: Sequence[str] = ()
    backend: str | None = None
    loading: Mapping[str, Any] = field(default_factory=dict)
    log_level: int = logging.INFO

    def sources(self) -> list[Source]:
        """The places of the models.

        Raises:
            ConfigError: a name is wrong.
        """
        return [Source.parse(model) for model in self.models]


def serve(settings: Settings) -> None:
    """Serve until a signal ends the process.

    Args:
        settings: of the gateway.

    Raises:
        TfnerError: the address is in use, or a model cannot be served.
    """
    Registry(settings.sources(), make=_never)  # wrong names are told before all else
    with bind(settings.host, settings.port) as listener:
        if settings.workers == 1:
            serve_here(settings, listener)
        else:
            Workers(settings, listener).run()


def serve_here(
    settings: Settings, listener: socket.socket, *, parent: int | None = None
) -> None:
    """Serve in this process.

    Args:
        settings: of the gateway.
        listener: bound to the port.
        parent: see `Server`.

    Raises:
        TfnerError: a model cannot be served.
    """
    if settings.backend is None:
        import_tensorflow()
    limits, metrics = settings.limits, Metrics()
    registry = Registry(
        settings.sources(),
        make_loader(settings, metrics),
        keep=settings.versions,
        is_remote=settings.backend is not None,
    )
    registry.load()
    gateway = Gateway(registry, limits, metrics)
    tracing = exporting() if settings.tracing else None
    app = make_app(
        gateway,
        token=settings.token,
        origins=settings.origins,
        tracing=tracing,
        seconds_between_looks=settings.poll,
    )
    config = uvicorn.Config(
        app,
        http=impatient(limits.idle),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=round(limits.deadline) + 5,
    )
    server = Server(
        config, gateway, url=url_of(listener), drain=settings.drain, parent=parent
    )
    server.run([listener])
    if tracing is not None:
        tracing.close()
    log("ended", process=os.getpid())


def make_loader(settings: Settings, metrics: Metrics) -> Loader:
    """Make what loads models: into this process, or as clients of a server.

    Args:
        settings: of the gateway.
        metrics: of this process.
    """
    if settings.backend is None:
        load, threads = load_here(**settings.loading), 1
    else:
        pinned = settings.versions > 1
        load = load_behind(settings.backend, pinned=pinned, **settings.loading)
        threads = BEHIND
    return Loader(load, limits=settings.limits, metrics=metrics, threads=threads)


def url_of(listener: socket.socket) -> str:
    """The address of a socket, as a browser takes it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def bind(host: str, port: int) -> socket.socket:
    """Bind a socket, so that a port in use is told before models load.

    Args:
        host: a name or address.
        port: 0 for any free one.

    Raises:
        StorageError: the address cannot be used.
    """
    listener = None
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it: without it the body of an answer waits 40 ms for the
        # client to acknowledge the head, as asyncio sets it on its own sockets alone.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise StorageError(
            f"cannot listen at {host}:{port}: {error.strerror or error}. Name another "
            "--port or --host."
        ) from error
    return listener


def _never(*_: object) -> Any:
    raise NotImplementedError
