"""Files to lines of entities, those of `tfner predict` byte for byte and in order.

Whoever reads a file cuts it into the chunks of `chunked`, which any worker predicts.
Lines carry the numbers of file, chunk and document, are written in parts sorted by
them, and the parts are joined at the end.
"""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apache_beam as beam
from apache_beam.ml.inference.base import (
    KeyedModelHandler,
    PredictionResult,
    RunInference,
)

from tfner.corpus import read_corpus
from tfner.corpus.corpora import texts_format
from tfner.document import Document
from tfner.errors import StorageError
from tfner.inference.bundle import Bundle
from tfner.inference.chunks import chunked
from tfner.reports.predictions import json_lines
from tfner.storage.beam_files import file_systems, match, whole
from tfner.storage.remote import is_remote
from tfner.tasks.context import Neighbours
from tfner_export.beam.handler import NAMESPACE, EntityHandler

CHUNKS = 64
"""Chunks of a part of the output: a worker sorts its lines in memory."""

Place = tuple[int, int, int]
"""Numbers of file, chunk and document."""
Placed = tuple[Place, tuple[Document, Neighbours]]


def predict_files(
    inputs: Sequence[str],
    model: str | Path,
    output: str,
    *,
    format: str | None = None,
    overwrite: bool = False,
    options: Any = None,
    **settings: Any,
) -> Counter[str]:
    """Write one line of JSON a document, as `tfner predict` does.

    Args:
        inputs: files or patterns that Beam's file systems know, as `gs://bucket/t*`;
            each is read by one worker.
        model: see `EntityHandler`.
        output: file to write; beside it, its parts until they are joined.
        format: of all files, a key of `FORMATS`; None goes by each file, see
            `texts_format`.
        overwrite: replace what is there.
        options: Beam's PipelineOptions, which name the runner and the workers.
        **settings: of `Predictor.load`.

    Returns:
        What was lost, by reason.

    Raises:
        BundleError: there is no model.
        CorpusError: a pattern matches no file.
        StorageError: the output exists.
    """
    if file_systems().exists(output) and not overwrite:
        raise StorageError(
            "exists. Add --overwrite or choose another name.", path=output
        )
    paths = match(inputs)
    context = Bundle.load(model, **_extras(settings)).task.context
    parts = f"{output}.{uuid.uuid4().hex[:8]}.parts"
    handler = KeyedModelHandler(EntityHandler(model, **settings)).with_no_batching()
    pipeline = beam.Pipeline(options=options)
    _ = (
        pipeline
        | "files" >> beam.Create(list(enumerate(paths)))
        | "read" >> beam.FlatMap(partial(_chunks, format=format, context=context))
        | "spread" >> beam.Reshuffle()
        | "predict" >> RunInference(handler)
        | "lines" >> beam.Map(_line)
        | "by part" >> beam.GroupByKey()
        | "write" >> beam.Map(partial(_write_part, parts))
    )
    try:
        result = pipeline.run()
        result.wait_until_finish()
        _join(parts, output)
    finally:
        if file_systems().exists(parts):
            file_systems().delete([parts])
    return _counts(result)


def _extras(settings: dict[str, Any]) -> dict[str, Any]:
    """Those settings of a predictor that a bundle takes."""
    own = ("verify", "decode", "engine", "precision")
    return {name: value for name, value in settings.items() if name not in own}


def _chunks(
    source: tuple[int, str], *, format: str | None, context: int
) -> Iterator[list[Placed]]:
    """Read a file, and yield what is predicted in one go."""
    file, path = source
    with TemporaryDirectory() as folder:
        local = _local(path, Path(folder))
        documents = read_corpus(
            local, format=format or texts_format(local), tags="optional"
        )
        for number, chunk in enumerate(chunked(documents, context=context)):
            yield [((file, number, n), placed) for n, placed in enumerate(chunk)]


def _local(path: str, folder: Path) -> str:
    """The path of a local file, or of a copy in a folder, which bears its name."""
    if not is_remote(path):
        return path
    copy = folder / path.rpartition("/")[2]
    with (
        file_systems().open(path, compression_type="uncompressed") as source,
        copy.open("wb") as target,
    ):
        shutil.copyfileobj(source, target)
    return str(copy)


def _line(
    predicted: tuple[Place, PredictionResult],
) -> tuple[tuple[int, int], tuple[Place, str]]:
    """The line of a document, under the numbers of its file and part."""
    place, result = predicted
    (line,) = json_lines([result.inference], labels=())
    return (place[0], place[1] // CHUNKS), (place, line)


def _write_part(
    parts: str, group: tuple[tuple[int, int], Iterable[tuple[Place, str]]]
) -> None:
    (file, part), lines = group
    with whole(f"{parts}/{file:06}-{part:06}.jsonl") as stream:
        for _, line in sorted(lines):
            stream.write(line.encode())


def _join(parts: str, output: str) -> None:
    """Write the parts into one file, in order; there is none of an empty input."""
    (found,) = file_systems().match([f"{parts}/*.jsonl"])
    with whole(output) as target:
        for path in sorted(metadata.path for metadata in found.metadata_list):
            with file_systems().open(path, compression_type="uncompressed") as part:
                shutil.copyfileobj(part, target)


def _counts(result: Any) -> Counter[str]:
    found = result.metrics().query(
        beam.metrics.MetricsFilter().with_namespace(NAMESPACE)
    )
    return Counter({c.key.metric.name: c.result for c in found["counters"]})
