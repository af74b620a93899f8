"""Structured logs: one JSON object a line, and never a client's text."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any

import orjson

logger = logging.getLogger("tfner.gateway")


def log(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log an event.

    Args:
        event: one or two words, such as `request`.
        level: of `logging`.
        **fields: what JSON can hold.
    """
    if logger.isEnabledFor(level):
        record = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": logging.getLevelName(level).lower(),
            "event": event,
            **fields,
        }
        logger.log(level, "%s", orjson.dumps(record).decode())


def log_failure(event: str, error: BaseException, **fields: Any) -> None:
    """Log an error that should not happen, with its places in the code.

    Its message is left out: it may hold a client's text.

    Args:
        event: see `log`.
        error: that was raised.
        **fields: see `log`.
    """
    places = [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    kind = type(error).__name__
    log(event, level=logging.ERROR, error=kind, places=places[-12:], **fields)
