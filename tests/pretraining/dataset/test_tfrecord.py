"""Files that TensorFlow reads, and files that are read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.pretraining.dataset.tfrecord import (
    Record,
    crc32c,
    pack_records,
    unpack_records,
)

VALUES = st.integers(0, 300_000)
RECORDS = st.lists(
    st.builds(
        lambda first, second: Record(
            first + second, [len(first), *([len(second)] * bool(second))]
        ),
        st.lists(VALUES, min_size=1, max_size=200),
        st.lists(VALUES, max_size=200),
    ),
    max_size=8,
)


@given(records=RECORDS)
@settings(deadline=None)
def test_records_are_read_back_as_written(records: list[Record]) -> None:
    found = unpack_records(pack_records(records))
    assert found.input_ids.dtype == np.int32
    assert found.input_ids.tolist() == [i for r in records for i in r.input_ids]
    assert found.lengths.tolist() == [len(r.input_ids) for r in records]
    assert found.first_lengths.tolist() == [r.segment_lengths[0] for r in records]


def test_tensorflow_reads_the_same_and_writes_the_same(tmp_path: Path) -> None:
    import tensorflow as tf

    random = np.random.default_rng(0)
    records = [Record([1], [1]), Record([2, 127, 128, 16383, 16384, 3], [4, 2])]
    for size in random.integers(3, 200, 30).tolist():
        ids = random.integers(0, 40_000, size).tolist()
        records.append(Record(ids, [size - 1, 1]))
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.write_bytes(pack_records(records))
    with tf.io.TFRecordWriter(str(theirs)) as writer:
        for record, content in zip(
            records, tf.data.TFRecordDataset(str(ours)), strict=True
        ):
            example = tf.train.Example.FromString(content.numpy())
            lists = {
                name: list(feature.int64_list.value)
                for name, feature in example.features.feature.items()
            }
            assert lists == record._asdict()
            writer.write(content.numpy())
    assert ours.read_bytes() == theirs.read_bytes()


def test_checksums_are_castagnolis() -> None:
    # Source: RFC 3720, appendix B.4.
    contents = [bytes(32), b"\xff" * 32, bytes(range(32)), b"", b"123456789"]
    assert [hex(value) for value in crc32c(contents)] == [
        "0x8a9136aa",
        "0x62a8ab43",
        "0x46dd794e",
        "0x0",
        "0xe3069283",
    ]


def test_no_record_at_all_is_an_empty_file() -> None:
    assert pack_records([]) == b""
    assert [len(column) for column in unpack_records(b"")] == [0, 0, 0]


def test_foreign_or_cut_content_is_refused() -> None:
    content = pack_records([Record([5, 6, 7], [3])] * 3)
    for broken in (content[:-5], content[:20], b"\x00" * 40, content[1:]):
        with pytest.raises(ValueError, match="record"):
            unpack_records(broken)
