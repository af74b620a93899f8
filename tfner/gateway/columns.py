"""Predictions as tensors: start, end, label and score, a row a text.

The signature `serving_text` of an export gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tfner.document import Document


class Column(NamedTuple):
    """One output.

    Args:
        name: of the output.
        dtype: as TensorFlow names it.
        datatype: as KServe V2 names it.
        pad: fills up rows of texts with fewer entities than others.
    """

    name: str
    dtype: str
    datatype: str
    pad: int | str | float


COLUMNS = (
    Column("start", "DT_INT32", "INT32", -1),
    Column("end", "DT_INT32", "INT32", -1),
    Column("label", "DT_STRING", "BYTES", ""),
    Column("score", "DT_FLOAT", "FP32", 0.0),
)
TEXT = "text"
"""Name of the input."""
SIGNATURE = "serving_text"

Columns = Mapping[str, list[list[Any]]]


def to_columns(documents: Sequence[Document]) -> Columns:
    """The entities of documents, offsets in characters.

    Returns:
        Lists (B, E) by name, E being the most entities of a document.
    """
    most = max((len(document.entities) for document in documents), default=0)
    return {
        name: [
            [getattr(entity, name) for entity in document.entities]
            + [pad] * (most - len(document.entities))
            for document in documents
        ]
        for name, _, _, pad in COLUMNS
    }
