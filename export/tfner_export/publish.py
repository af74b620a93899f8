"""Write a model in any format, prove that it is the same, and only then publish it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.errors import ExportError
from tfner.inference.bundle import staged
from tfner.storage.remote import address, exists, is_remote, publish
from tfner_export.exporter import Serving, Source
from tfner_export.formats import find_format

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner.inference.external import ForeignBundle
    from tfner_export.exporter import Exporter

SAVED_MODEL = "saved-model"


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A published export.

    Args:
        format: a key of `FORMATS`.
        directory: where it lies; of a SavedModel its version directory.
        max_abs_difference: largest difference from the Keras model's probabilities.
        details: what the format adds: a SavedModel its `signatures`.
    """

    format: str
    directory: Path
    max_abs_difference: float
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def saved_model(self) -> Path:
        """The version directory EXPORT_DIR/<task>/<unix seconds> of a SavedModel."""
        return self.directory

    @property
    def signatures(self) -> list[str]:
        """Names of the signatures of a SavedModel."""
        return list(self.details["signatures"])

    def to_json(self) -> dict[str, Any]:
        """The record that `tfner export --json` prints."""
        return {
            self.format.replace("-", "_"): address(self.directory),
            **self.details,
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
    serving = Serving(task_name, max_length, trimmed)
    return export(bundle, directory, format=SAVED_MODEL, serving=serving)


def export(
    bundle: Bundle | ForeignBundle,
    directory: str | Path,
    *,
    format: str,
    serving: Serving | None = None,
) -> ExportResult:
    """Publish a model in any format.

    Args:
        bundle: a trained model.
        directory: EXPORT_DIR. Formats without versions replace what is there; whether
            that may be is for the caller to ask.
        format: a key of `FORMATS`.
        serving: settings of the export; their defaults if None.

    Raises:
        ConfigError: there is no such format.
        TfnerError: the format cannot express the model, the place cannot be written,
            or the files do not give what the model gives. Nothing is published then.
    """
    chosen, serving = find_format(format), serving or Serving()
    exporter, source = chosen.load(), Source(bundle, serving)
    exporter.check(source)
    directory = Path(directory)
    if chosen.versioned:
        parent = directory / serving.task_name
        with _staged(parent) as stage:
            details, difference = _fill(exporter, source, stage)
            directory = _send(stage, parent) if is_remote(parent) else _publish(stage)
    else:
        with staged(directory) as stage:
            details, difference = _fill(exporter, source, stage)
    return ExportResult(format, directory, difference, details)


def _fill(
    exporter: Exporter, source: Source, stage: Path
) -> tuple[dict[str, Any], float]:
    details = exporter.write(source, stage)
    return details, exporter.compare(source, stage)


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
    except OSError as error:
        raise ExportError(
            f"no model could be published in {parent}: {str(error)[:200]}"
        ) from error
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
