"""Words by ICU, and what happens without it."""

from __future__ import annotations

import importlib
import unicodedata
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.config.choices import Splitter, TokenizerSplitter
from tfner.errors import TokenizerError
from tfner.marks import is_blank
from tfner.tasks.serving_words import default_words
from tfner.tokenization import load_tokenizer
from tfner.tokenization.words.icu import icu_breaker, split_icu
from tfner.tokenization.words.splitters import SPLITTERS, find_splitter

pytest.importorskip("icu4py", reason="needs tfner[icu]")

CASES = {
    "ฉันรักกรุงเทพมหานครและเชียงใหม่": ["ฉัน", "รัก", "กรุงเทพมหานคร", "และ", "เชียงใหม่"],
    "ខ្ញុំស្រលាញ់ប្រទេសកម្ពុជា": ["ខ្ញុំ", "ស្រលាញ់", "ប្រទេស", "កម្ពុជា"],
    "Mira flew to Oslo, twice.": ["Mira", "flew", "to", "Oslo", ",", "twice", "."],
    "😀 Mira 👩‍👧!": ["😀", "Mira", "👩‍👧", "!"],
    "Mira\u200bSol\u200e": ["Mira", "Sol"],
    "a\ud800b": ["a", "\ud800", "b"],
    "": [],
}


@pytest.mark.parametrize("text", CASES)
def test_words_are_ranges_of_characters(text: str) -> None:
    assert [text[start:end] for start, end in split_icu(text)] == CASES[text]


@given(st.text() | st.text(st.sampled_from("aก😀\u0301 \u200b\ud800ខ្ញុំ한")))
def test_every_character_but_blanks_and_marks_is_in_one_word(text: str) -> None:
    covered = [n for start, end in split_icu(text) for n in range(start, end)]
    assert covered == sorted(set(covered))
    left = set(range(len(text))) - set(covered)
    assert all(is_blank(text[n]) or text[n] in "\u200c\u200d" for n in left)


def test_no_word_begins_within_a_letter() -> None:
    text = unicodedata.normalize("NFD", "กรุงเทพ Café 한국")
    starts = [start for start, _ in split_icu(text)]
    assert not any(unicodedata.combining(text[start]) for start in starts)


def test_a_tokenizer_keeps_it(encoder_directory: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(encoder_directory, word_splitter="icu")
    tokenizer.save(tmp_path)
    again = load_tokenizer(tmp_path)
    assert again.splitter == "icu"
    text = "anna in กรุงเทพมหานครและเชียงใหม่"
    assert list(again.encode(text).words) == split_icu(text)
    assert default_words(again) == "own"


def test_without_it_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, encoder_directory: Path
) -> None:
    original = importlib.import_module

    def without(name: str, *args: Any) -> Any:
        if name.startswith("icu4py"):
            raise ImportError(name)
        return original(name, *args)

    monkeypatch.setattr(importlib, "import_module", without)
    icu_breaker.cache_clear()
    with pytest.raises(TokenizerError, match=r'pip install "tfner\[icu\]"'):
        find_splitter("icu")
    with pytest.raises(TokenizerError, match="icu"):
        load_tokenizer(encoder_directory, word_splitter="icu")
    icu_breaker.cache_clear()


def test_the_names_of_splitters_are_the_choices_of_settings() -> None:
    assert get_args(Splitter) == tuple(SPLITTERS)
    assert get_args(TokenizerSplitter) == (*SPLITTERS, "pieces")
