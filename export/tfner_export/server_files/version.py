"""A version's files beside its graph, made before it is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tfner_export.saved_model.session import served_graph
from tfner_export.saved_model.signatures import SERVING
from tfner_export.saved_model.span_signatures import SPANS
from tfner_export.server_files import memory
from tfner_export.server_files.warmup import fit, full_row, write_warmup

if TYPE_CHECKING:
    from tfner_export.exporter import Source


def rehearse(source: Source, version: Path, *, texts: list[str]) -> memory.Sizes:
    """Run a written SavedModel as the server will, and note what was run.

    Args:
        source: the exported model.
        version: directory of `saved_model.pb`; gets the warm-up requests.
        texts: for signatures that take texts.

    Returns:
        The memory that the model needs, measured with one row of full length.

    Raises:
        ExportError: the graph fails on a warm-up request.
    """
    longest = full_row(source, source.serving.max_length)
    with served_graph(version) as graph:
        peak = max(
            graph.peak(name, fit(graph, name, longest))
            for name in (SERVING, SPANS)
            if name in graph.signatures
        )
        row = memory.OVERHEAD * peak
        sizes = memory.Sizes(
            weights=sum(path.stat().st_size for path in version.glob("variables/*")),
            row=row,
            max_rows=source.serving.max_rows or memory.rows_of(row),
            batched=SPANS not in graph.signatures,
        )
        write_warmup(graph, source, version, texts=texts, rows=sizes.max_rows)
    return sizes
