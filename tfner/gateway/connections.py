"""Connections that do not wait for ever, and a server that ends without losing any.

uvicorn by itself waits as long as a client likes for the head of a request, and for a
client that does not take its answer.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from tfner.gateway.events import log
from tfner.gateway.state import Gateway

LATE = 0.2
"""Seconds in which a request is still read that was sent before the end began."""


def impatient(seconds: float) -> type[asyncio.Protocol]:
    """Make uvicorn's protocol close connections of clients that stand still.

    Args:
        seconds: in which the head of a request must arrive, and an answer be taken.
    """

    class Impatient(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        """A connection whose timer runs while the client has to do something."""

        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._start()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                self._start()
            else:
                self._stop()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._start()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._stop()

        def connection_lost(self, error: Exception | None) -> None:
            self._stop()
            super().connection_lost(error)

        def _start(self) -> None:
            if self._timer is None:
                self._timer = self.loop.call_later(seconds, self.transport.abort)

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Impatient


class Server(uvicorn.Server):
    """A server that answers all that was sent before a signal ends it.

    Args:
        config: of uvicorn.
        gateway: is told that the end is near.
        url: is logged once connections are taken.
        drain: seconds in which requests are still taken, while probes say that no more
            should be sent.
        parent: id of the process whose end ends this one, too.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        gateway: Gateway,
        *,
        url: str,
        drain: float = 0.0,
        parent: int | None = None,
    ) -> None:
        super().__init__(config)
        self._gateway, self._url = gateway, url
        self._drain, self._parent = drain, parent

    async def startup(self, sockets: Any = None) -> None:
        """Take connections; what waits for the log to say so may connect then."""
        await super().startup(sockets)
        if self.started:
            log("serving", url=self._url, process=os.getpid())

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End; at the second signal at once. uvicorn would die of it at last."""
        self.force_exit, self.should_exit = self.should_exit, True

    async def on_tick(self, counter: int) -> bool:
        """Look whether it is time to end."""
        is_orphan = self._parent is not None and os.getppid() != self._parent
        return await super().on_tick(counter) or is_orphan

    async def shutdown(self, sockets: Any = None) -> None:
        """Take no more connections, then answer those that there are."""
        self._gateway.is_ending = True
        await asyncio.sleep(self._drain)
        for server in self.servers:
            server.close()
        await asyncio.sleep(LATE)
        await super().shutdown(sockets)
