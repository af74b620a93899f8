"""Rows of records are found by their numbers, without the rest of the data."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.errors import CorpusError
from tfner.pretraining.dataset.manifest import Manifest, Shard
from tfner.pretraining.dataset.records import BatchReader
from tfner.pretraining.dataset.rows import Record, RecordReader, pack_records
from tfner.tokenization.specials import SpecialIds

LENGTH, PAD = 12, 3


def records(vocab_size: int) -> Any:
    values = st.integers(0, vocab_size - 1)
    ids = st.lists(values, min_size=1, max_size=LENGTH)
    return st.lists(st.builds(lambda ids: Record(ids, len(ids) // 2), ids), max_size=8)


@pytest.mark.parametrize("vocab_size", [2**16, 250_002])
def test_numpy_reads_what_was_written(vocab_size: int) -> None:
    @given(found=records(vocab_size))
    @settings(deadline=None)
    def check(found: list[Record]) -> None:
        content = pack_records(found, max_length=LENGTH, vocab_size=vocab_size, pad=PAD)
        rows = np.load(io.BytesIO(content))
        assert rows.itemsize == (2 if vocab_size == 2**16 else 4)
        assert rows.tolist() == [
            [first, len(ids), *ids, *[PAD] * (LENGTH - len(ids))]
            for ids, first in found
        ]

    check()


def make_data(folder: Path, count: int, *, shards: int = 2) -> Manifest:
    """`count` records that hold their own number, in files of unequal size."""
    special = SpecialIds(vocab_size=2**16, pad=0, unk=1, cls=2, sep=3, mask=4)
    made = []
    for number, part in enumerate(np.array_split(np.arange(count), shards)):
        found = [Record([int(value) % 2**16] * LENGTH, 1) for value in part]
        content = pack_records(found, max_length=LENGTH, vocab_size=2**16, pad=0)
        name = f"shard-{number}.npy"
        (folder / name).write_bytes(content)
        made.append(Shard(name, len(found), len(found) * LENGTH, len(content), ""))
    return Manifest(folder, LENGTH, 0, "cut", special, "", {}, (), tuple(made))


def test_records_come_in_the_order_asked_for(tmp_path: Path) -> None:
    reader = RecordReader(make_data(tmp_path, 100, shards=7))
    asked = np.random.default_rng(0).permutation(100)
    assert reader.read(asked)[:, -1].tolist() == asked.tolist()


def test_memory_does_not_grow_with_the_data(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        (folder := tmp_path / str(count)).mkdir()
        manifest = make_data(folder, count)
        tracemalloc.start()
        try:
            reader = BatchReader(manifest, batch_size=32, seed=0)
            for step in range(50):
                reader.read(step)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(2_000), peak(16_000)  # 56 and 450 kB
    assert large < small + 10_000


def test_a_file_that_went_or_shrank_is_named(tmp_path: Path) -> None:
    reader = RecordReader(make_data(tmp_path, 100, shards=2))
    first, second = sorted(tmp_path.iterdir())
    first.unlink()
    second.write_bytes(second.read_bytes()[:-3])
    with pytest.raises(CorpusError, match=r"shard-0\.npy.*No such file"):
        reader.read(np.array([99, 3]))
    with pytest.raises(CorpusError, match=r"shard-1\.npy.*record 49 ends early"):
        reader.read(np.array([50, 99]))
