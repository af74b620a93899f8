"""Write a SavedModel, prove that it equals its model, and only then publish it."""

from __future__ import annotations

import contextlib
import logging
import pickle
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tfner.errors import BundleError, ExportError
from tfner.inference.bundle import (
    SelfTest,
    describe,
    write_description,
    write_json,
)
from tfner.inference.loading import ASSETS
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.storage.remote import address, exists, is_remote, publish
from tfner_export.saved_model.signatures import Tagger
from tfner_export.saved_model.span_signatures import Answerer
from tfner_export.saved_model.span_verification import compare_answers
from tfner_export.saved_model.verification import compare

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner.inference.external import ForeignBundle
    from tfner.schemes import LabelSet

TASK_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")
QUERIES = "queries.json"
"""Label -> query in the assets, for clients that make their own rows."""
PICKLE_PROTOCOL = 2
"""Old clients run Python 2 and early Python 3."""
TEXTS = (
    "Angela Merkel met Tim Cook of Apple in Berlin on 3 March 2015 .",
    "安倍晋三は2015年に東京でトヨタ自動車を訪れた。",
)
"""Predicted by a model that comes without a self-test; what comes out is stored."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was published.

    Args:
        saved_model: the version directory, EXPORT_DIR/<task>/<unix seconds>.
        signatures: their names.
        max_abs_difference: largest difference from the Keras model's probabilities.
    """

    saved_model: Path
    signatures: list[str]
    max_abs_difference: float

    def to_json(self) -> dict[str, Any]:
        """What `tfner export --json` prints."""
        return {
            "saved_model": address(self.saved_model),
            "signatures": self.signatures,
            "max_abs_difference": self.max_abs_difference,
        }


def export_saved_model(
    bundle: Bundle | ForeignBundle,
    directory: str | Path,
    *,
    task_name: str = "chunk",
    max_length: int = 512,
    trimmed: bool = True,
) -> ExportResult:
    """Publish a model for TensorFlow Serving as a new version.

    The files are written under a temporary name, loaded as servers and as Python load
    them, compared with the Keras model, and renamed into place if all agree.

    Args:
        bundle: a trained model, from `Bundle.load`, or a Hugging Face one.
        directory: EXPORT_DIR; the version becomes EXPORT_DIR/<task>/<unix seconds>.
        task_name: prefix of the outputs, and name of the served model.
        max_length: pieces of a row in the signature; at least those of the bundle's
            windows, at most the encoder's positions.
        trimmed: compute no further than each batch's longest row; the outputs are the
            same without, which is there to be measured.

    Raises:
        ExportError: an argument does not fit the model, the place cannot be written,
            or the result differs from the model. Nothing is published then.
    """
    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            "a SavedModel is written from Keras' TensorFlow backend. Received: "
            f"KERAS_BACKEND={keras.backend.backend()}"
        )
    model = bundle.load_model()
    _check(bundle, model, task_name=task_name, max_length=max_length)
    server, check = _server(
        bundle, model, task_name=task_name, max_length=max_length, trimmed=trimmed
    )
    serving = {
        "packs": bool(getattr(model.encoder, "packs", False)),
        "task_name": task_name,
        "max_length": max_length,
        "trimmed": trimmed,
    }
    parent = Path(directory) / task_name
    with _staged(parent) as stage, _quiet():
        signatures = server.write(str(stage))
        _write_assets(stage, bundle, model, serving)
        difference = check(stage, bundle, model, max_length=max_length)
        _predict_again(stage)
        version = _send(stage, parent) if is_remote(parent) else _publish(stage)
    return ExportResult(version, signatures, difference)


def _server(
    bundle: Bundle | ForeignBundle,
    model: keras.Model,
    *,
    task_name: str,
    max_length: int,
    trimmed: bool,
) -> tuple[Tagger | Answerer, Callable[..., float]]:
    """What is written, and what compares it with the model."""
    task = bundle.task
    if task.name == "span":
        answerer = Answerer(model, max_length=max_length, trimmed=trimmed)
        return answerer, compare_answers
    tagger = Tagger(
        model,
        tags=task.label_set.tags,
        outside_id=task.label_set.outside_id,
        task_name=task_name,
        max_length=max_length,
        trimmed=trimmed,
        steps=getattr(task, "steps", None),
    )
    return tagger, compare


def _check(
    bundle: Bundle | ForeignBundle,
    model: keras.Model,
    *,
    task_name: str,
    max_length: int,
) -> None:
    """Refuse what cannot be served.

    Raises:
        ExportError: a name, a length or a tokenizer does not fit.
    """
    check_task_name(task_name)
    positions = getattr(model.encoder, "max_positions", None)
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


def check_task_name(task_name: str) -> None:
    """Refuse a name that cannot be that of a directory and of signature keys.

    Raises:
        ExportError: it is none.
    """
    if not TASK_NAME.fullmatch(task_name):
        raise ExportError(
            "a task name has ASCII letters, digits and _ and begins with a letter. "
            f"Received: task_name={task_name!r}"
        )


def _write_assets(
    stage: Path,
    bundle: Bundle | ForeignBundle,
    model: keras.Model,
    serving: dict[str, Any],
) -> None:
    """Everything that turns text into features and outputs into entities."""
    task = bundle.task
    assets = stage / ASSETS
    assets.mkdir(exist_ok=True)
    write_description(
        assets,
        config={**describe(task, model), **bundle.config, "serving": serving},
        task=task,
        metrics=bundle.metrics,
        selftest=_selftest(bundle, model),
    )
    if task.name == "span":
        write_json(assets / QUERIES, task.settings()["queries"])
        return
    write_label_mapping(stage, task.label_set, task_name=serving["task_name"])


def write_label_mapping(
    directory: Path, label_set: LabelSet, *, task_name: str
) -> None:
    """Write tag -> id as google-research/electra keeps it, for old clients."""
    with (directory / f"{task_name}_label_mapping.pkl").open("wb") as file:
        pickle.dump(dict(label_set.label2id), file, protocol=PICKLE_PROTOCOL)


def _selftest(bundle: Bundle | ForeignBundle, model: keras.Model) -> SelfTest:
    stored = bundle.selftest
    if stored.texts:
        return stored
    return Predictor(bundle.task, KerasRunner(model)).selftest(TEXTS)


def _predict_again(stage: Path) -> None:
    """The stored texts through the whole line, from text to entities."""
    try:
        Predictor.load(stage, verify=True)
    except BundleError as error:
        raise ExportError(f"the export was not published: {error}") from error


def _publish(stage: Path) -> Path:
    """Rename the stage to the first free second."""
    second = int(time.time())
    while True:
        version = stage.with_name(str(second))
        second += 1
        if version.exists():  # renaming onto an empty directory would succeed
            continue
        try:
            return stage.rename(version)
        except OSError:
            if not version.exists():
                raise


def _send(stage: Path, parent: Path) -> Path:
    """Copy the stage to the first free second of a remote directory."""
    second = int(time.time())
    while exists(parent / str(second), ExportError):
        second += 1
    version = parent / str(second)
    publish(stage, version, ExportError)
    return version


@contextlib.contextmanager
def _staged(parent: Path) -> Iterator[Path]:
    """A directory that no server takes for a version, gone when the block ends.

    Raises:
        ExportError: the disk is full or the place cannot be written.
    """
    stage = None
    place = None if is_remote(parent) else parent
    try:
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".unpublished-", dir=place))
        stage.chmod(0o755)
        yield stage
    except (OSError, tf.errors.OpError) as error:
        raise ExportError(
            f"no model could be published in {parent}: {str(error)[:200]}"
        ) from error
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)


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
