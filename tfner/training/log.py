"""Files that a run writes about itself: its settings and its log."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence

RUN_FILE = "run.toml"
LOG = "log.csv"

Say = Callable[[str], None]


def quiet(message: str) -> None:
    """Print nothing, as a library does by default."""


def log_text(lines: Sequence[Mapping[str, float]]) -> str:
    """CSV with a header that names the figures of the last line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()
