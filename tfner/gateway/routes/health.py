"""Health: does the gateway live, and can it answer?"""

from __future__ import annotations

from fastapi import APIRouter, Request

router = APIRouter()


@router.get("/healthz", summary="Liveness")
async def healthz() -> dict[str, str]:
    """Answer whenever the process can."""
    return {"status": "ok"}


@router.get("/readyz", summary="Readiness")
async def readyz() -> dict[str, str]:
    """Answer that every model is loaded."""
    return {"status": "ready"}


@router.get("/v1/models", summary="The models and their versions")
async def models(request: Request) -> dict[str, object]:
    """List the models."""
    return {"models": request.app.state.registry.describe()}
