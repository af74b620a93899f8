"""Pretraining data: the directory that `tfner pretrain-data` writes, and its batches.

The records are held in memory, two bytes a piece where the vocabulary allows it, and
gathered by an order that is a function of seed and place: a run resumes at any step
without reading what came before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfner.data.features import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS
from tfner.errors import ConfigError, CorpusError, TokenizerError, joined
from tfner.pretraining.dataset.order import record_at
from tfner.pretraining.dataset.tfrecord import Ints, unpack_records
from tfner.tokenization.directories import load_tokenizer
from tfner.tokenization.specials import SpecialIds, special_ids, tokenizer_digest

SCHEMA = 1
MANIFEST_FILE = "dataset.json"
TOKENIZER_FOLDER = "tokenizer"
SHORT_ID = 2**16  # vocabularies up to this size need two bytes an id


@dataclass(frozen=True)
class Shard:
    """One file of records.

    Args:
        file: its name.
        records: how many it holds.
        pieces: of all its records, special ones too.
        bytes: its size.
        sha256: of its content.
    """

    file: str
    records: int
    pieces: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What `dataset.json` says.

    Args:
        directory: where it and the shards lie.
        max_length: most pieces of a record, special ones too.
        seed: that of the segments.
        overflow: what became of pieces beyond a record, `cut` or `carry`.
        special_ids: of the tokenizer that made the records.
        vocabulary_digest: `tokenizer_digest` of that tokenizer, as saved.
        counts: `articles`, `lines`, `records`, `pieces`, `cut_pieces`,
            `unknown_pieces`, `two_segments`.
        inputs: `path`, `articles`, `characters`, `sha256` of each file of text.
        shards: in order.
    """

    directory: Path
    max_length: int
    seed: int
    overflow: str
    special_ids: SpecialIds
    vocabulary_digest: str
    counts: Mapping[str, int]
    inputs: tuple[Mapping[str, Any], ...]
    shards: tuple[Shard, ...]

    @property
    def records(self) -> int:
        """How many records there are."""
        return sum(shard.records for shard in self.shards)

    @property
    def tokenizer_directory(self) -> Path:
        """The tokenizer that made the records."""
        return self.directory / TOKENIZER_FOLDER

    def to_json(self) -> dict[str, Any]:
        """The content of `dataset.json`."""
        return {
            "schema": SCHEMA,
            "max_length": self.max_length,
            "seed": self.seed,
            "overflow": self.overflow,
            "special_ids": self.special_ids._asdict(),
            "vocabulary_digest": self.vocabulary_digest,
            "counts": dict(self.counts),
            "inputs": [dict(source) for source in self.inputs],
            "shards": [asdict(shard) for shard in self.shards],
        }

    def to_bytes(self) -> bytes:
        """`dataset.json`."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1)
        return f"{text}\n".encode("utf-8", "replace")


def load_manifest(directory: str | Path) -> Manifest:
    """Read a directory of pretraining data, and check that it is whole.

    Raises:
        CorpusError: there is no such data, it is of another version, or shards are
            missing, truncated or changed; all of them are named.
        TokenizerError: the vocabulary in `tokenizer/` is not that of the records.
    """
    manifest = read_manifest(Path(directory))
    _check_vocabulary(manifest)
    problems = find_damage(manifest)
    if problems:
        raise CorpusError(
            f"{joined(problems, what='damaged shards')}. "
            "Fetch or make the data again: tfner pretrain-data"
        )
    return manifest


def verify(directory: str | Path) -> list[str]:
    """What is wrong with the shards of a directory, a sentence each.

    Raises:
        CorpusError: its manifest cannot be read.
    """
    return find_damage(read_manifest(Path(directory)))


def read_manifest(directory: Path) -> Manifest:
    """The manifest alone.

    Raises:
        CorpusError: it is missing, damaged or of another version.
    """
    path = directory / MANIFEST_FILE
    if not path.is_file():
        raise CorpusError(
            f"no pretraining data: there is no {MANIFEST_FILE}. Make it with tfner "
            "pretrain-data; --resume finishes what was interrupted",
            path=directory,
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content["schema"]
        if schema != SCHEMA:
            raise CorpusError(
                f"this version reads data of schema {SCHEMA}. Received: "
                f"schema={schema!r}. Make the data again: tfner pretrain-data",
                path=path,
            )
        return Manifest(
            directory=directory,
            max_length=int(content["max_length"]),
            seed=int(content["seed"]),
            overflow=str(content["overflow"]),
            special_ids=SpecialIds(**content["special_ids"]),
            vocabulary_digest=str(content["vocabulary_digest"]),
            counts=content["counts"],
            inputs=tuple(content["inputs"]),
            shards=tuple(Shard(**shard) for shard in content["shards"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"the manifest is damaged ({type(error).__name__}: {error}). Fetch or make "
            "the data again",
            path=path,
        ) from error


def _check_vocabulary(manifest: Manifest) -> None:
    folder = manifest.tokenizer_directory
    if tokenizer_digest(folder) == manifest.vocabulary_digest:
        return
    found = special_ids(load_tokenizer(folder))
    raise TokenizerError(
        f"{folder}: this is not the tokenizer that the records were made with. "
        f"Received: {found.vocab_size:,} pieces, where {MANIFEST_FILE} says "
        f"{manifest.special_ids.vocab_size:,}; or words are cut otherwise. Put the "
        "tokenizer back, or make the data again"
    )


def find_damage(manifest: Manifest) -> list[str]:
    """The shards that are not as the manifest says, a sentence each."""
    found = (_damage(manifest.directory / s.file, s) for s in manifest.shards)
    return [problem for problem in found if problem]


def _damage(path: Path, shard: Shard) -> str:
    try:
        size = path.stat().st_size
        if size != shard.bytes:
            what = "truncated" if size < shard.bytes else "too long"
            return f"{path}: {what}: {size:,} bytes of {shard.bytes:,}"
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    return "" if digest == shard.sha256 else f"{path}: changed: its checksum differs"


class RecordTable(NamedTuple):
    """All records as flat arrays.

    Args:
        input_ids: (P,) ids of all records, one after another, and a padding one.
        starts: (N,) int64 where each record begins.
        lengths: (N,) its pieces.
        first_lengths: (N,) pieces of its first segment.
    """

    input_ids: NDArray[np.uint16] | Ints
    starts: NDArray[np.int64]
    lengths: Ints
    first_lengths: Ints


def load_records(manifest: Manifest) -> RecordTable:
    """Read all shards into memory.

    Raises:
        CorpusError: a shard cannot be read as what it should be.
    """
    short = manifest.special_ids.vocab_size <= SHORT_ID
    pieces = sum(shard.pieces for shard in manifest.shards)
    ids: Any = np.zeros(pieces + 1, np.uint16 if short else np.int32)
    lengths = np.zeros(manifest.records, np.int32)
    first_lengths = np.zeros(manifest.records, np.int32)
    piece = record = 0
    for shard in manifest.shards:
        path = manifest.directory / shard.file
        try:
            found = unpack_records(path.read_bytes())
            rows = slice(record, record + shard.records)
            lengths[rows], first_lengths[rows] = found.lengths, found.first_lengths
            ids[piece : piece + shard.pieces] = found.input_ids
        except (OSError, ValueError) as error:
            raise CorpusError(f"a damaged shard ({error})", path=path) from error
        piece, record = piece + shard.pieces, record + shard.records
    ids[-1] = manifest.special_ids.pad
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    return RecordTable(ids, starts, lengths, first_lengths)


def arrays(
    manifest: Manifest,
    *,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    shard: tuple[int, int] = (0, 1),
    max_length: int | None = None,
) -> Iterator[dict[str, Ints]]:
    """The batches of `record_batches` as NumPy arrays, without TensorFlow."""
    rows, length = _batch_shape(manifest, batch_size, shard, max_length)
    table = load_records(manifest)
    own = np.arange(rows, dtype=np.int64) + shard[0] * rows
    position = np.arange(length)
    padding = len(table.input_ids) - 1
    for step in count(first_step):
        place = step * batch_size + own
        record = record_at(place, count=manifest.records, seed=seed)
        inside = position < table.lengths[record][:, None]
        source = table.starts[record][:, None] + position
        second = inside & (position >= table.first_lengths[record][:, None])
        yield {
            INPUT_IDS.name: table.input_ids[np.where(inside, source, padding)].astype(
                np.int32
            ),
            ATTENTION_MASK.name: inside.astype(np.int32),
            TOKEN_TYPE_IDS.name: second.astype(np.int32),
        }


def record_batches(
    manifest: Manifest,
    *,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    shard: tuple[int, int] = (0, 1),
    max_length: int | None = None,
) -> Any:
    """Endless batches in an order that depends on nothing but the seed.

    Epochs follow each other without a gap: a batch may hold the last records of one
    and the first of the next.

    Args:
        manifest: from `load_manifest`.
        batch_size: records of the global batch; a multiple of the number of shards.
        seed: decides the order, together with the epoch.
        first_step: steps already done.
        shard: which part of every batch, of how many.
        max_length: length of the rows, at least that of the records; None for equal.

    Returns:
        A tf.data.Dataset of dicts of `input_ids`, `attention_mask`, `token_type_ids`,
        each (batch_size / shards, max_length) int32, shapes static.

    Raises:
        ConfigError: rows shorter than the records, or a batch that does not divide.
    """
    import tensorflow as tf

    rows, length = _batch_shape(manifest, batch_size, shard, max_length)
    table = load_records(manifest)
    ids = tf.constant(table.input_ids)
    starts, lengths, first_lengths = (tf.constant(values) for values in table[1:])
    own = tf.range(rows, dtype=tf.int64) + shard[0] * rows
    position = tf.range(length)
    padding = tf.constant(len(table.input_ids) - 1, tf.int64)

    def gather(step: Any) -> dict[str, Any]:
        place = step * batch_size + own
        record = record_at(place, count=manifest.records, seed=seed)
        inside = position < tf.gather(lengths, record)[:, None]
        source = tf.gather(starts, record)[:, None] + tf.cast(position, tf.int64)
        second = inside & (position >= tf.gather(first_lengths, record)[:, None])
        pieces = tf.gather(ids, tf.where(inside, source, padding))
        return {
            INPUT_IDS.name: tf.cast(pieces, tf.int32),
            ATTENTION_MASK.name: tf.cast(inside, tf.int32),
            TOKEN_TYPE_IDS.name: tf.cast(second, tf.int32),
        }

    steps = tf.data.Dataset.counter(first_step)
    return steps.map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)


def _batch_shape(
    manifest: Manifest,
    batch_size: int,
    shard: tuple[int, int],
    max_length: int | None,
) -> tuple[int, int]:
    """Rows and row length of one shard's part of a batch."""
    length = manifest.max_length if max_length is None else max_length
    if length < manifest.max_length:
        raise ConfigError(
            f"rows must hold the longest record. Received: max_length={length}, data "
            f"of max_length={manifest.max_length}. Make the data again with "
            f"--max-length {length}"
        )
    part, parts = shard
    if batch_size < 1 or batch_size % parts or not 0 <= part < parts:
        raise ConfigError(
            "a batch is shared out evenly between the shards. Received: "
            f"batch_size={batch_size}, shard={part} of {parts}"
        )
    return batch_size // parts, length
