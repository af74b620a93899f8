"""Results of commands, on standard output."""

from __future__ import annotations

import json
import sys
from typing import Any


def print_text(text: str) -> None:
    """A result for people, on stdout."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def print_json(record: Any) -> None:
    """A result for programs: one JSON document on stdout."""
    json.dump(record, sys.stdout, ensure_ascii=False, indent=2)  # piece by piece
    sys.stdout.write("\n")


def as_json(record: Any) -> str:
    """JSON for people too."""
    return json.dumps(record, ensure_ascii=False, indent=2)
