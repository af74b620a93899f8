"""The application: its routes, and what stands around all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

import tfner
from tfner.gateway.errors import Refused
from tfner.gateway.gate import FAILED, App, Gate, refusal_response
from tfner.gateway.page import page_routes
from tfner.gateway.routes import entities, health, kserve, models, tf_serving
from tfner.gateway.schemas import refusal
from tfner.gateway.state import Gateway
from tfner.gateway.tracing import Tracing

DESCRIPTION = "Finds named entities in texts. Offsets are half-open."


def make_app(
    gateway: Gateway,
    *,
    token: str | None = None,
    origins: Sequence[str] = (),
    tracing: Tracing | None = None,
    seconds_between_looks: float = 2.0,
) -> App:
    """Make the application, as ASGI.

    Args:
        gateway: its models are loaded.
        token: that clients must bear; None lets in everyone.
        origins: whose pages in browsers may ask; "*" for all.
        tracing: gets a span of each request.
        seconds_between_looks: for new versions of models.
    """
    routes = make_routes(gateway, seconds_between_looks)
    gate = Gate(routes, gateway=gateway, token=token, tracing=tracing)
    if not origins:
        return gate
    return CORSMiddleware(
        gate,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["X-Request-Id", "Retry-After"],
    )


def make_routes(gateway: Gateway, seconds_between_looks: float = 2.0) -> FastAPI:
    """Make the routes, and what runs beside them; see `make_app`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(gateway.registry.watch(seconds_between_looks))
        yield
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await gateway.registry.close()

    app = FastAPI(
        title="tfner",
        version=tfner.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.gateway = gateway
    for room in (entities, models, tf_serving, kserve, health):
        app.include_router(room.router)
    page_routes(app)
    app.add_exception_handler(Refused, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_parameters)
    app.add_exception_handler(HTTPException, _refuse_address)
    app.add_exception_handler(Exception, _fail)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    refused = error if isinstance(error, Refused) else FAILED
    return refusal_response(request.url.path, refused)


async def _refuse_parameters(request: Request, error: Exception) -> Response:
    """Tell what is wrong in an address as what is wrong in a body."""
    if not isinstance(error, RequestValidationError):
        return await _fail(request, error)
    return refusal_response(request.url.path, refusal(error.errors()))


async def _refuse_address(request: Request, error: Exception) -> Response:
    """Tell of an address or method that does not exist as of all else."""
    if not isinstance(error, HTTPException):
        return await _fail(request, error)
    code, message = "not_found", "there is nothing at this address; /docs lists all."
    if error.status_code == 405:
        code, message = "wrong_method", "this address takes another method; see /docs."
    refused = Refused(error.status_code, code, message, headers=error.headers)
    return refusal_response(request.url.path, refused)


async def _fail(request: Request, error: Exception) -> Response:
    """Answer what should not happen; the gate logs it."""
    return refusal_response(request.url.path, FAILED)
