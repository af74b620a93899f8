"""The process that serves: sockets, signals, workers."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvicorn

from tfner.errors import StorageError
from tfner.gateway.app import make_app
from tfner.gateway.limits import Limits
from tfner.gateway.models import Registry, Source

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a gateway.

    Args:
        models: `NAME=DIR` or `DIR`.
        host: address to listen at.
        port: 0 for any free one.
        limits: of requests.
    """

    models: Sequence[str]
    host: str = "127.0.0.1"
    port: int = 8080
    limits: Limits = field(default_factory=Limits)


def serve(settings: Settings) -> None:
    """Serve until a signal ends the process."""
    listener = bind(settings.host, settings.port)
    sources = [Source.parse(model) for model in settings.models]
    registry = Registry(sources, settings.limits)
    registry.start()
    app = make_app(registry, settings.limits)
    config = uvicorn.Config(app, log_config=None, ws="none", server_header=False)
    host, port = listener.getsockname()[:2]
    logger.info("serving at http://%s:%d", host, port)
    uvicorn.Server(config).run([listener])


def bind(host: str, port: int) -> socket.socket:
    """Bind a socket, so that a port in use is told before models load.

    Raises:
        StorageError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StorageError(
            f"cannot listen at {host}:{port}: {error.strerror or error}. Name another "
            "--port or --host."
        ) from error
    return listener
