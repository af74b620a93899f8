"""Parameters by which the server joins requests to batches, for all models or one.

`enable_large_batch_splitting` is in no file and never may be: the server joins the
outputs of a divided request as raw bytes, but the outputs of `serving_default` are as
wide as the longest row of each part (tensorflow/serving batching/batching_session.cc,
SplitInputTask; batching/incremental_barrier.cc).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import text_format  # type: ignore[import-untyped]

from tfner.clients.descriptors import message_class
from tfner.storage.atomic import write_text
from tfner.storage.remote import address
from tfner_export.server_files.places import read_text
from tfner_export.server_files.text_files import keep, parse

logger = logging.getLogger("tfner.export")

BATCHING = "batching_parameters.txt"
MODEL_BATCHING = "batching_params.pbtxt"
"""Read beside `saved_model.pb` under --enable_per_model_batching_parameters."""
THREADS = 2
HEADER = """\
# For --enable_batching=true --batching_parameters_file=... Each row counts, however
# long it is: max_batch_size is what the memory of the largest model allows. With
# --enable_per_model_batching_parameters=true each model has its own numbers, in
# batching_params.pbtxt of its version, and only those of the threads are taken from
# here. The next version of a model takes the times and the queue from here.
# num_batch_threads: one for each core. batch_timeout_micros: how long a request waits
# for others. max_enqueued_batches: what comes when so many wait is refused at once.
# pad_variable_length_inputs: without it a request with rows of another length fails
# all requests of its batch. The answers are the same.
# Never set enable_large_batch_splitting: rows would get the outputs of others.
"""
MODEL_HEADER = """\
# For --enable_per_model_batching_parameters=true. max_batch_size is what fits into the
# memory that the model was given. Never set enable_large_batch_splitting here: rows
# would get the outputs of others.
"""

BatchingParameters: Any = message_class("tensorflow.serving.BatchingParameters")


def model_batching(version: Path, max_rows: int, export_dir: Path) -> None:
    """Write the parameters of one model.

    Args:
        version: directory of `saved_model.pb`.
        max_rows: most rows of a batch.
        export_dir: holds the parameters of all models, from which the times come, if
            they were written already.

    Raises:
        StorageError: a file cannot be read or written.
    """
    common = parse(read_text(export_dir / BATCHING) or "", BatchingParameters)
    parameters = _defaults(max_rows)
    for field in ("batch_timeout_micros", "max_enqueued_batches"):
        if common is not None and common.HasField(field):
            getattr(parameters, field).CopyFrom(getattr(common, field))
    parameters.ClearField("num_batch_threads")  # threads are shared by all models
    text = text_format.MessageToString(parameters)
    write_text(version / MODEL_BATCHING, MODEL_HEADER + text)


def update_batching(export_dir: Path, max_rows: int) -> int:
    """Write or correct the parameters of all models in EXPORT_DIR.

    Args:
        export_dir: local or remote.
        max_rows: the fewest that a model of EXPORT_DIR allows; a smaller number in the
            file stays.

    Returns:
        Batches that run at the same time.

    Raises:
        StorageError: the file cannot be read or written.
    """

    def change(parameters: Any) -> None:
        if not parameters.ByteSize():
            parameters.CopyFrom(_defaults(max_rows))
        if parameters.max_batch_size.value > max_rows:
            parameters.max_batch_size.value = max_rows
            if parameters.allowed_batch_sizes:  # the last must be the largest batch
                sizes = [s for s in parameters.allowed_batch_sizes if s < max_rows]
                parameters.allowed_batch_sizes[:] = [*sizes, max_rows]

    path = export_dir / BATCHING
    parameters = keep(path, BatchingParameters, HEADER, change)
    if parameters is None:
        return THREADS
    for fault in _faults(parameters, max_rows):
        logger.warning("%s %s", address(path), fault)
    return parameters.num_batch_threads.value or THREADS


def _defaults(max_rows: int) -> Any:
    parameters = BatchingParameters(pad_variable_length_inputs=True)
    parameters.max_batch_size.value = max_rows
    parameters.batch_timeout_micros.value = 2000
    parameters.max_enqueued_batches.value = 32
    parameters.num_batch_threads.value = THREADS
    return parameters


def _faults(parameters: Any, max_rows: int) -> Iterator[str]:
    if parameters.enable_large_batch_splitting.value:
        yield (
            "sets enable_large_batch_splitting: rows get the outputs of other rows, "
            "except by the signature serving_fixed. Delete the line."
        )
    if not parameters.pad_variable_length_inputs:
        yield (
            "does not set pad_variable_length_inputs: a request with rows of another "
            "length fails all requests of its batch. Set it to true."
        )
    if parameters.max_batch_size.value > max_rows:
        yield (
            f"allows batches of {parameters.max_batch_size.value} rows, of which the "
            f"memory that is meant for a model holds {max_rows}."
        )
