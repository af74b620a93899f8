from __future__ import annotations

import importlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.errors import TokenizerError
from tfner.tokenization import mecab
from tfner.tokenization.mecab import split_mecab

CASES = {
    "東京大学の田中": ["東京大学", "の", "田中"],
    "東京\u3000大学\n の": ["東京", "大学", "の"],
    "㈱日立のｶﾞﾗｽ": ["㈱", "日立", "の", "ｶﾞﾗｽ"],
    "気温５０℃": ["気温", "５０", "℃"],
    "東京\x00大学": ["東京", "大学"],
    "": [],
}


@pytest.mark.parametrize("text", CASES)
def test_words_are_ranges_of_the_original_text(text: str) -> None:
    assert [text[a:b] for a, b in split_mecab(text)] == CASES[text]


@given(
    text=st.text()
    | st.text(st.sampled_from("㈱ｶﾞか\u3099東京a \u3000\n\x00\ud800👩‍👧ﬁ①…℃"))
)
def test_words_are_ordered_and_hold_all_that_is_visible(text: str) -> None:
    words = split_mecab(text)
    ends = [0, *(word.end for word in words)]
    assert all(a <= w.start < w.end for a, w in zip(ends, words, strict=False))
    held = {i for start, end in words for i in range(start, end)}
    missed = [c for i, c in enumerate(text) if i not in held]
    assert not [c for c in missed if c.isalnum()]


def test_long_text_takes_linear_time() -> None:
    text = "東京都に行く。㈱" * 12_500
    begin = time.process_time()
    words = split_mecab(text)
    assert time.process_time() - begin < 5
    assert words[-1].end == len(text) == 100_000


def test_missing_dictionary_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", import_module)
    mecab._tagger.cache_clear()
    with pytest.raises(TokenizerError, match="pip install fugashi ipadic"):
        split_mecab("東京")
    mecab._tagger.cache_clear()
