"""Tasks, which a model is trained for: documents to windows and back."""

from __future__ import annotations

from tfner.tasks.interface import Encoded, HeldOut, Outputs, Task
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tasks.token_classification import TokenClassification

__all__ = ["TASKS", "Encoded", "HeldOut", "Outputs", "Task"]

TASKS: dict[str, type[Task]] = {
    "token": TokenClassification,
    "span": SpanExtraction,
}
"""By name: what `--task` takes and what bundles are loaded by."""
