"""Shards of records: NumPy files of rows of one width, each read when it is needed.

A row holds how many pieces the first segment has, how many both have, and their ids,
padded to the longest record. So a record is found by its number, by one short read,
and no part of the data stays in memory.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfner.errors import CorpusError
from tfner.pretraining.dataset.manifest import Manifest, Shard

FIRST, ALL, IDS = 0, 1, 2
"""Columns of a row: both numbers of pieces, and the first id."""
SHORT_ID = 2**16
"""Vocabularies up to this size need two bytes an id."""

Rows = NDArray[np.uint16] | NDArray[np.uint32]


class Record(NamedTuple):
    """One example.

    Args:
        input_ids: special pieces too, without padding.
        first_length: pieces of the first segment, special ones too.
    """

    input_ids: Sequence[int]
    first_length: int


def row_type(vocab_size: int) -> np.dtype[Any]:
    """The type of a row's numbers, the same on every machine."""
    return np.dtype("<u2" if vocab_size <= SHORT_ID else "<u4")


def pack_records(
    records: Sequence[Record], *, max_length: int, vocab_size: int, pad: int
) -> bytes:
    """The content of a shard's file, as `numpy.load` reads it.

    Args:
        records: of at most `max_length` pieces each.
        max_length: ids of a row.
        vocab_size: decides the bytes of an id.
        pad: fills a row up.
    """
    shape = (len(records), IDS + max_length)
    rows = np.full(shape, pad, row_type(vocab_size))
    for row, (ids, first_length) in zip(rows, records, strict=True):
        row[FIRST], row[ALL] = first_length, len(ids)
        row[IDS : IDS + len(ids)] = ids
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()


class RecordReader:
    """The records of a data set by their numbers, read from its files.

    Args:
        manifest: from `load_manifest`, which has checked the files.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.directory, self.shards = manifest.directory, manifest.shards
        self.ends = np.cumsum([shard.records for shard in manifest.shards])
        self.type = row_type(manifest.special_ids.vocab_size)
        self.width = IDS + manifest.max_length

    def read(self, records: NDArray[np.int64]) -> Rows:
        """Return the rows of records, (B, 2 + max_length), in the order asked for.

        Args:
            records: (B,) their numbers, from 0.

        Raises:
            CorpusError: a file cannot be read, or has become shorter.
        """
        rows = np.empty((len(records), self.width), self.type)
        shards = np.searchsorted(self.ends, records, side="right")  # (B,) file numbers
        for number in np.unique(shards):
            own = np.flatnonzero(shards == number)  # rows that this file fills
            shard = self.shards[number]
            places = records[own] - (self.ends[number] - shard.records)
            path = self.directory / shard.file
            try:
                self._read_shard(path, shard, places.tolist(), rows, own.tolist())
            except (OSError, ValueError) as error:
                raise CorpusError(f"a damaged shard ({error})", path=path) from error
        return rows

    def _read_shard(
        self, path: Path, shard: Shard, places: list[int], rows: Rows, own: list[int]
    ) -> None:
        """Fill the rows `own` by the records at `places` of a file."""
        size = self.width * self.type.itemsize
        header = shard.bytes - shard.records * size
        with path.open("rb", buffering=0) as file:
            for place, row in zip(places, own, strict=True):
                file.seek(header + place * size)
                if file.readinto(rows[row]) != size:
                    raise ValueError(f"record {place} ends early")
