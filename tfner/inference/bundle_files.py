"""The JSON files of a bundle, read by a schema a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from tfner.config.choices import EnginePrecision
from tfner.errors import (
    BundleError,
    StorageError,
    TfnerError,
    joined,
    lacks_memory,
)
from tfner.storage.foreign_files import read_json
from tfner.storage.pointers import refuse_pointers
from tfner.storage.schema import Range, Share, check_values, read_record

SHOWN_REASON = 300

Size = Annotated[int, Range(1, 1 << 24)]
Bytes = Annotated[int, Range(0, 1 << 53)]


@dataclass(frozen=True)
class EncoderRecord:
    """The kind of an encoder and its arguments, which have a schema by kind."""

    config: dict[str, Any]
    class_: str = "keras"


@dataclass(frozen=True)
class BaseRecord:
    """The encoder of a model that was saved without it."""

    encoder: str
    fingerprint: str
    scale: Annotated[float, Range(-1e6, 1e6)]


@dataclass(frozen=True)
class ModelRecord:
    """All that a Keras model is made of, but for the task."""

    encoder: EncoderRecord
    dropout: Share
    base: BaseRecord | None = None


@dataclass(frozen=True)
class ConfigRecord:
    """The content of `config.json`; a task's settings have a schema of its own."""

    tfner_schema: int
    task: dict[str, Any]
    model: ModelRecord
    versions: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    serving: dict[str, Any] | None = None


SERVING_KEYS: dict[str, Any] = {
    "packs": bool,
    "task_name": str,
    "max_length": Annotated[int, Range(1, 1 << 20)],
    "trimmed": bool,
    "max_rows": Size | None,
    "serving_text": bool,
    "signatures": list[str],
    "oldest_server": str | None,
    "row_bytes": Bytes,
    "weight_bytes": Bytes,
    "batched": bool,
    "engine": str,
    "precision": EnginePrecision,
}
"""Of the keys of `serving`, to which other versions may add some."""

METRICS_KEYS: dict[str, Any] = {
    "history": list[dict[str, float | None]],
    "best_epoch": Annotated[int, Range(0, 1 << 32)] | None,
}
"""Of the keys of `metrics.json`, which may hold any others."""


@dataclass(frozen=True)
class EntityRecord:
    """An entity that was found."""

    start: Annotated[int, Range(0, 1 << 32)]
    end: Annotated[int, Range(1, 1 << 32)]
    label: str


@dataclass(frozen=True)
class TextRecord:
    """A text of `selftest.json`."""

    text: str
    entities: list[EntityRecord]


SELFTEST_RECORDS = Annotated[list[TextRecord], Range(1, 1 << 16)]
"""The content of `selftest.json`: without a text it would test nothing."""


def read_file(directory: Path, name: str, kind: type = dict) -> Any:
    """Read one file of a bundle.

    Args:
        directory: of the bundle.
        name: of the file.
        kind: what it must hold, a `dict` or a `list`.

    Raises:
        BundleError: it is missing or no JSON.
    """
    path = directory / name
    if not path.exists():
        raise BundleError(
            f"{directory} is no tfner model: {name} is missing. "
            "Give a directory that `tfner train` or `tfner export` wrote."
        )
    with reading(path):
        return read_json(path, kind)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Name a file as the cause of whatever fails within.

    Raises:
        BundleError: instead of whatever was raised inside.
    """
    try:
        yield
    except BundleError:
        raise
    except StorageError as error:
        raise BundleError(str(error)) from error
    except KeyError as error:
        raise BundleError(f"{path} is damaged: {error} is missing in it.") from error
    except Exception as error:  # of Keras and HDF5 as well, which may raise anything
        if lacks_memory(error):
            raise
        refuse_pointers(path)
        reason = str(error).removeprefix(f"{path}: ").strip()
        if not isinstance(error, TfnerError):
            reason = " ".join(reason.split())[:SHOWN_REASON]
        raise BundleError(
            f"{path} is damaged or not of this model: {reason}"
        ) from error


def check_config(config: Mapping[str, Any], *, place: Path) -> None:
    """Check the content of `config.json`, but for what its task and encoder say.

    Raises:
        StorageError: names all that is wrong with it.
    """
    found = read_record(ConfigRecord, config, place=place)
    check_known(found.task, {"name": str}, place=place, below="task.")
    check_known(found.serving or {}, SERVING_KEYS, place=place, below="serving.")


def check_known(
    record: Mapping[str, Any], hints: Mapping[str, Any], *, place: Path, below: str = ""
) -> None:
    """Check the keys that are known of an object that may hold others.

    Args:
        record: the object.
        hints: the type of each known key, as a field of a schema has it.
        place: of the file, for messages.
        below: where the object stands in the file, with a dot, for messages.

    Raises:
        StorageError: names all that is wrong with them.
    """
    names = {name: f"{below}{name}" for name in hints}
    problems = check_values(record, hints, names=names)
    if problems:
        raise StorageError(joined(problems), path=place)
