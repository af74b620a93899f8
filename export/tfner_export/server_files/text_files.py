"""Text files of the server that tfner keeps up to date, until a person takes one over.

Nothing that a person wrote is lost: values that were changed in such a file stay, and a
file with comments of others, or without its first line, is left as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf import text_format  # type: ignore[import-untyped]

from tfner.storage.atomic import write_text
from tfner.storage.remote import address
from tfner_export.server_files.places import read_text

logger = logging.getLogger("tfner.export")

KEPT = (
    "# tfner export keeps this file up to date. Delete this line to keep it yourself."
)


def keep(path: Path, kind: Any, header: str, change: Callable[[Any], None]) -> Any:
    """Change a file of a message in text format, unless a person has taken it over.

    Args:
        path: in EXPORT_DIR; it is made if it is absent.
        kind: class of the message.
        header: comment lines after the first.
        change: sets fields of the message that the file holds, or of an empty one.

    Returns:
        The message that the file holds now; None if it cannot be read as one.

    Raises:
        StorageError: the file cannot be read or written.
    """
    old = read_text(path)
    message = kind() if old is None else parse(old, kind)
    reason = None if old is None else _taken_over(old, message, header)
    if reason:
        logger.warning("%s %s: it is left as it is", address(path), reason)
        return message
    change(message)
    new = f"{KEPT}\n{header}{text_format.MessageToString(message)}"
    if new != old:
        write_text(path, new)
    return message


def parse(text: str, kind: Any) -> Any:
    """The message of a text, or None if it holds something else."""
    try:
        return text_format.Parse(text, kind())
    except text_format.ParseError:
        return None


def _taken_over(text: str, message: Any, header: str) -> str | None:
    """Why a file is not tfner's to write."""
    if not text.startswith(KEPT):
        return "is not kept by tfner"
    if message is None:
        return "cannot be read"
    known = {KEPT, *header.splitlines()}
    lines = [line.strip() for line in text.splitlines()]
    if any("#" in line for line in lines if line not in known):
        return "has comments of others, which would be lost"
    return None
