"""Checks of the settings of token classification, beside those of its windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from tfner.config.choices import Head, LabelPieces, Pool
from tfner.errors import unknown
from tfner.tasks.decoding import DECODERS

if TYPE_CHECKING:
    from tfner.tasks.token_classification import TokenClassification


def setting_problems(task: TokenClassification) -> list[str]:
    """List what is wrong with a task's settings: see `TokenClassification`."""
    given = {
        "label_pieces": (task.label_pieces, get_args(LabelPieces)),
        "pool": (task.pool, get_args(Pool)),
        "head": (task.head, get_args(Head)),
        "decode": (task.decoder, DECODERS),
    }
    problems = [
        unknown(f"`{name}`", str(value), known)
        for name, (value, known) in given.items()
        if value not in known
    ]
    if task.segment_id not in (0, 1):
        problems.append(
            f"`segment_id` must be 0 or 1. Received: segment_id={task.segment_id}"
        )
    if task.head == "crf" and task.label_pieces == "all":
        problems.append(
            "a CRF reads one tag per word: `head` crf and `label_pieces` all "
            "contradict each other. Use --label-pieces first."
        )
    if task.pool != "first" and task.label_pieces == "all":
        problems.append(
            f"pieces that are pooled have one tag: `pool` {task.pool} and "
            "`label_pieces` all contradict each other. Use --label-pieces first."
        )
    if task.context < 0:
        problems.append(
            f"`context` must be at least 0. Received: context={task.context}"
        )
    return problems
