"""Offsets, words and pieces of every kind of tokenizer."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfner.document import Word
from tfner.marks import is_blank
from tfner.tokenization import Encoding, Tokenizer, load_tokenizer
from tfner.tokenization.huggingface import FastTokenizer
from tfner.tokenization.words.splitters import split_whitespace

DIFFICULT = (
    "㈱ｶﾞﾊﾟか\u3099ﬁe\u0301👩‍👩‍👧 \u200b\u3000東İßŒ'.,-(a1▁Ġ℃…\x00\x07\ufffd\ufeff"
)
TEXTS = st.text() | st.text(st.sampled_from(DIFFICULT))


def read_sentences(shared: Path, limit: int = 60) -> list[list[str]]:
    """Sentences of CoNLL files with names, numbers and rare characters."""
    sentences: list[list[str]] = [[]]
    for name in ("mit_movie/engtest.bio", "jnlpba/test.iob2"):
        text = (shared / "data" / name).read_text(encoding="utf-8")
        blocks = text.split("\n\n")[: limit // 2]
        column = 1 if name.startswith("mit") else 0
        for block in blocks:
            rows = [line.split("\t") for line in block.split("\n") if line.strip()]
            sentences.append(
                [row[column] for row in rows if not row[0].startswith("#")]
            )
    return [words for words in sentences if words]


def join(words: list[str]) -> tuple[str, list[Word]]:
    text, ranges = "", []
    for word in words:
        text += " " * bool(text)
        ranges.append(Word(len(text), len(text) + len(word)))
        text += word
    return text, ranges


def check(encoding: Encoding, text: str) -> None:
    """What holds for every encoding of every tokenizer."""
    count = len(encoding.pieces)
    assert encoding.ids.shape == encoding.word_index.shape == (count,)
    assert encoding.offsets.shape == (count, 2)
    assert {encoding.ids.dtype, encoding.offsets.dtype, encoding.word_index.dtype} == {
        np.dtype(np.int32)
    }
    assert (np.diff(encoding.word_index) >= 0).all()
    for (start, end), word in zip(
        encoding.offsets.tolist(), encoding.word_index.tolist(), strict=True
    ):
        limits = encoding.words[word]
        assert limits.start <= start <= end <= limits.end <= len(text)
    for index in set(encoding.word_index.tolist()):
        ranges = encoding.offsets[encoding.word_index == index]
        assert (np.diff(ranges[:, 0]) >= 0).all()
        assert (np.diff(ranges[:, 1]) >= 0).all()
    found = len(set(encoding.word_index.tolist()))
    assert encoding.words_without_pieces == len(encoding.words) - found


def test_follows_the_protocol(tokenizer: FastTokenizer) -> None:
    assert isinstance(tokenizer, Tokenizer)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=TEXTS)
def test_any_text_gives_ordered_pieces_inside_their_words(
    tokenizer: FastTokenizer, text: str
) -> None:
    check(tokenizer.encode(text), text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=TEXTS, borders=st.lists(st.integers(0, 20)))
def test_any_words_are_respected(
    tokenizer: FastTokenizer, text: str, borders: list[int]
) -> None:
    inside = sorted(min(border, len(text)) for border in borders)
    words = [Word(*pair) for pair in pairwise(inside)]
    encoding = tokenizer.encode(text, words)
    assert encoding.words == tuple(words)
    check(encoding, text)


CLUSTERS = (
    "한국 은행", "Café Ångström", "ขอบคุณครับ", "👩‍👩‍👧🏽 🇯🇵", "ﬁ㈱ｶﾞ",
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=TEXTS | st.text(st.sampled_from(normalize("NFD", "".join(CLUSTERS)))))
def test_pieces_as_words_hold_every_character(
    tokenizer: FastTokenizer, text: str
) -> None:
    words = tokenizer._split_pieces(text)
    held = [n for start, end in words for n in range(start, end)]
    assert held == sorted(set(held))
    missing = set(range(len(text))) - set(held)
    assert all(is_blank(text[n]) for n in missing)
    again = tokenizer.encode(text, words)
    check(again, text)


@pytest.mark.parametrize("text", CLUSTERS)
def test_pieces_as_words_cut_no_syllable(tokenizer: FastTokenizer, text: str) -> None:
    apart = normalize("NFD", text)
    words = tokenizer._split_pieces(apart)
    held = "".join(apart[start:end] for start, end in words)
    assert held == "".join(apart.split())


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b", "\x00", "\ud800", "a\ud800\udc00b"]
)
def test_strange_texts_are_no_error(tokenizer: FastTokenizer, text: str) -> None:
    check(tokenizer.encode(text), text)


SURFACES = [
    ("minilm", "Café's (İran)", ["Café", "'", "s", "(", "İran", ")"]),
    ("minilm", "cafe\u0301 ﬁne", ["cafe\u0301", "ﬁ", "ne"]),
    ("minilm", "İstanbul 東京", ["İstanbul", "東", "京"]),
    (
        "mecab",
        "ｶﾞﾗｽのか\u3099 ㈱日立",
        ["ｶﾞﾗｽ", "の", "か\u3099", "㈱", "㈱", "㈱", "日立"],
    ),
    ("mecab", "５０℃　だ…", ["５０", "℃", "℃", "だ", "…"]),
    ("bpe", "日 Hello,x", ["日", "日", "日", "Hello", ",", "x"]),
    ("bpe", "👩‍👧", [*"👩👩\u200d\u200d👧👧"]),
    ("sentencepiece", "東京大学 の㈱", ["", "東京大学", "", "の", "㈱", "㈱", "㈱"]),
    ("sentencepiece", "ｶﾞﾗｽか\u3099", ["", "ｶﾞﾗｽ", "か\u3099"]),
]


@pytest.mark.parametrize(("kind", "text", "expected"), SURFACES)
def test_offsets_are_those_of_the_original_text(
    tokenizers: dict[str, FastTokenizer], kind: str, text: str, expected: list[str]
) -> None:
    encoding = tokenizers[kind].encode(text)
    assert [text[a:b] for a, b in encoding.offsets.tolist()] == expected


def test_word_index_counts_our_words_not_those_of_the_tokenizer(
    tokenizers: dict[str, FastTokenizer],
) -> None:
    text = "don't 東京 stop"
    encoding = tokenizers["minilm"].encode(text, split_whitespace(text))
    assert encoding.pieces == ("don", "'", "t", "東", "京", "stop")
    assert encoding.word_index.tolist() == [0, 0, 0, 1, 1, 2]


def test_words_without_pieces_keep_their_place_and_are_counted(
    tokenizer: FastTokenizer,
) -> None:
    text = "a  b"
    encoding = tokenizer.encode(text, [Word(0, 1), Word(2, 2), Word(3, 4)])
    assert set(encoding.word_index.tolist()) == {0, 2}
    assert encoding.words_without_pieces == 1


@pytest.mark.parametrize("kind", ["minilm", "sentencepiece"])
def test_zero_width_words_have_no_piece(
    tokenizers: dict[str, FastTokenizer], kind: str
) -> None:
    encoding = tokenizers[kind].encode(
        "a \u200b b", [Word(0, 1), Word(2, 3), Word(4, 5)]
    )
    assert set(encoding.word_index.tolist()) == {0, 2}


def test_truncation_and_padding_of_the_file_are_off(
    tokenizers: dict[str, FastTokenizer],
) -> None:
    text = "word " * 300
    assert len(tokenizers["minilm"].encode(text).pieces) == 300
    assert len(tokenizers["minilm"].encode("one").pieces) == 1
    assert len(tokenizers["unigram"].encode(text).pieces) >= 300


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_words_cut_by_us_give_the_pieces_of_the_whole_text(
    tokenizers: dict[str, FastTokenizer], kind: str
) -> None:
    text = "He flew to (Kyoto, then to Ångström's lab; it isn't far."
    ours = tokenizers[kind].encode(text)
    whole = tokenizers[kind].encode(text, split_whitespace(text))
    if kind == "bpe":
        assert ours.pieces == whole.pieces
    marks = ("Ġ", "▁")
    starts = {
        ours.words[w].start
        for p, w in zip(ours.pieces, ours.word_index, strict=True)
        if p.startswith(marks)
    }
    assert starts == {word.start for word in whole.words}


def transformers_ids(auto: Any, words: list[str]) -> tuple[list[int], list[int]]:
    batch = auto(words, is_split_into_words=True, add_special_tokens=False)
    return batch["input_ids"], batch.word_ids()


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["minilm", "wordpiece", "uncased", "bpe", "unigram"])
def test_pieces_of_split_words_equal_those_of_transformers(
    kind: str,
    shared: Path,
    minilm: Path,
    xlmr_like: Path,
    tokenizers: dict[str, FastTokenizer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers")
    vocab = shared / "vocab"
    if kind == "minilm":
        auto = transformers.AutoTokenizer.from_pretrained(minilm)
    elif kind == "unigram":
        auto = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(xlmr_like / "tokenizer.json")
        )
        auto.backend_tokenizer.no_truncation()
        auto.backend_tokenizer.no_padding()
    elif kind == "bpe":
        folder = vocab / "roberta_base"
        auto = transformers.RobertaTokenizerFast(
            vocab=str(folder / "vocab.json"),
            merges=str(folder / "merges.txt"),
            add_prefix_space=True,
        )
    else:
        file = vocab / f"bert_base_{'uncased' if kind == 'uncased' else 'cased'}"
        auto = transformers.BertTokenizerFast(
            vocab=str(file / "vocab.txt"), do_lower_case=kind == "uncased"
        )
    ours = tokenizers.get(kind) or load_tokenizer(vocab / "bert_base_uncased")
    for words in read_sentences(shared):
        text, ranges = join(words)
        encoding = ours.encode(text, ranges)
        ids, word_ids = transformers_ids(auto, words)
        assert encoding.ids.tolist() == ids
        assert encoding.word_index.tolist() == word_ids


@pytest.mark.parity
def test_sentencepiece_pieces_equal_those_of_the_library(
    shared: Path, tokenizers: dict[str, FastTokenizer]
) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    folder = shared / "vocab" / "bert_japanese_sentencepiece"
    library = sentencepiece.SentencePieceProcessor(
        model_file=str(folder / "wiki-ja.model")
    )
    raw = (shared / "data" / "ud_japanese_gsd_ne" / "test.bio").read_text("utf-8")
    texts = [
        "".join(line.split("\t")[0] for line in block.split("\n"))
        for block in raw.split("\n\n")[:300]
    ]
    texts += [
        "ｶﾞﾗｽ㈱",
        "か\u3099",
        "(東京) (大学)",
        " a  b ",
        "あ\u200bい\u200b",
        "～℃…①",
        "😀あ",
    ]
    for text in texts:
        encoding = tokenizers["sentencepiece"].encode(text)
        assert list(encoding.pieces) == library.encode(text, out_type=str), text
        assert encoding.ids.tolist() == library.encode(text), text


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
def test_mecab_pieces_equal_those_of_bert_japanese(
    shared: Path, tokenizers: dict[str, FastTokenizer]
) -> None:
    transformers = pytest.importorskip("transformers")
    file = shared / "vocab" / "bert_base_japanese_wwm_ipadic" / "vocab.txt"
    slow = transformers.BertJapaneseTokenizer(
        str(file), word_tokenizer_type="mecab", mecab_kwargs={"mecab_dic": "ipadic"}
    )
    raw = (shared / "data" / "ud_japanese_gsd_ne" / "test.bio").read_text("utf-8")
    texts = [
        "".join(line.split("\t")[0] for line in block.split("\n"))
        for block in raw.split("\n\n")[:300]
    ]
    texts += ["ｶﾞﾗｽ㈱日立製作所", "気温は５０℃だった…と Tokyo\u3000Tower", "①か\u3099"]
    for text in texts:
        encoding = tokenizers["mecab"].encode(text)
        assert list(encoding.pieces) == slow.tokenize(text), text
        plain = normalize("NFKC", text)
        if plain == text:
            covered = "".join(text[a:b] for a, b in encoding.offsets.tolist())
            assert covered == "".join(text.split())
