"""`tfner corpus clean`, `vocab` and `pretrain-data` as a shell runs them."""

from __future__ import annotations

import gzip
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tfner.pretraining.dataset.records import load_manifest
from tfner.tokenization import load_tokenizer

JAPANESE = (
    '<doc id="1">\n雪舟\n\n雪舟は画聖である。備中国に生まれた。\n生涯\n</doc>\n'
    '<doc id="2">\n京都\n\n京都は都市である。\n</doc>\n'
)
CLEAN = "雪舟は画聖である。\n備中国に生まれた。\n\n京都は都市である。\n"
ENGLISH = "".join(f"the runner number {n} runs.\n\n" for n in range(400))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(ENGLISH, "utf-8")
    return path


def test_clean_writes_sentences_and_says_what_it_removed(tfner, tmp_path) -> None:
    (tmp_path / "wiki_00").write_text(JAPANESE, "utf-8")
    out = tmp_path / "out.txt.gz"
    arguments = ["corpus", "clean", tmp_path / "wiki_00", out]
    result = tfner(*arguments, "--recipe", "wikipedia-ja", "--json")
    assert gzip.decompress(out.read_bytes()).decode() == CLEAN
    record = json.loads(result.out)
    assert record["sentences"] == 3
    assert record["removed"] == {
        "doc_markup": 4,
        "title": 2,
        "no_sentence_end": 1,
        "begins_with_mark": 0,
        "category": 0,
        "thumbnail": 0,
    }
    refused = tfner(*arguments, "--recipe", "wikipedia-ja")
    assert "--overwrite" in refused.sentence
    unknown = tfner(*arguments, "--recipe", "wikipedia-fr", "--overwrite")
    assert "unknown recipe 'wikipedia-fr'" in unknown.sentence


def test_clean_takes_several_inputs_and_standard_streams(tfner, tmp_path) -> None:
    for name, sentence in (("a.txt", "一。"), ("b.jsonl", '{"text": "二。\\n三"}')):
        (tmp_path / name).write_text(f"{sentence}\n", "utf-8")
    names = [tmp_path / "a.txt", tmp_path / "b.jsonl"]
    result = tfner("corpus", "clean", *names, "-", "--recipe", "wikipedia-ja")
    assert result.out == "一。\n\n二。\n"
    assert "removed by no_sentence_end: 1" in result.err
    piped = tfner(
        *("corpus", "clean", "-", "-", "--recipe", "wikipedia-ja"), stdin=b"\xe4\xb8\n"
    )
    assert "-:1: not UTF-8" in piped.sentence


def test_vocab_makes_a_tokenizer_and_reports_how_it_fits(tfner, text, tmp_path) -> None:
    out = tmp_path / "tokenizer"
    arguments = ["vocab", "--input", text, "--output", out, "--lower-case", "--json"]
    result = tfner(*arguments, "--size", 60, "--character-coverage", 1)
    record = json.loads(result.out)
    assert record["vocabulary_size"] == 60
    assert record["words"] == 400 * 6
    assert record["unknown_words"] == record["unknown_characters"] == 0
    tokenizer = load_tokenizer(out)
    assert tokenizer.vocab_size == 60
    assert tokenizer.splitter == "punctuation"
    assert tokenizer.encode("The Runner").pieces == ("the", "runner")
    assert "--overwrite" in tfner(*arguments, "--size", 60).sentence
    rich = tfner(*arguments, "--size", 5000, "--overwrite")
    assert "the text gives" in rich.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--size", 20], "alphabet alone is"),
        (["--size", 12, "--model", "unigram"], "no model of 12 pieces"),
        (["--size", 99, "--model", "bpe"], "unknown model 'bpe'"),
        (["--size", 99, "--word-splitter", "jieba"], "unknown word splitter 'jieba'"),
        (
            ["--size", 99, "--model", "unigram", "--word-splitter", "mecab"],
            "finds its pieces in whole text",
        ),
        (["--size", 99, "--input", "nothing.txt"], "nothing.txt: cannot be read"),
    ],
)
def test_vocab_says_in_one_sentence_what_is_wrong(
    more: list[Any], message: str, tfner, text, tmp_path
) -> None:
    out = tmp_path / "tokenizer"
    result = tfner("vocab", "--input", text, "--output", out, *more)
    assert message in result.sentence.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_vocab_of_an_empty_corpus_is_refused(tfner, tmp_path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    for model in ("wordpiece", "unigram"):
        result = tfner(
            *("vocab", "--input", tmp_path / "empty.txt", "--size", 99),
            *("--output", tmp_path / "out", "--model", model),
        )
        assert result.sentence.endswith("the text holds none")


def test_kana_make_words_mecabs(tfner, tmp_path) -> None:
    (tmp_path / "ja.txt").write_text(CLEAN * 3, "utf-8")
    for model, splitter in (("wordpiece", "mecab"), ("unigram", "pieces")):
        out = tmp_path / model
        result = tfner(
            *("vocab", "--input", tmp_path / "ja.txt", "--size", 60),
            *("--output", out, "--model", model, "--character-coverage", 1),
        )
        assert result.code == 0, result.err
        assert load_tokenizer(out).splitter == splitter
        assert "unknown words     0.000%" in result.out


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
    assert "shard-00001-of-00002.tfrecord: 198 records" in result.err
    assert "--overwrite" in tfner(*arguments).sentence
    shown = tfner("--quiet", *arguments, "--overwrite", "--overflow", "carry")
    assert shown.err == ""
    assert "records           400 in 1 shards" in shown.out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--max-length", 1024], "8 to 512 pieces"),
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
    arguments += ["--output", tmp_path / "data", *more]
    assert message in tfner("pretrain-data", *arguments).sentence
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


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
    text.write_text(ENGLISH * 40, "utf-8")
    arguments = ["pretrain-data", "--input", text, "--tokenizer", encoder_directory]
    arguments += ["--output", tmp_path / "data", "--shards", 4, "--processes", 2]
    result = real("--quiet", *arguments, shell='ulimit -f 100; "$0" "$@"')
    assert "cannot be written: File too large" in result.sentence
    assert "\n" not in result.sentence
    left = {path.name for path in (tmp_path / "data.building").iterdir()}
    assert left == {"plan.json", "tokenizer"}
    assert not (tmp_path / "data").exists()
    assert tfner(*arguments, "--resume").code == 0
    assert load_manifest(tmp_path / "data").counts["articles"] == 16_000


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
