"""`tfner pretrain-data` as a shell runs it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import instead
from tfner.pretraining.dataset.manifest import load_manifest

ENGLISH = "".join(f"the runner number {n} runs.\n\n" for n in range(400))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(ENGLISH, "utf-8")
    return path


def test_pretrain_data_writes_what_it_prints(
    tfner, text, encoder_directory, tmp_path
) -> None:
    out = tmp_path / "data"
    arguments = ["pretrain-data", "--input", text, "--tokenizer", encoder_directory]
    arguments += ["--output", out, "--max-length", 32, "--processes", 1]
    result = tfner(*arguments, "--json", "--shards", 2)
    record = json.loads(result.out)
    manifest = load_manifest(out)
    assert record == {"data": str(out), **manifest.to_json()}
    assert "shard-00001-of-00002.npy: 198 records" in result.err
    assert "--overwrite" in tfner(*arguments).sentence
    shown = tfner("--quiet", *arguments, "--overwrite", "--overflow", "carry")
    assert shown.err == ""
    assert "records           400 in 1 shards" in shown.out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--tokenizer", "nowhere"], "nowhere"),
        (["--shards", 401], "shards=401, 400 articles"),
        (["--resume", "--word-splitter", "jieba"], "unknown word splitter"),
    ],
)
def test_pretrain_data_says_in_one_sentence_what_is_wrong(
    more: list[Any], message: str, tfner, text, encoder_directory, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    arguments = ["--input", text, "--tokenizer", encoder_directory]
    arguments += ["--output", tmp_path / "data"]
    assert message in tfner("pretrain-data", *instead(arguments, *more)).sentence
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_a_length_outside_the_range_is_told_with_it(tfner, text) -> None:
    given = ("--input", text, "--tokenizer", "t", "--output", "out")
    refused = tfner("pretrain-data", *given, "--max-length", 1024)
    assert refused.code == 2
    assert "'--max-length': Input should be less than or equal to 512" in refused.err


def test_every_path_must_be_named(tfner, text) -> None:
    for command in (["vocab", "--size", 50], ["pretrain-data"]):
        missing = tfner(*command, "--output", "out")
        assert missing.code == 2
        assert "--input" in missing.err
    missing = tfner("pretrain-data", "--input", text, "--output", "out")
    assert missing.code == 2
    assert "--tokenizer" in missing.err


def test_a_disk_that_fills_up_is_one_sentence(
    real, tfner, text, encoder_directory, tmp_path
) -> None:
    """A limit on the size of files stands for the full disk, two processes write."""
    text.write_text(ENGLISH * 5, "utf-8")
    arguments = ["pretrain-data", "--input", text, "--tokenizer", encoder_directory]
    arguments += ["--output", tmp_path / "data", "--shards", 4, "--processes", 2]
    result = real("--quiet", *arguments, shell='ulimit -f 20; "$0" "$@"')
    assert "cannot be written: File too large" in result.sentence
    assert "\n" not in result.sentence
    left = {path.name for path in (tmp_path / "data.building").iterdir()}
    assert left == {"plan.json", "tokenizer"}
    assert not (tmp_path / "data").exists()
    assert tfner(*arguments, "--resume").code == 0
    assert load_manifest(tmp_path / "data").counts["articles"] == 2_000


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bytes(
    process, tfner, text, encoder_directory, tmp_path
) -> None:
    text.write_text(ENGLISH * 100, "utf-8")
    arguments = ["pretrain-data", "--input", text, "--tokenizer", encoder_directory]
    arguments += ["--shards", 12, "--processes", 2, "--output"]
    assert tfner(*arguments, tmp_path / "whole").code == 0
    for number, sent in enumerate((signal.SIGKILL, signal.SIGINT)):
        out = tmp_path / f"data{number}"
        child = process(*arguments, out)
        assert "shard-00000" in child.stderr.readline()
        child.send_signal(sent)
        _, err = child.communicate(timeout=60)
        assert "Traceback" not in err
        assert not out.exists()
        assert tfner(*arguments, out, "--resume").code == 0
        assert contents(out) == contents(tmp_path / "whole")
