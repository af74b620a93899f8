"""Files that a run writes about itself: its settings and its log."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

RUN_FILE = "run.toml"
LOG = "log.csv"


def log_text(lines: Sequence[Mapping[str, float]]) -> str:
    """CSV with a header that names the figures of the last line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()
