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


def summary(report: dict[str, Any]) -> str:
    """The result of a run: each trial, their mean, and the model to use."""
    trials = report["trials"]
    lines = []
    for part in ("dev", "test"):
        for trial in trials:
            if trial[part]:
                seed = f"seed {trial['seed']}  " if len(trials) > 1 else ""
                lines.append(f"{part}  {seed}{_scores(trial[part])}")
        spread = report["summary"].get(part)
        if spread and len(trials) > 1:
            lines.append(
                f"{part}  mean F1 {spread['mean']:.4f}, standard deviation "
                f"{spread['sd']:.4f} over {len(trials)} seeds"
            )
    rate = report["train_sentences_per_second"]
    shown = f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"
    lines.append(f"{shown} training sentences a second, compilation included")
    lines.append(f"model: {report['bundle']}")
    return "\n".join(lines)


def _scores(score: dict[str, Any]) -> str:
    interval = score["interval"]
    return (
        f"F1 {score['f1']:.4f} ({interval['level']:.0%} interval {interval['low']:.4f} "
        f"to {interval['high']:.4f})  precision {score['precision']:.4f}  "
        f"recall {score['recall']:.4f}  entities {score['support']}"
    )
