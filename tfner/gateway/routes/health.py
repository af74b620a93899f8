"""Health: does the gateway live, can it answer, and what has it done?"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from tfner.gateway.openapi import refusals, render
from tfner.gateway.state import gateway_of, refuse_at_the_end

router = APIRouter(tags=["Operation"])


@router.get("/healthz", summary="Liveness")
async def healthz() -> dict[str, str]:
    """Answer whenever the process can."""
    return {"status": "ok"}


@router.get("/readyz", summary="Readiness", responses=refusals())
async def readyz(request: Request) -> dict[str, str]:
    """Tell whether requests are answered: models are loaded, the end is not near."""
    refuse_at_the_end(request)
    return {"status": "ready"}


@router.get(
    "/metrics",
    summary="Measurements for Prometheus",
    response_class=PlainTextResponse,
    responses=refusals(),
)
async def metrics(request: Request) -> Response:
    """Give requests, seconds, texts that wait, batches and loads."""
    body, media_type = gateway_of(request).metrics.render()
    return Response(body, media_type=media_type)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Show the OpenAPI document as a page."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return HTMLResponse(
        render(request.app.openapi()), headers={"content-security-policy": policy}
    )
