"""Directories of pretraining data: the same however made, whole or not there."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.errors import ConfigError, CorpusError, StorageError, TokenizerError
from tfner.pretraining.dataset import shard_plan as planning
from tfner.pretraining.dataset import shards
from tfner.pretraining.dataset.build import build_pretraining_data
from tfner.pretraining.dataset.manifest import Manifest, load_manifest
from tfner.pretraining.dataset.rows import RecordReader
from tfner.pretraining.text.articles import read_articles
from tfner.tokenization import load_tokenizer

Build = Callable[..., Manifest]


class Stop(Exception):
    """What interrupts a run."""


@pytest.fixture
def build(text_files: list[str], encoder_directory: Path, tmp_path: Path) -> Build:
    """Makes tmp_path/data with the settings of `pretraining_data`, or others."""

    def run(inputs: list[str] = text_files, **changes: Any) -> Manifest:
        given: dict[str, Any] = {"max_length": 32, "shards": 4, "processes": 1}
        tokenizer = load_tokenizer(changes.pop("tokenizer", encoder_directory))
        return build_pretraining_data(
            inputs, tokenizer, tmp_path / "data", **(given | changes)
        )

    return run


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def stop_after(count: int) -> Callable[[str], None]:
    """Interrupts after that many shards."""
    seen: list[str] = []

    def hear(line: str) -> None:
        seen.append(line)
        if len(seen) == count:
            raise Stop

    return hear


def records_of(manifest: Manifest) -> list[list[int]]:
    """All rows in order."""
    reader = RecordReader(manifest)
    return reader.read(np.arange(manifest.records)).tolist()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """A limit on the size of files stands for the full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_number_of_processes_changes_no_byte(
    build: Build, pretraining_data: Path, tmp_path: Path
) -> None:
    build(processes=2)
    assert content(tmp_path / "data") == content(pretraining_data)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_the_seed_changes_the_segments_alone(
    build: Build, pretraining_data: Path
) -> None:
    before = load_manifest(pretraining_data)
    after = build(seed=1)
    assert after.shards != before.shards
    for name in ("articles", "lines"):
        assert after.counts[name] == before.counts[name]


def test_each_run_uses_its_own_tokenizer(
    build: Build, japanese_vocabulary: Path, pretraining_data: Path
) -> None:
    other = build(tokenizer=japanese_vocabulary)
    assert other.counts["unknown_pieces"] > 0
    again = build(overwrite=True)
    assert content(again.directory) == content(pretraining_data)


def test_the_number_of_shards_changes_no_record(
    build: Build, pretraining_data: Path
) -> None:
    before = records_of(load_manifest(pretraining_data))
    assert records_of(build(shards=7)) == before


def test_records_hold_the_text_in_order(
    build: Build, text_files: list[str], encoder_directory: Path
) -> None:
    manifest = build(overflow="carry", max_length=64)
    special = manifest.special_ids
    frame = {special.cls, special.sep}
    pieces = [i for _, size, *ids in records_of(manifest) for i in ids[:size]]
    tokenizer = load_tokenizer(encoder_directory)
    articles = [a for path in text_files for a in read_articles(path)]
    encoded = [i for a in articles for line in a for i in tokenizer.encode(line).ids]
    kept = [piece for piece in pieces if piece not in frame]
    lost = manifest.counts["cut_pieces"]
    assert sorted(kept) == sorted(encoded) or lost
    assert len(kept) + lost == len(encoded)
    assert manifest.counts["articles"] == len(articles) == 70
    assert manifest.counts["lines"] == sum(map(len, articles))
    assert manifest.counts["unknown_pieces"] == encoded.count(special.unk) == 0


def test_shards_follow_the_size_of_the_text(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(build(shards=None).shards) == 1
    monkeypatch.setattr(planning, "SHARD_CHARACTERS", 3000)
    characters = sum(source["characters"] for source in build(overwrite=True).inputs)
    made = build(shards=None, overwrite=True).shards
    assert len(made) == -(-characters // 3000)
    assert max(shard.pieces for shard in made) < 3 * min(s.pieces for s in made)


def test_an_article_longer_than_a_shard_leaves_the_next_one_empty(
    build: Build, tmp_path: Path
) -> None:
    text = "a long one.\n" * 500 + "\nshort.\n\nshort.\n\nshort.\n"
    (tmp_path / "text").write_text(text)
    manifest = build([str(tmp_path / "text")], shards=4)
    assert [bool(shard.records) for shard in manifest.shards] == [
        *(True, False, False, True)
    ]
    assert load_manifest(manifest.directory).records == manifest.records


def test_an_interrupted_run_goes_on_where_it_stopped(
    build: Build, pretraining_data: Path, tmp_path: Path, heed: Any
) -> None:
    with pytest.raises(Stop), heed(stop_after(2)):
        build()
    assert not (tmp_path / "data").exists()
    work = tmp_path / "data.building"
    with pytest.raises(CorpusError, match=r"no dataset\.json.*--resume"):
        load_manifest(work)
    finished = sorted(work.glob("*.npy"))
    # As if a process had been killed in the middle of a write, and a disk had failed.
    (work / f".{finished[0].name}.77.part").write_bytes(b"half")
    damaged = finished[0].read_bytes()[:-1]
    finished[0].write_bytes(damaged)
    before = finished[1].stat().st_mtime_ns
    seen: list[str] = []
    with heed(seen.append):
        manifest = build(resume=True)
    assert len([said for said in seen if "records" in said]) == 3
    assert content(tmp_path / "data") == content(pretraining_data)
    path = manifest.directory / finished[1].name
    assert path.stat().st_mtime_ns == before


def test_an_interrupted_run_is_neither_dropped_nor_mixed(
    build: Build, text_files: list[str], japanese_vocabulary: Path, heed: Any
) -> None:
    with pytest.raises(Stop), heed(stop_after(2)):
        build()
    with pytest.raises(ConfigError, match=r"data\.building.*--resume.*--overwrite"):
        build()
    for changes, name in (
        ({"seed": 1}, "seed"),
        ({"max_length": 64}, "max_length"),
        ({"inputs": text_files[:1]}, "inputs"),
        ({"tokenizer": japanese_vocabulary}, "special_ids, vocabulary_digest"),
    ):
        with pytest.raises(ConfigError, match=f"cannot be resumed. Different: {name}"):
            build(resume=True, **changes)
    assert build(overwrite=True, seed=1).seed == 1


def test_what_exists_is_replaced_only_when_asked_and_only_when_done(
    build: Build, tmp_path: Path, heed: Any
) -> None:
    first = build()
    before = content(first.directory)
    with pytest.raises(ConfigError, match=r"data exists.*--overwrite"):
        build(seed=1)
    with pytest.raises(Stop), heed(stop_after(1)):
        build(seed=1, overwrite=True)
    assert content(first.directory) == before
    assert build(seed=1, overwrite=True).seed == 1
    assert content(first.directory) != before


def test_a_full_disk_is_one_sentence_and_leaves_no_half_shard(
    build: Build, pretraining_data: Path, tmp_path: Path
) -> None:
    sizes = [path.stat().st_size for path in pretraining_data.glob("*.npy")]
    tokenizer = max(
        p.stat().st_size for p in (pretraining_data / "tokenizer").iterdir()
    )
    assert tokenizer < min(sizes)
    with (
        full_disk((tokenizer + min(sizes)) // 2),
        pytest.raises(
            StorageError, match=r"shard-00000.*File too large.*--resume"
        ) as e,
    ):
        build()
    assert "\n" not in str(e.value)
    left = {path.name for path in (tmp_path / "data.building").iterdir()}
    assert left == {"plan.json", "tokenizer"}
    assert not (tmp_path / "data").exists()
    build(resume=True)
    assert content(tmp_path / "data") == content(pretraining_data)


def test_a_full_disk_at_the_very_start_is_one_sentence(
    build: Build, tmp_path: Path
) -> None:
    with full_disk(10), pytest.raises(StorageError, match="cannot be written"):
        build()
    assert not (tmp_path / "data").exists()


def test_a_killed_process_is_one_sentence(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise BrokenProcessPool("terminated abruptly")

    monkeypatch.setattr(shards, "submit", killed)
    with pytest.raises(ConfigError, match=r"was killed.*processes=2.*--resume"):
        build(processes=2)


def test_text_that_changes_meanwhile_is_noticed(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text"
    path.write_text("one.\n\ntwo.\n")
    real = shards.read_articles

    def changed(name: str) -> Any:
        path.write_text("one.\n\ntwo.\n\nthree.\n\n" * 9)
        return real(name)

    monkeypatch.setattr(shards, "read_articles", changed)
    with pytest.raises(CorpusError, match="changed while it was read"):
        build([str(path)], shards=1)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"max_length": 7}, ConfigError, r"8 to 512 pieces.*max_length=7"),
        ({"max_length": 513}, ConfigError, r"512 positions.*max_length=513"),
        ({"shards": 71}, ConfigError, r"one article a shard.*shards=71, 70 articles"),
        ({"overflow": "wrap"}, ConfigError, r"unknown overflow 'wrap'"),
        ({"inputs": ["missing.txt"]}, StorageError, r"missing\.txt: cannot be read"),
        ({"inputs": ["-"]}, CorpusError, r"standard input"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(
    changes: dict[str, Any], error: type, message: str, build: Build, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        build(**changes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "\n \n", '<doc id="1">\nTitle\n</doc>\n'])
def test_a_corpus_without_text_is_refused(
    text: str, build: Build, tmp_path: Path
) -> None:
    path = tmp_path / "empty.txt"
    path.write_text(text)
    with pytest.raises(CorpusError, match=r"there is none in .*empty\.txt"):
        build([str(path)])


def test_text_of_control_characters_alone_gives_no_records(
    build: Build, tmp_path: Path
) -> None:
    path = tmp_path / "odd.txt"
    path.write_text("\u200b\u200b\n")
    with pytest.raises(CorpusError, match="finds no piece in 1 articles"):
        build([str(path)], shards=1)


def test_a_vocabulary_without_mask_is_refused(build: Build, tmp_path: Path) -> None:
    folder = tmp_path / "vocabulary"
    folder.mkdir()
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nanna\n")
    with pytest.raises(TokenizerError, match=r"needs the piece \[MASK\]"):
        build(tokenizer=folder)


def test_the_manifest_tells_where_the_records_come_from(
    pretraining_data: Path, text_files: list[str]
) -> None:
    content = json.loads((pretraining_data / "dataset.json").read_text())
    assert [source["path"] for source in content["inputs"]] == text_files
    assert content["counts"]["records"] == sum(s["records"] for s in content["shards"])
    assert [s["file"] for s in content["shards"]] == [
        f"shard-0000{n}-of-00004.npy" for n in range(4)
    ]
    names = {path.name for path in pretraining_data.iterdir()}
    assert names == {"dataset.json", "tokenizer"} | {
        s["file"] for s in content["shards"]
    }
