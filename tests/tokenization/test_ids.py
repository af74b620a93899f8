"""The fast way to ids gives what `encode` gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfner.errors import TokenizerError
from tfner.pretraining.text.articles import read_articles
from tfner.tokenization import load_tokenizer
from tfner.tokenization.huggingface import FastTokenizer
from tfner.tokenization.ids import id_reader
from tfner.tokenization.specials import special_ids, tokenizer_digest

DIFFICULT = "㈱ｶﾞﾊﾟか\u3099ﬁe\u0301 \u200b\u3000\u2028東İß'.,-(a1▁℃…\x00\x1f\x85\ufeff京"
TEXTS = st.text() | st.text(st.sampled_from(DIFFICULT))


@given(text=TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_ids_are_those_of_encode(tokenizer: FastTokenizer, text: str) -> None:
    assert id_reader(tokenizer)(text) == tokenizer.encode(text).ids.tolist()


@pytest.mark.parametrize("splitter", ["mecab", "whitespace", "punctuation", "pieces"])
def test_ids_of_real_text_are_those_of_encode(splitter: str, shared: Path) -> None:
    vocabulary = shared / "vocab/bert_base_japanese_wwm_ipadic"
    tokenizer = load_tokenizer(vocabulary, word_splitter=splitter, lower_case=True)
    encode = id_reader(tokenizer)
    articles = read_articles(str(shared / "data/raw_text_ja/kyoto_wiki_ja.txt.gz"))
    for line in next(articles) + next(articles):
        assert encode(line) == tokenizer.encode(line).ids.tolist()


def test_the_special_pieces_of_bert(shared: Path) -> None:
    tokenizer = load_tokenizer(shared / "vocab/bert_base_uncased")
    found = special_ids(tokenizer)
    assert found == (101, 102, 0, 103, 100, 30522)


def test_a_vocabulary_without_mask_is_refused(tmp_path: Path) -> None:
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"]
    for kana in ([], ["か", "き"]):
        lines = "".join(f"{piece}\n" for piece in pieces + kana)
        (tmp_path / "vocab.txt").write_text(lines, "utf-8")
        with pytest.raises(TokenizerError, match=r"needs the piece \[MASK\].*Add it"):
            special_ids(load_tokenizer(tmp_path))


def test_the_digest_tells_one_tokenizer_from_another(
    japanese_vocabulary: Path, tmp_path: Path
) -> None:
    digests = []
    for name, lower_case in (("a", False), ("b", False), ("c", True)):
        tokenizer = load_tokenizer(japanese_vocabulary, lower_case=lower_case)
        tokenizer.save(tmp_path / name)
        digests.append(tokenizer_digest(tmp_path / name))
    assert digests[0] == digests[1] != digests[2]
