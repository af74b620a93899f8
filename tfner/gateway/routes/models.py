"""`GET /v1/models`: what can be asked."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from tfner.gateway.openapi import refusals
from tfner.gateway.state import gateway_of

router = APIRouter(tags=["Entities"], responses=refusals())


class ModelAnswer(BaseModel):
    """A model, its versions, and those that were not taken."""

    name: str
    version: str
    versions: list[str]
    labels: list[str]
    nested: bool
    state: str
    loading: str | None
    refused: dict[str, str]


class ModelsAnswer(BaseModel):
    """All models."""

    models: list[ModelAnswer]


@router.get("/v1/models", summary="The models and their versions")
async def models(request: Request) -> ModelsAnswer:
    """List the models with their labels, versions and states."""
    found = gateway_of(request).registry.models.values()
    described = [ModelAnswer(**model.describe()) for model in found]
    return ModelsAnswer(models=described)
