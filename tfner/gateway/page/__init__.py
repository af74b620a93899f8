"""The page at `/`: a person pastes a text and sees its entities.

Plain files without a build step. They ask for nothing from elsewhere, and the policy
sent with them lets a browser run and load only them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Scope

FILES = Path(__file__).with_name("files")

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Browsers ask each time whether a file has changed: no files of two versions meet."""

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""Not those of the machine, which may call scripts plain text; browsers refuse that."""


class _Files(StaticFiles):
    """Files with the headers of the page; `StaticFiles` does ETag, HEAD and ranges."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Answer a request for a file.

        Args:
            full_path: of the file.
            stat_result: its size and time, of which the ETag is made.
            scope: the request.
            status_code: of an answer with content.
        """
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        if response.status_code == 200:
            response.headers["Content-Type"] = MEDIA_TYPES[Path(full_path).suffix]
        return response


def page_routes(app: FastAPI) -> None:
    """Serve the page at `/` and its files below `/page`.

    Addresses within the page are relative, so that it also works below a path of a
    proxy. The page asks `v1/models` and `v1/entities` of the same application. Neither
    route is in the OpenAPI document.

    Args:
        app: gets the two routes.
    """
    # Installers may link to files of a cache instead of copying them.
    index = _Files(directory=FILES, follow_symlink=True)
    parts = _Files(directory=FILES / "page", follow_symlink=True)

    async def page(request: Request) -> Response:
        return await index.get_response("index.html", request.scope)

    app.router.routes += [
        Route("/", page, include_in_schema=False),
        Mount("/page", parts),
    ]
