"""The files in EXPORT_DIR that all of its models share, after each export."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tfner.checkpoints.saved_graph import ASSETS
from tfner.errors import StorageError
from tfner.inference.native_bundle import CONFIG
from tfner.storage.atomic import write_text
from tfner.storage.foreign_files import parse_json, read_json
from tfner_export.server_files.batching import model_batching, update_batching
from tfner_export.server_files.memory import Sizes, server_mib
from tfner_export.server_files.models_config import (
    MODELS_CONFIG,
    update_models_config,
)
from tfner_export.server_files.places import alone, models, read_text

logger = logging.getLogger("tfner.export")

MONITORING = "monitoring.config"
MONITORING_TEXT = """\
# For --monitoring_config_file=...: metrics for Prometheus on the REST port. The path
# serves as a probe, too: it is answered once all models are loaded, whatever their
# names, and no more once all threads of REST hang. tfner export never changes this.
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""
ENVIRONMENT = "server.env"
ENVIRONMENT_TEXT = """\
# Written anew by every tfner export, for docker compose --env-file and envsubst: the
# memory of a TensorFlow Serving with all models of this directory, in MiB.
SERVER_MEMORY_MIB={}
"""
SIZES = ("weight_bytes", "row_bytes", "max_rows")
"""Entries of `serving` in the assets of a version, as `Sizes` takes them."""
MANY = 3
"""Versions of a model that a server holds in the ordinary course of things."""


def prepare(stage: Path, export_dir: Path) -> None:
    """Complete a version that is about to be published in EXPORT_DIR.

    Args:
        stage: directory of `saved_model.pb`, with assets.
        export_dir: where it goes.

    Raises:
        StorageError: a file cannot be read or written.
    """
    serving = read_json(stage / ASSETS / CONFIG)["serving"]
    if serving["batched"]:
        model_batching(stage, serving["max_rows"], export_dir)


def update(export_dir: Path, name: str, *, canary: bool) -> int:
    """Bring the files up to date with the versions that are there.

    Args:
        export_dir: local or remote.
        name: of the model that has got a version.
        canary: the label "stable" stays where it is.

    Returns:
        Mebibytes that a server of all models needs.

    Raises:
        StorageError: a file cannot be read or written.
    """
    try:
        with alone(export_dir):
            return _update(export_dir, name, canary=canary)
    except StorageError as error:
        raise StorageError(
            f"{error.message} The new version of {name} is published; the next export "
            "brings this file up to date.",
            path=error.path,
        ) from error


def _update(export_dir: Path, name: str, *, canary: bool) -> int:
    found = models(export_dir)
    sizes = _sizes(export_dir, found)
    fewest = min(size.max_rows for size in sizes.values())
    threads = update_batching(export_dir, fewest)
    if read_text(export_dir / MONITORING) is None:
        write_text(export_dir / MONITORING, MONITORING_TEXT)
    mebibytes = server_mib(sizes.values(), threads)
    write_text(export_dir / ENVIRONMENT, ENVIRONMENT_TEXT.format(mebibytes))
    kept = update_models_config(export_dir, found, name=name, canary=canary)
    _tell(sizes[name], mebibytes, threads, kept=kept, name=name)
    return mebibytes


def _sizes(export_dir: Path, models: Mapping[str, Sequence[int]]) -> dict[str, Sizes]:
    """Sizes of the newest version of every model that says them in its assets."""
    found = {}
    for name, versions in models.items():
        text = read_text(export_dir / name / str(versions[-1]) / ASSETS / CONFIG)
        # A model of another program, or of an earlier tfner, says none.
        with suppress(StorageError, ValueError, LookupError, TypeError):
            serving = parse_json(text or "", place=name)["serving"]
            weights, row, rows = (int(serving[key]) for key in SIZES)
            found[name] = Sizes(weights, row, rows)
    return found


def _tell(sizes: Sizes, mebibytes: int, threads: int, *, kept: int, name: str) -> None:
    logger.info(
        "TensorFlow Serving: up to %d rows in a batch, %d batches at a time, %d MiB of "
        "memory for all models",
        sizes.max_rows,
        threads,
        mebibytes,
    )
    if kept > MANY:
        logger.warning(
            "%s keeps %d versions of %s in memory, all since the stable one. Write a "
            "newer number at the label in %s.",
            MODELS_CONFIG,
            kept,
            name,
            MODELS_CONFIG,
        )
