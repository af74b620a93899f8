"""The application: its routes, and what stands around each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import tfner
from tfner.gateway.errors import Refused
from tfner.gateway.gate import Gate, refuse
from tfner.gateway.limits import Limits
from tfner.gateway.models import Registry
from tfner.gateway.routes import entities, health


def make_app(registry: Registry, limits: Limits) -> FastAPI:
    """Make the application.

    Args:
        registry: its models, which are loaded.
        limits: of requests.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await registry.close()

    app = FastAPI(
        title="tfner",
        version=tfner.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.registry, app.state.limits = registry, limits
    app.include_router(entities.router)
    app.include_router(health.router)
    app.add_exception_handler(Refused, refuse)
    app.add_middleware(Gate, limits=limits)
    return app
