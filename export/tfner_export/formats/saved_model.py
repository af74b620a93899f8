"""SavedModels that TensorFlow Serving runs, with all that a gateway before it needs."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tfner.data.features import WORD_LENGTHS
from tfner.errors import BundleError, ExportError
from tfner.inference.bundle import SelfTest
from tfner.inference.loading import ASSETS
from tfner.inference.native_bundle import describe, write_description
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner_export.saved_model.adversity import check_adversity
from tfner_export.saved_model.kinds import find_kind
from tfner_export.saved_model.releases import (
    check_server,
    oldest_server,
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

TEXTS = (
    "Angela Merkel met Tim Cook of Apple in Berlin on 3 March 2015 .",
    "安倍晋三は2015年に東京でトヨタ自動車を訪れた。",
)
"""Predicted by a model that comes without a self-test; what comes out is stored."""


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
    if source.serving.serving_text:
        check_text(source)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without TensorFlow's notes on its own loaders, which tell the user nothing."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@_quiet()
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
        signatures = kind.module(source).write(str(stage))
    except tf.errors.OpError as error:
        raise ExportError(f"no model could be written: {str(error)[:200]}") from error
    oldest, because = oldest_server(stage)
    check_server(source.serving.for_server, oldest, because)
    selftest = _selftest(source)
    sizes = rehearse(source, stage, texts=list(selftest.texts))
    graph = {"signatures": signatures, "oldest_server": oldest}
    _write_assets(stage / ASSETS, source, selftest, sizes, **graph)
    kind.write_extras(source, stage)
    return {**graph, "max_rows": sizes.max_rows}


@_quiet()
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
        Predictor.load(stage, verify=True)
    except BundleError as error:
        raise ExportError(f"the export was not published: {error}") from error
    return difference


def _write_assets(
    assets: Path, source: Source, selftest: SelfTest, sizes: Sizes, **graph: Any
) -> None:
    """Write a bundle without its weights, for whoever runs the graph.

    Args:
        assets: directory.
        source: what was exported.
        selftest: texts and what the model finds in them.
        sizes: of the model, for clients that send many rows.
        **graph: what clients need to know of the graph.
    """
    bundle, model = source.bundle, source.model
    settings = asdict(source.serving)
    del settings["for_server"]  # what it came to is `oldest_server`
    serving = {
        "packs": bool(getattr(model.encoder, "packs", False)),
        **settings,
        **graph,
        "max_rows": sizes.max_rows,
        "row_bytes": sizes.row,
        "weight_bytes": sizes.weights,
        "batched": sizes.batched,
    }
    assets.mkdir(exist_ok=True)
    write_description(
        assets,
        config={**describe(bundle.task, model), **bundle.config, "serving": serving},
        task=bundle.task,
        metrics=bundle.metrics,
        selftest=selftest,
    )


def _selftest(source: Source) -> SelfTest:
    stored = source.bundle.selftest
    if stored.texts:
        return stored
    return Predictor(source.bundle.task, KerasRunner(source.model)).selftest(TEXTS)
