"""`POST /v1/entities`: texts in, entities out."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request, Response

from tfner.document import Document
from tfner.errors import unknown
from tfner.gateway.errors import invalid
from tfner.gateway.gate import read_body
from tfner.gateway.limits import Limits
from tfner.gateway.models import Registry
from tfner.gateway.schemas import (
    EntitiesAnswer,
    EntitiesRequest,
    read,
    to_answer,
)
from tfner.gateway.served import Served

router = APIRouter()


@router.post("/v1/entities", summary="Find entities", response_model=EntitiesAnswer)
async def entities(request: Request) -> Response:
    """Find the entities of texts or documents."""
    registry: Registry = request.app.state.registry
    limits: Limits = request.app.state.limits
    asked = read(EntitiesRequest, await read_body(request, limits))
    limits.check(asked.contents())
    with registry.use(asked.model, asked.version) as served:
        check_labels(served, asked.labels)

        def finish(found: list[Document]) -> bytes:
            return orjson.dumps(
                {
                    "model": served.name,
                    "version": served.version,
                    "documents": [to_answer(document, asked) for document in found],
                }
            )

        body = await served.predict(
            asked.to_documents(), finish, seconds=limits.deadline
        )
    return Response(body, media_type="application/json")


def check_labels(served: Served, labels: list[str] | None) -> None:
    """Refuse labels that a model does not have.

    Raises:
        Refused: there is one.
    """
    known = served.predictor.task.label_set.labels
    for label in labels or ():
        if label not in known:
            raise invalid(unknown("label", label[:40], known))
