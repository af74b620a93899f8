"""The state that all requests share."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from tfner.gateway.errors import Refused
from tfner.gateway.limits import Limits
from tfner.gateway.metrics import Metrics
from tfner.gateway.models import Registry


@dataclass
class Gateway:
    """All that routes need.

    Args:
        registry: of the models.
        limits: of requests.
        metrics: of this process.
        is_ending: whether the process is about to end, which probes shall know.
    """

    registry: Registry
    limits: Limits
    metrics: Metrics
    is_ending: bool = False


def refuse_at_the_end(request: Request) -> None:
    """Tell a probe that the process takes no more requests.

    Raises:
        Refused: it is about to end.
    """
    if gateway_of(request).is_ending:
        raise Refused(503, "ending", "this process is about to end.")


def gateway_of(request: Request) -> Gateway:
    """The gateway that a request has reached."""
    found: Gateway = request.app.state.gateway
    return found
