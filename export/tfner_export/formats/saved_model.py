"""SavedModels that TensorFlow Serving runs, with all that a gateway before it needs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tfner.checkpoints.saved_graph import ASSETS, foreign_operators
from tfner.data.features import WORD_LENGTHS
from tfner.errors import BundleError, ExportError
from tfner.inference.predictor import Predictor
from tfner.storage.remote import quiet_tensorflow
from tfner_export.assets import renew_selftest, selftest_of, write_assets
from tfner_export.saved_model.adversity import check_adversity
from tfner_export.saved_model.bfloat16 import POLICY, TRIED, check_halved, halved
from tfner_export.saved_model.kinds import find_kind
from tfner_export.saved_model.releases import (
    check_server,
    oldest_server,
    read_saved_model,
    release_of,
)
from tfner_export.saved_model.text.verification import compare_texts
from tfner_export.saved_model.text_signature import check_text
from tfner_export.server_files.version import rehearse

if TYPE_CHECKING:
    from tfner_export.exporter import Source
    from tfner_export.server_files.memory import Sizes

logger = logging.getLogger("tfner.export")
"""Below the logger whose notes the command line shows."""

STORED = ("task_name", "max_length", "trimmed", "serving_text", "precision")
"""Settings of the export that the assets keep; `for_server` came to `oldest_server`."""


def check(source: Source) -> None:
    """Refuse what cannot be served.

    Raises:
        ExportError: Keras runs on another backend, or the row length, the tokenizer,
            the task or the release of the server does not fit.
    """
    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            "a SavedModel is written from Keras' TensorFlow backend. Received: "
            f"KERAS_BACKEND={keras.backend.backend()}"
        )
    bundle, max_length = source.bundle, source.serving.max_length
    find_kind(bundle)
    if source.serving.for_server is not None:
        release_of(source.serving.for_server)
    positions = getattr(source.model.encoder, "max_positions", None)
    if positions is not None and max_length > positions:
        raise ExportError(
            f"the encoder of {bundle.directory} has {positions} positions. Received: "
            f"max_length={max_length}. Use --max-length {positions} or less."
        )
    window = bundle.task.max_length
    if max_length < window:
        raise ExportError(
            f"the windows of {bundle.directory} have up to {window} pieces, rows must "
            f"hold them. Received: max_length={max_length}. Use --max-length {window} "
            "or more."
        )
    if not bundle.task.tokenizer.prefix_ids:
        raise ExportError(
            f"the tokenizer of {bundle.directory} puts no piece such as [CLS] before a "
            "text: position 0 would be a word's, and in `labeled_positions` 0 is none."
        )
    check_halved(source)
    if source.serving.serving_text:
        check_text(source)


@quiet_tensorflow()
def write(source: Source, stage: Path) -> dict[str, Any]:
    """Write graph, weights, and what turns text into features and back.

    Returns:
        The names of the `signatures`, and the `oldest_server` that runs them.

    Raises:
        ExportError: TensorFlow cannot write the files, or the server that is to run
            them is older than what they need.
    """
    kind = find_kind(source.bundle)
    if WORD_LENGTHS in source.bundle.task.features:
        logger.info(
            "signature: beside the four documented inputs it takes `word_lengths`, the "
            "number of pieces of every word"
        )
    try:
        signatures = kind.module(halved(source)).write(str(stage))
    except tf.errors.OpError as error:
        raise ExportError(f"no model could be written: {str(error)[:200]}") from error
    _tell_operators(stage)
    oldest, because = oldest_server(stage)
    if source.serving.precision == POLICY:
        oldest, because = TRIED, ["bfloat16, which was tried on no older one"]
    check_server(source.serving.for_server, oldest, because)
    selftest = selftest_of(source)
    sizes = rehearse(source, stage, texts=list(selftest.texts))
    graph = {"signatures": signatures, "oldest_server": oldest}
    settings = {name: getattr(source.serving, name) for name in STORED}
    told = {**settings, **graph, **_told(sizes)}
    write_assets(stage / ASSETS, source, selftest, **told)
    if not source.exact:
        run = Predictor.load(stage, trust_graph=True)
        renew_selftest(stage, run, selftest, source.serving.precision)
    kind.write_extras(source, stage)
    return {**graph, "max_rows": sizes.max_rows}


@quiet_tensorflow()
def compare(source: Source, stage: Path) -> float:
    """Run the SavedModel as servers and as Python do, beside the Keras model.

    Raises:
        ExportError: a probability, a prediction or an entity of a text differs, or a
            row of a batch changes what another one gets.
    """
    kind = find_kind(source.bundle)
    difference = kind.compare(stage, source)
    check_adversity(stage, source, kind.known_rows(source))
    if source.serving.serving_text:
        compare_texts(stage, source)
    try:
        Predictor.load(stage, verify=True, trust_graph=True)
    except BundleError as error:
        raise ExportError(f"the export was not published: {error}") from error
    return difference


def _tell_operators(stage: Path) -> None:
    """Tell which operators, of an encoder of the user's own, nobody runs unasked."""
    (graph,) = read_saved_model(stage).meta_graphs
    if foreign := foreign_operators(graph):
        logger.warning(
            "its encoder has operators that no other tagger has (%s): `tfner predict` "
            "runs it with --trust-graph",
            ", ".join(foreign),
        )


def _told(sizes: Sizes) -> dict[str, Any]:
    """What clients that send many rows have to know of a model's sizes."""
    return {
        "max_rows": sizes.max_rows,
        "row_bytes": sizes.row,
        "weight_bytes": sizes.weights,
        "batched": sizes.batched,
    }
