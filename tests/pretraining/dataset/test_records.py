"""Batches of pretraining data, and what is found out before training starts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.errors import ConfigError, CorpusError, TokenizerError
from tfner.pretraining.dataset.manifest import Manifest, load_manifest, verify
from tfner.pretraining.dataset.records import arrays, record_batches
from tfner.pretraining.dataset.rows import RecordReader

ROOT = Path(__file__).resolve().parents[3]
Batch = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def manifest(pretraining_data: Path) -> Manifest:
    return load_manifest(pretraining_data)


@pytest.fixture
def copy(pretraining_data: Path, tmp_path: Path) -> Path:
    """The same data, to be damaged."""
    return Path(shutil.copytree(pretraining_data, tmp_path / "data"))


def take(count: int, manifest: Manifest, **settings: Any) -> list[Batch]:
    return list(islice(arrays(manifest, **settings), count))


def rows(found: list[Batch]) -> list[tuple[tuple[int, ...], ...]]:
    """The rows of all batches with their columns, to be compared."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    return [
        tuple(tuple(column.tolist()) for column in row)
        for batch in found
        for row in zip(*(batch[name] for name in names), strict=True)
    ]


def same(first: list[Batch], second: list[Batch]) -> bool:
    return rows(first) == rows(second) != []


def test_rows_are_the_records_padded(manifest: Manifest) -> None:
    records = RecordReader(manifest).read(np.arange(manifest.records))
    special = manifest.special_ids
    expected: Counter[Any] = Counter()
    for first, size, *padded in records.tolist():
        ids = padded[:size]
        assert ids[0] == special.cls
        assert ids[-1] == ids[first - 1] == special.sep
        room = manifest.max_length - size
        expected[
            (*ids, *[special.pad] * room),
            (*[1] * size, *[0] * room),
            (*[0] * first, *[1] * (size - first), *[0] * room),
        ] += 1
    epoch = rows(take(manifest.records, manifest, batch_size=1, seed=5))
    assert Counter(epoch) == expected


def test_tensorflow_gives_the_same_batches(manifest: Manifest) -> None:
    settings: dict[str, Any] = {"batch_size": 8, "seed": 3, "first_step": 100}
    settings |= {"shard": (1, 2), "max_length": 40}
    dataset = record_batches(manifest, **settings)
    for spec in dataset.element_spec.values():
        assert spec.shape == (4, 40)
        assert spec.dtype == "int32"
    found = [
        {name: value.numpy() for name, value in batch.items()}
        for batch in dataset.take(30)
    ]
    assert same(found, take(30, manifest, **settings))


def test_a_run_resumes_at_any_step(manifest: Manifest) -> None:
    whole = take(60, manifest, batch_size=7, seed=1)
    for step in (1, 13, 59):
        rest = take(60 - step, manifest, batch_size=7, seed=1, first_step=step)
        assert same(rest, whole[step:])


def test_epochs_differ_and_lose_nothing(manifest: Manifest) -> None:
    count = manifest.records
    found = rows(take(3 * count, manifest, batch_size=1, seed=1))
    epochs = [found[n * count : (n + 1) * count] for n in range(3)]
    assert Counter(epochs[0]) == Counter(epochs[1]) == Counter(epochs[2])
    assert epochs[0] != epochs[1] != epochs[2]
    # Batches go on across the end of an epoch.
    assert rows(take(20, manifest, batch_size=7, seed=1)) == found[:140]


def test_shards_of_a_batch_make_the_whole(manifest: Manifest) -> None:
    (whole,) = take(1, manifest, batch_size=12, seed=1)
    parts = [
        take(1, manifest, batch_size=12, seed=1, shard=(number, 3))[0]
        for number in range(3)
    ]
    assert rows([whole]) == rows(parts)


def test_seeds_give_orders_of_their_own(manifest: Manifest) -> None:
    first, second = (take(3, manifest, batch_size=8, seed=seed) for seed in (1, 2))
    assert not same(first, second)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 8, "max_length": 16}, "max_length=16, data of max_length=32"),
        ({"batch_size": 9, "shard": (0, 2)}, "batch_size=9, shard=0 of 2"),
        ({"batch_size": 8, "shard": (2, 2)}, "shard=2 of 2"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_batches_that_cannot_be_are_refused(
    settings: dict[str, Any], message: str, manifest: Manifest
) -> None:
    for make in (record_batches, lambda *a, **k: next(arrays(*a, **k))):
        with pytest.raises(ConfigError, match=message):
            make(manifest, seed=0, **settings)


def test_every_damaged_shard_is_named(copy: Path) -> None:
    assert verify(copy) == []
    truncated, changed, missing, longer = sorted(copy.glob("*.npy"))
    truncated.write_bytes(truncated.read_bytes()[:-3])
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    missing.unlink()
    longer.write_bytes(longer.read_bytes() * 2)
    problems = verify(copy)
    words = ["truncated", "its checksum differs", "No such file", "too long"]
    paths = [truncated, changed, missing, longer]
    for problem, path, word in zip(problems, paths, words, strict=True):
        assert problem.startswith(str(path))
        assert word in problem
    with pytest.raises(CorpusError) as caught:
        load_manifest(copy)
    assert all(problem in str(caught.value) for problem in problems)
    assert "4 damaged shards" in str(caught.value)


def test_another_tokenizer_is_refused(copy: Path, japanese_vocabulary: Path) -> None:
    folder = copy / "tokenizer"
    shutil.rmtree(folder)
    with pytest.raises(TokenizerError, match="no such tokenizer directory"):
        load_manifest(copy)
    shutil.copytree(japanese_vocabulary, folder)
    with pytest.raises(TokenizerError, match=r"not the tokenizer.*38 pieces, where"):
        load_manifest(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m | {"schema": 9}, r"schema 2\. Received: schema=9"),
        # As version 0.1.0 made them.
        (lambda m: m | {"schema": 1}, r"schema=1\. Make the data again: tfner pret"),
        (lambda m: m | {"shards": [{"file": "a"}]}, r"manifest is damaged"),
        (lambda m: {k: v for k, v in m.items() if k != "seed"}, r"damaged.*'seed'"),
        (lambda m: [m], r"must hold a JSON object\. Received: \"\["),
    ],
)
def test_a_manifest_that_cannot_be_read_is_one_sentence(
    change: Any, message: str, copy: Path
) -> None:
    path = copy / "dataset.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(CorpusError, match=message) as caught:
        load_manifest(copy)
    assert str(path) in str(caught.value)


def test_a_directory_of_something_else_says_what_to_do(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(CorpusError, match=r"no pretraining data.*pretrain-data"):
            load_manifest(place)


WITHOUT_TENSORFLOW = """
import sys
sys.modules.update(dict.fromkeys(["tensorflow", "keras", "jax", "torch"]))
from tfner.pretraining.dataset.manifest import load_manifest
from tfner.pretraining.dataset.records import arrays
batch = next(arrays(load_manifest(sys.argv[1]), batch_size=4, seed=0))
sys.stdout.write(str({name: value.shape for name, value in batch.items()}))
"""


def test_arrays_need_no_framework(pretraining_data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, str(pretraining_data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.count("(4, 32)") == 3


LEFT_RUNNING = """
import sys
from tfner.pretraining.dataset.manifest import load_manifest
from tfner.pretraining.dataset.records import record_batches
batches = iter(record_batches(load_manifest(sys.argv[1]), batch_size=128, seed=0))
for _ in range(60):
    next(batches)
"""


@pytest.mark.slow
def test_a_process_ends_while_batches_are_read(pretraining_data: Path) -> None:
    command = [sys.executable, "-c", LEFT_RUNNING, str(pretraining_data)]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(6)]
    try:
        assert [process.wait(timeout=120) for process in processes] == [0] * 6
    finally:
        for process in processes:
            process.kill()
