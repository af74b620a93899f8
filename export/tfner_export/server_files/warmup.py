"""Requests that the server runs before it takes a version.

The first request of a signature pays for the optimization of its graph, seconds where
later ones take milliseconds. One request that fails keeps the server from ever taking
the version (tensorflow/serving servables/tensorflow/saved_model_warmup_util.cc,
RunSavedModelWarmup), so that each is run here first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfner.clients.protos import PredictionLog, make_tensor, read_tensor
from tfner.data.features import (
    ATTENTION_MASK,
    INPUT_IDS,
    POOLED_INPUTS,
    TOKEN_TYPE_IDS,
    WORD_INPUTS,
    WORD_LENGTHS,
    to_wire,
)
from tfner.errors import ExportError
from tfner_export.saved_model.signatures import SERVING
from tfner_export.saved_model.span_signatures import SPANS
from tfner_export.saved_model.verification import text_batches

if TYPE_CHECKING:
    from tfner_export.exporter import Source
    from tfner_export.saved_model.session import ServedGraph

WARMUP = Path("assets.extra", "tf_serving_warmup_requests")
MOST_RECORDS = 1000
"""More than these, and the server refuses the version (kMaxNumRecords)."""
MOST_TEXTS = 8
"""A warm-up is for the graph, whose parts run once in any batch."""
SHORTEST = 16
WIRE = {feature.wire: feature for feature in POOLED_INPUTS}

Arrays = dict[str, Any]


def write_warmup(
    graph: ServedGraph, source: Source, version: Path, *, texts: list[str], rows: int
) -> None:
    """Write the requests of every signature, each run before.

    Args:
        graph: the written SavedModel.
        source: the exported model, with the texts of its self-test.
        version: directory of `saved_model.pb`.
        texts: for signatures that take texts.
        rows: most rows of a request; with more the server refuses it, and the version.

    Raises:
        ExportError: the graph fails on one.
    """
    path = version / WARMUP
    path.parent.mkdir()
    rows = min(rows, MOST_TEXTS)
    with tf.io.TFRecordWriter(str(path)) as file:
        for name, arrays in requests(graph, source, texts=texts, rows=rows):
            record = _record(source.serving.task_name, name, arrays)
            _replay(graph, record)
            file.write(record)


def requests(
    graph: ServedGraph, source: Source, *, texts: list[str], rows: int
) -> Iterator[tuple[str, Arrays]]:
    """The signature and the inputs of every warm-up request; see `write_warmup`.

    `serving_default` gets a row of every class of lengths, others the longest and the
    rows of the self-test alone: what a length costs is shared by all signatures.
    """
    features = [full_row(source, length) for length in _lengths(source)]
    real = [
        {name: array[:rows] for name, array in batch.items()}
        for batch in text_batches(source.bundle, source.serving.max_length)
    ]
    for name in graph.signatures:
        keys = set(graph.signatures[name].inputs)
        if keys == {"text"}:
            yield name, {"text": np.array(texts[:rows], object)}
        elif name == SPANS:
            yield from one_span_a_row(graph, [*real, features[-1]], rows)
        elif keys <= set(WIRE):
            for batch in [*real, *(features if name == SERVING else features[-1:])]:
                yield name, fit(graph, name, batch)


def full_row(source: Source, length: int) -> Arrays:
    """A batch of one row with as many pieces and words as fit.

    Args:
        source: the exported model, of which the features and the row length count.
        length: pieces; the rest of the row is padding.

    Returns:
        Features (1, max_length) int32 by their names inside tfner, `word_lengths`
        among them.
    """
    tokenizer = source.bundle.task.tokenizer
    shape = (1, source.serving.max_length)
    row = {feature.name: np.zeros(shape, np.int32) for feature in POOLED_INPUTS}
    row[INPUT_IDS.name][:] = tokenizer.pad_id
    row[INPUT_IDS.name][:, :length] = tokenizer.prefix_ids[0]
    # Rows without a mask end with their last piece.
    row[INPUT_IDS.name][:, length - 1] = (tokenizer.suffix_ids or [0])[-1]
    row[ATTENTION_MASK.name][:, :length] = 1
    # The context of a span model; to a tagger they are any segments.
    row[TOKEN_TYPE_IDS.name][:, 1:length] = 1
    for name in WORD_INPUTS:
        values = 1 if name == WORD_LENGTHS.name else np.arange(1, length)
        row[name][:, : length - 1] = values
    return row


def fit(graph: ServedGraph, name: str, features: Arrays) -> Arrays:
    """The inputs of a signature from features, cut where it takes any width.

    Args:
        graph: holds the signature.
        name: of the signature.
        features: (B, max_length) by their names inside tfner.
    """
    used = int(np.flatnonzero(features[ATTENTION_MASK.name].any(0)).max(initial=0)) + 1
    wired = to_wire(features)
    return {
        key: wired[key][:, :used] if _any_width(info) else wired[key]
        for key, info in graph.signatures[name].inputs.items()
    }


def _any_width(info: Any) -> bool:
    return bool(info.tensor_shape.dim[1].size == -1)


def _lengths(source: Source) -> list[int]:
    """16, 32, 64 and so on, up to a whole row: every length has one within half."""
    longest = source.serving.max_length
    shorter = []
    length = SHORTEST
    while length < longest:
        shorter.append(length)
        length *= 2
    return [*shorter, longest]


def one_span_a_row(
    graph: ServedGraph, batches: list[Arrays], rows: int
) -> Iterator[tuple[str, Arrays]]:
    """A request whose spans are as many as its rows, if there is one.

    Any other fails on a server that batches the model in spite of the manual, and would
    keep it from serving the other signature, too
    (batching/batching_session.cc, SplitOutputTensors).

    Args:
        graph: runs the signature `spans`.
        batches: features by their names inside tfner.
        rows: most rows of the request.
    """
    for batch in batches:
        inputs = fit(graph, SPANS, batch)
        for number in range(len(inputs["input_ids"])):
            row = {key: array[number : number + 1] for key, array in inputs.items()}
            spans = len(graph.run(SPANS, row)["rows"])
            if 0 < spans <= rows:
                empty = {
                    key: np.zeros((spans - 1, array.shape[1]), np.int32)
                    for key, array in row.items()
                }
                yield SPANS, {k: np.concatenate([row[k], empty[k]]) for k in row}
                return


def _record(model: str, signature: str, arrays: Mapping[str, Any]) -> bytes:
    log = PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for key, array in arrays.items():
        request.inputs[key].CopyFrom(make_tensor(array))
    record: bytes = log.SerializeToString()
    return record


def _replay(graph: ServedGraph, record: bytes) -> None:
    """Run a request as the server will read it.

    Raises:
        ExportError: the graph fails.
    """
    request = PredictionLog.FromString(record).predict_log.request
    name = request.model_spec.signature_name
    inputs = {key: read_tensor(tensor) for key, tensor in request.inputs.items()}
    try:
        graph.run(name, inputs)
    except (tf.errors.OpError, ValueError) as error:
        raise ExportError(
            f"the export was not published: its signature {name} fails on a warm-up "
            f"request ({str(error)[:200]})."
        ) from error
