"""`tfner vocab` as a shell runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tfner.tokenization import load_tokenizer

ENGLISH = "".join(f"the runner number {n} runs.\n\n" for n in range(400))
JAPANESE = "雪舟は画聖である。\n備中国に生まれた。\n\n京都は都市である。\n"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(ENGLISH, "utf-8")
    return path


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
    (tmp_path / "ja.txt").write_text(JAPANESE * 3, "utf-8")
    for model, splitter in (("wordpiece", "mecab"), ("unigram", "pieces")):
        out = tmp_path / model
        result = tfner(
            *("vocab", "--input", tmp_path / "ja.txt", "--size", 60),
            *("--output", out, "--model", model, "--character-coverage", 1),
        )
        assert result.code == 0, result.err
        assert load_tokenizer(out).splitter == splitter
        assert "unknown words     0.000%" in result.out
