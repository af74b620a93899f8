"""The content of `labels.json`, before it is a label set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from tfner.errors import LabelError, StorageError
from tfner.storage.schema import Range, read_record


@dataclass(frozen=True)
class LabelRecord:
    """Labels and tags in their order, and the digest of scheme and tags."""

    labels: Annotated[list[str], Range(1, 10_000)]
    scheme: str
    tags: Annotated[list[str], Range(1, 50_000)]
    digest: str | None = None


def read_label_record(record: Any) -> LabelRecord:
    """Check a record that should be one of labels.

    Raises:
        LabelError: names all that is wrong with it.
    """
    try:
        return read_record(LabelRecord, record, place="labels.json")
    except StorageError as error:
        raise LabelError(str(error)) from error
