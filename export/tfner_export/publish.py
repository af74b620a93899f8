"""Write a model in any format, prove that it is the same, and only then publish it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.errors import ConfigError
from tfner.storage.atomic import move_to_new, staging, whole_directory
from tfner.storage.digests import write_digests
from tfner.storage.publishing import ANYTHING, Version
from tfner.storage.remote import address
from tfner_export.exporter import Serving, Source
from tfner_export.formats import find_format
from tfner_export.scheme import settle_scheme
from tfner_export.server_files.export_dir import prepare, update

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner_export.exporter import Exporter
    from tfner_export.trial import Trial

SAVED_MODEL = "saved-model"


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A published export.

    Args:
        format: a key of `FORMATS`.
        directory: where it lies; of a SavedModel its version directory.
        max_abs_difference: largest difference from the Keras model's probabilities.
        details: what the format adds: a SavedModel its `signatures`, the
            `oldest_server` that runs it, the `max_rows` of a request, and the
            `server_memory_mib` for all models of EXPORT_DIR.
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
    bundle: Bundle,
    directory: str | Path,
    *,
    task_name: str = "chunk",
    max_length: int = 512,
    trimmed: bool = True,
    max_rows: int | None = None,
    canary: bool = False,
    serving_text: bool = False,
    for_server: str | None = None,
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
        max_rows: most rows of a request; computed from the model's memory if None.
        canary: see `export`.
        serving_text: add the signature `serving_text`, from raw text to entities.
        for_server: oldest release of TensorFlow Serving that is to run the model, such
            as "2.6"; None if it does not matter.

    Raises:
        ExportError: an argument does not fit the model, or the result differs from
            the model. Nothing is published then.
        StorageError: the place cannot be written.
    """
    serving = Serving(
        task_name, max_length, trimmed, max_rows, serving_text, for_server
    )
    return export(bundle, directory, format=SAVED_MODEL, serving=serving, canary=canary)


def export(
    bundle: Bundle,
    directory: str | Path,
    *,
    format: str,
    serving: Serving | None = None,
    canary: bool = False,
    replaces: Version | None = ANYTHING,
    trial: Trial | None = None,
) -> ExportResult:
    """Publish a model in any format.

    Args:
        bundle: a trained model.
        directory: EXPORT_DIR.
        format: a key of `FORMATS`.
        serving: settings of the export; their defaults if None.
        canary: of formats with versions: the label "stable" in `models.config` stays
            with the version that has it, and "canary" alone goes to the new one.
        replaces: of formats without versions: what may be replaced in EXPORT_DIR, see
            `tfner.storage.publishing.publish`.
        trial: scores the model and its export; none is made if None.

    Raises:
        ConfigError: there is no such format, or a setting makes no difference to it.
        TfnerError: the format cannot express the model, the place cannot be written,
            or the files do not give what the model gives. Nothing is published then.
    """
    chosen, serving = find_format(format), serving or Serving()
    _refuse_unheeded(format, chosen.settings, serving, canary)
    _check_precision(format, chosen.precisions, serving.precision)
    settle_scheme(bundle)
    exporter, source = chosen.load(), Source(bundle, serving)
    exporter.check(source)
    directory = Path(directory)
    if chosen.versioned:
        parent = directory / serving.task_name
        # No server takes the stage for a version.
        with staging(parent, inside=True) as stage:
            details, difference = _fill(exporter, source, stage, trial)
            prepare(stage, directory)
            write_digests(stage)
            version = _publish(stage, parent)
        mebibytes = update(directory, serving.task_name, canary=canary)
        details |= {"server_memory_mib": mebibytes}
        directory = version
    else:
        with whole_directory(directory, replaces=replaces) as stage:
            details, difference = _fill(exporter, source, stage, trial)
            write_digests(stage)
    return ExportResult(format, directory, difference, details)


def _refuse_unheeded(
    format: str, heeded: Collection[str], serving: Serving, canary: bool
) -> None:
    """Refuse settings that a format would pass over in silence."""
    given = [f.name for f in fields(serving) if getattr(serving, f.name) != f.default]
    given += ["canary"] if canary else []
    vain = [f"--{n.replace('_', '-')}" for n in given if n not in heeded]
    if vain:
        raise ConfigError(
            f"--format {format} has no use for {', '.join(vain)}. Leave out what is "
            f"for --format {SAVED_MODEL}."
        )


def _check_precision(format: str, known: Collection[str], precision: str) -> None:
    if precision not in known:
        raise ConfigError(
            f"--format {format} is written with --precision {' or '.join(known)}. "
            f"Received: {precision}"
        )


def _fill(
    exporter: Exporter, source: Source, stage: Path, trial: Trial | None
) -> tuple[dict[str, Any], float]:
    details = exporter.write(source, stage)
    difference = exporter.compare(source, stage)
    if trial is not None:
        details |= trial.run(source, stage)
    return details, difference


def _publish(stage: Path, parent: Path) -> Path:
    """Move the stage to the first free second."""
    second = int(time.time())
    while not move_to_new(stage, parent / str(second)):
        second += 1
    return parent / str(second)
