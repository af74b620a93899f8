"""The manifest of pretraining data, by which a directory is read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfner.errors import CorpusError, StorageError, TokenizerError, joined
from tfner.storage.digests import digest_of
from tfner.storage.foreign_files import read_json
from tfner.storage.remote import local_copy
from tfner.tokenization.directories import load_tokenizer
from tfner.tokenization.files import TOKENIZER_FOLDER
from tfner.tokenization.specials import SpecialIds, special_ids, tokenizer_digest

SCHEMA = 2
MANIFEST_FILE = "dataset.json"


@dataclass(frozen=True)
class Shard:
    """One file of records.

    Args:
        file: its name.
        records: number of records.
        pieces: number of pieces of all records, special ones included.
        bytes: size of the file.
        sha256: digest of its content.
    """

    file: str
    records: int
    pieces: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The content of `dataset.json`.

    Args:
        directory: of the manifest and the shards.
        max_length: most pieces of a record, special ones included.
        seed: decided the random lengths of segments.
        overflow: `cut` or `carry`, see `pack_sentences`.
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
        """Number of records of all shards."""
        return sum(shard.records for shard in self.shards)

    @property
    def tokenizer_directory(self) -> Path:
        """The directory of the tokenizer that made the records."""
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
        """The content of `dataset.json` as bytes."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1)
        return f"{text}\n".encode("utf-8", "replace")


def load_manifest(directory: str | Path) -> Manifest:
    """Read a directory of pretraining data, and check that it is whole.

    A remote one is copied to this machine first: records are read one by one, and in
    another order every epoch.

    Raises:
        StorageError: it is remote and cannot be read.
        CorpusError: there is no such data, it is of another version, or shards are
            missing, truncated or changed; all of them are named.
        TokenizerError: the vocabulary in `tokenizer/` is not that of the records.
    """
    manifest = read_manifest(Path(local_copy(directory)))
    _check_vocabulary(manifest)
    problems = find_damage(manifest)
    if problems:
        raise CorpusError(
            f"{joined(problems, what='damaged shards')}. "
            "Fetch or make the data again: tfner pretrain-data"
        )
    return manifest


def verify(directory: str | Path) -> list[str]:
    """Find damaged shards in a directory; return a sentence for each.

    Raises:
        CorpusError: its manifest cannot be read.
    """
    return find_damage(read_manifest(Path(directory)))


def read_manifest(directory: Path) -> Manifest:
    """Read the manifest of a directory and nothing else.

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
        content = read_json(path)
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
    except StorageError as error:
        raise CorpusError(
            f"{error.message} Fetch or make the data again", path=path
        ) from error
    except (ValueError, KeyError, TypeError) as error:
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
    """Find shards that differ from the manifest; return a sentence for each."""
    problems = (_damage(manifest.directory / s.file, s) for s in manifest.shards)
    return [problem for problem in problems if problem]


def _damage(path: Path, shard: Shard) -> str:
    try:
        size = path.stat().st_size
        if size != shard.bytes:
            what = "truncated" if size < shard.bytes else "too long"
            return f"{path}: {what}: {size:,} bytes of {shard.bytes:,}"
        digest = digest_of(path)
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    return "" if digest == shard.sha256 else f"{path}: changed: its checksum differs"
