"""Results of commands, on standard output."""

from __future__ import annotations

import json
import sys
from typing import Any


def print_text(text: str) -> None:
    """A result for people, on stdout."""
    _write(text if text.endswith("\n") else f"{text}\n")


def print_json(record: Any) -> None:
    """A result for programs: one JSON document on stdout."""
    for piece in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(record):
        _write(piece)
    _write("\n")


def _write(text: str) -> None:
    """Write what may name files whose names are no UTF-8, escaped as in JSON."""
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def as_json(record: Any) -> str:
    """JSON for people too."""
    return json.dumps(record, ensure_ascii=False, indent=2)
