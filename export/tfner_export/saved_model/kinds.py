"""The graphs that can be served, by what a task's model puts out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfner.checkpoints.saved_graph import ASSETS
from tfner.errors import ExportError
from tfner.storage.atomic import write_json
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tasks.token_classification import TokenClassification
from tfner_export.label_mapping import write_label_mapping
from tfner_export.saved_model.signatures import TaggerModule
from tfner_export.saved_model.span_signatures import SpanModule
from tfner_export.saved_model.span_verification import compare_spans, known_span_rows
from tfner_export.saved_model.verification import (
    Features,
    compare_tags,
    known_rows,
)

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner_export.exporter import Source

QUERIES = "queries.json"
"""Label -> query in the assets, for clients that make their own rows."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to serve the models of a task.

    Args:
        module: makes the graph that is saved.
        compare: runs a SavedModel beside its Keras model; returns the largest
            difference.
        known_rows: makes rows of one window each, the first the longest, to be mixed
            with what clients may send; see `check_adversity`.
        write_extras: writes files for clients that know nothing of tfner.
    """

    module: Callable[[Source], TaggerModule | SpanModule]
    compare: Callable[[Path, Source], float]
    known_rows: Callable[[Source], Features]
    write_extras: Callable[[Source, Path], None]


def _write_queries(source: Source, stage: Path) -> None:
    queries = source.bundle.task.settings()["queries"]
    write_json(stage / ASSETS / QUERIES, queries)


KINDS: dict[tuple[str, ...], Kind] = {
    TokenClassification.outputs: Kind(
        TaggerModule, compare_tags, known_rows, write_label_mapping
    ),
    SpanExtraction.outputs: Kind(
        SpanModule, compare_spans, known_span_rows, _write_queries
    ),
}
"""By `Task.outputs`: any task whose model gives the same is served the same way."""


def find_kind(bundle: Bundle) -> Kind:
    """The way to serve a model.

    Raises:
        ExportError: its task puts out what no graph is known for.
    """
    task = bundle.task
    if tuple(task.outputs) not in KINDS:
        known = "; ".join(", ".join(outputs) for outputs in KINDS)
        raise ExportError(
            f"{bundle.directory} is a model of task {task.name}, which puts out "
            f"{', '.join(task.outputs)}. A SavedModel can be made of: {known}."
        )
    return KINDS[tuple(task.outputs)]
