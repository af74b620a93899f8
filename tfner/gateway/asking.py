"""The way from a route to a model and back, the same for every interface."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.requests import Request

from tfner.document import Document
from tfner.gateway.gate import facts_of
from tfner.gateway.served import Finish, Served
from tfner.gateway.state import gateway_of


async def predict(
    request: Request,
    served: Served,
    documents: Sequence[str | Document],
    finish: Finish,
) -> Any:
    """Predict the documents of a request.

    Args:
        request: whose body has been read.
        served: the model.
        documents: see `Predictor.predict`.
        finish: see `Served.predict`.

    Raises:
        Refused: the documents are too many or too long, or see `Served.predict`.
    """
    limits = gateway_of(request).limits
    lengths = [len(d) if isinstance(d, str) else len(d.text) for d in documents]
    facts_of(request).update(
        model=served.name,
        version=served.version,
        texts=len(lengths),
        characters=sum(lengths),
    )
    limits.check(lengths)

    return await served.predict(
        documents, finish, seconds=limits.deadline, gone=partial(_gone, request)
    )


async def _gone(request: Request) -> None:
    """Wait until the client has gone away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
