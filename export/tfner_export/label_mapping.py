"""The label mapping that google-research/electra keeps beside its taggers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfner_export.exporter import Source

PICKLE_PROTOCOL = 2
"""Old clients run Python 2 and early Python 3."""


def write_label_mapping(source: Source, directory: Path) -> None:
    """Write tag -> id as `<task_name>_label_mapping.pkl`, for old clients."""
    label2id = dict(source.bundle.task.label_set.label2id)
    name = f"{source.serving.task_name}_label_mapping.pkl"
    with (directory / name).open("wb") as file:
        pickle.dump(label2id, file, protocol=PICKLE_PROTOCOL)
