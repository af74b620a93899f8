"""`POST /v1/entities`: texts in, entities out, at once or as a stream."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from tfner.document import Document
from tfner.gateway.asking import predict
from tfner.gateway.errors import invalid
from tfner.gateway.gate import NDJSON, read_body
from tfner.gateway.openapi import inlined, json_body, refusals
from tfner.gateway.schemas import (
    EntitiesAnswer,
    EntitiesRequest,
    GivenDocument,
    LineOptions,
    read,
    to_answer,
)
from tfner.gateway.state import gateway_of
from tfner.gateway.streaming import Stream

router = APIRouter(tags=["Entities"], responses=refusals())

LINES = {
    "application/x-ndjson": {
        "schema": {
            "description": "A line a text: a string, or an object.",
            "oneOf": [{"type": "string"}, inlined(GivenDocument.model_json_schema())],
        }
    }
}


@router.post(
    "/v1/entities",
    summary="Find entities",
    response_model=EntitiesAnswer,
    responses={200: {"content": {"application/x-ndjson": {}}}},
    openapi_extra=json_body(EntitiesRequest, content=LINES),
)
async def entities(
    request: Request, options: Annotated[LineOptions, Query()]
) -> Response:
    """Find the entities of texts, or of documents whose words may be given.

    A body of NDJSON is answered line by line while it arrives: its client must read
    while it sends. Its options stand in the address, those of JSON in the body.
    """
    if request.headers.get("content-type", "").startswith(NDJSON.decode()):
        return Stream(request, options)
    if request.scope["query_string"]:
        raise invalid("options of a JSON body stand in it, not in the address.")
    gateway = gateway_of(request)
    asked = read(EntitiesRequest, await read_body(request, gateway.limits))
    documents = asked.to_documents()
    with gateway.registry.use(asked.model, asked.version) as served:
        served.check_labels(asked.labels)

        def finish(found: list[Document]) -> bytes:
            return orjson.dumps(
                {
                    "model": served.name,
                    "version": served.version,
                    "documents": [to_answer(document, asked) for document in found],
                }
            )

        body = await predict(request, served, documents, finish)
    return Response(body, media_type="application/json")
