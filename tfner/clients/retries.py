"""Further attempts at requests that may succeed then, with growing waits between."""

from __future__ import annotations

import logging
from typing import Any

import stamina

from tfner.clients.failures import CallFailed
from tfner.clients.settings import ClientSettings

FIRST_WAIT, LONGEST_WAIT, JITTER = 0.1, 2.0, 0.1
"""Seconds; the waits double, and jitter keeps many clients from coming back at once."""

# Without a handler Python would print stamina's notes on attempts to stderr.
logging.getLogger("stamina").addHandler(logging.NullHandler())


def attempts(settings: ClientSettings) -> Any:
    """The attempts at one request, to be looped over, also asynchronously.

    Args:
        settings: how many there are, and within how many seconds.
    """
    return stamina.retry_context(
        on=_again,
        attempts=settings.attempts,
        timeout=settings.timeout,
        wait_initial=FIRST_WAIT,
        wait_max=LONGEST_WAIT,
        wait_jitter=JITTER,
    )


def _again(error: Exception) -> bool | float:
    """Whether to try again; or after how many seconds, if the server says so."""
    if not isinstance(error, CallFailed) or not error.again:
        return False
    return True if error.retry_after is None else error.retry_after
