"""Refusals: what a client is told, with the HTTP status."""

from __future__ import annotations

from collections.abc import Mapping

CANNOT_PREDICT = 422
"""Status of a text that the model cannot take, whatever the limits."""

SHOWN = 40
"""Characters of a name that are shown to the client that sent it."""


class Refused(Exception):
    """A request that is not answered.

    Args:
        status: of HTTP.
        code: a word that programs compare, such as `too_many_texts`.
        message: one sentence without the client's text.
        headers: sent along, such as `retry-after`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})


def invalid(message: str) -> Refused:
    """Refuse a request that is not as it should be."""
    return Refused(400, "invalid_request", message)


def missing(message: str) -> Refused:
    """Refuse a request for what does not exist."""
    return Refused(404, "not_found", message)


def too_large(code: str, message: str) -> Refused:
    """Refuse a request that is beyond a limit of size."""
    return Refused(413, code, message)


def busy(code: str, message: str, *, seconds: int) -> Refused:
    """Refuse a request that may be sent again later.

    Args:
        code: see `Refused`.
        message: see `Refused`.
        seconds: until then.
    """
    return Refused(429, code, message, headers={"retry-after": str(seconds)})
