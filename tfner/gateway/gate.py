"""A gate that every request passes: size, time, refusals."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from tfner.gateway.errors import too_large
from tfner.gateway.limits import Limits


class Gate:
    """ASGI around the application."""

    def __init__(self, app: Any, *, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        await self.app(scope, receive, send)


async def refuse(request: Request, error: Any) -> Response:
    """Answer a refusal."""
    body = {"error": {"code": error.code, "message": error.message}}
    return Response(
        orjson.dumps(body),
        error.status,
        error.headers,
        media_type="application/json",
    )


async def read_body(request: Request, limits: Limits) -> bytes:
    """Read a body that is not too large."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limits.max_body:
            raise too_large(
                "body_too_large", f"a body may have {limits.max_body:,} bytes."
            )
    return bytes(body)
