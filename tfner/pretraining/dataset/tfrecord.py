"""TFRecord files of examples with ids, written and read by numpy alone.

A shard is handled as a whole, byte by byte of all its records at once, which is faster
than TensorFlow's own calls for each record and starts at once. TensorFlow reads the
files (`tf.data.TFRecordDataset`, `tf.io.parse_example`); the features are `input_ids`
and `segment_lengths`, both int64 lists.

Source: tensorflow/core/lib/io/record_writer.h, example.proto, feature.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

IDS, LENGTHS = b"input_ids", b"segment_lengths"
HEADER = 12  # length of the record and its checksum
FOOTER = 4  # checksum of the record
CASTAGNOLI = 0x82F63B78
MASK_DELTA = 0xA282EAD8

Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]


class Record(NamedTuple):
    """One example.

    Args:
        input_ids: special pieces too, without padding.
        segment_lengths: pieces of the first segment and, where there is one, of the
            second, special ones too; they add up to all pieces.
    """

    input_ids: Sequence[int]
    segment_lengths: Sequence[int]


class Records(NamedTuple):
    """The examples of a file as flat arrays.

    Args:
        input_ids: (P,) the ids of all examples, one after another.
        lengths: (N,) pieces of every example.
        first_lengths: (N,) pieces of its first segment.
    """

    input_ids: Ints
    lengths: Ints
    first_lengths: Ints


def pack_records(records: Sequence[Record]) -> bytes:
    """The bytes of a TFRecord file."""
    examples = [_example(record) for record in records]
    sizes = [struct.pack("<Q", len(example)) for example in examples]
    size_sums = _masked_checksums(sizes)
    example_sums = _masked_checksums(examples)
    parts = zip(sizes, size_sums, examples, example_sums, strict=True)
    return b"".join(part for record in parts for part in record)


def _example(record: Record) -> bytes:
    features = [
        _field(1, _field(1, name) + _field(2, _field(3, _field(1, _varints(values)))))
        for name, values in ((IDS, record.input_ids), (LENGTHS, record.segment_lengths))
    ]
    return _field(1, b"".join(features))


def _field(number: int, content: bytes) -> bytes:
    """A protocol buffer's field of bytes."""
    return bytes([number << 3 | 2]) + _varints([len(content)]) + content


def _varints(values: Sequence[int]) -> bytes:
    return b"".join(map(_varint, values))


@cache
def _varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _masked_checksums(contents: Sequence[bytes]) -> list[bytes]:
    sums = crc32c(contents).astype(np.uint64)
    rotated = (sums >> 15 | sums << 17) + MASK_DELTA
    return [struct.pack("<I", value) for value in (rotated & 0xFFFFFFFF).tolist()]


def crc32c(contents: Sequence[bytes]) -> NDArray[np.uint32]:
    """(N,) CRC-32C of each content, all computed side by side.

    Example:
        >>> hex(crc32c([b"123456789"])[0])
        '0xe3069283'
    """
    sums = np.full(len(contents), 0xFFFFFFFF, np.uint32)
    sizes = np.array([len(content) for content in contents], np.int64)
    starts = np.cumsum(sizes) - sizes
    flat = np.frombuffer(b"".join(contents), np.uint8)
    # Longest first: those that still have a byte at a position are a prefix.
    order = np.argsort(-sizes, kind="stable")
    starts, falling = starts[order], -sizes[order]
    table = _crc_table()
    for position in range(int(sizes.max(initial=0))):
        rows = order[: np.searchsorted(falling, -position, "left")]
        state = sums[rows]
        byte = flat[starts[: len(rows)] + position]
        sums[rows] = table[(state ^ byte) & 0xFF] ^ (state >> np.uint32(8))
    return ~sums


@cache
def _crc_table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.uint32(CASTAGNOLI) * (table & np.uint32(1))
    return table


def unpack_records(content: bytes) -> Records:
    """The examples of a TFRecord file that `pack_records` made.

    The checksums of records are not looked at: that of the file, which the data set
    keeps, has been.

    Raises:
        ValueError: it is no such file.
    """
    ranges = _id_ranges(content)
    flat = np.frombuffer(content, np.uint8)
    ids, counts = _parse_varints(flat, ranges[:, :2])
    lengths, parts = _parse_varints(flat, ranges[:, 2:])
    first = lengths[np.cumsum(parts) - parts]
    return Records(ids, counts, first)


def _id_ranges(content: bytes) -> NDArray[np.int64]:
    """(N, 4) where the values of `input_ids` and of `segment_lengths` lie."""
    rows: list[tuple[int, int, int, int]] = []
    position = 0
    try:
        while position < len(content):
            (size,) = struct.unpack_from("<Q", content, position)
            _, at = _open(content, position + HEADER)
            ids = _values(content, at, IDS)
            lengths = _values(content, ids[1], LENGTHS)
            position += HEADER + size + FOOTER
            if lengths[1] != position - FOOTER or position > len(content):
                raise ValueError("a record ends where its features do not")
            rows.append((*ids, *lengths))
    except (struct.error, IndexError) as error:
        raise ValueError("a record ends early") from error
    return np.array(rows, np.int64).reshape(-1, 4)


def _values(content: bytes, at: int, name: bytes) -> tuple[int, int]:
    """Range of the packed values of the feature that begins at `at`."""
    _, at = _open(content, at)
    size, at = _open(content, at)
    if content[at : at + size] != name:
        raise ValueError(f"a record lacks the feature {name.decode()} in its place")
    _, at = _open(content, at + size)
    _, at = _open(content, at)
    size, at = _open(content, at)
    return at, at + size


def _open(content: bytes, at: int) -> tuple[int, int]:
    """Size of the field of bytes at `at`, and where its content begins."""
    size = shift = 0
    while True:
        at += 1
        byte = content[at]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return size, at + 1


def _parse_varints(flat: Bytes, ranges: NDArray[np.int64]) -> tuple[Ints, Ints]:
    """All values within the ranges, and how many each range holds."""
    sizes = ranges[:, 1] - ranges[:, 0]
    borders = np.cumsum(sizes)
    source = np.arange(borders[-1] if len(borders) else 0)
    source += np.repeat(ranges[:, 0] - borders + sizes, sizes)
    packed = flat[source]
    last = packed < 0x80
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)[: len(ends)]
    values = np.zeros(len(ends), np.int32)
    for group in range(int((ends - starts).max(initial=-1)) + 1):
        rows = np.flatnonzero(ends - starts >= group)
        part = (packed[starts[rows] + group] & 0x7F).astype(np.int32)
        values[rows] |= part << (7 * group)
    counts = np.diff(np.searchsorted(ends, borders, "left"), prepend=0)
    return values, counts.astype(np.int32)
