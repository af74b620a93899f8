from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.errors import TokenizerError
from tfner.marks import MARK, is_blank
from tfner.tokenization.words.splitters import (
    SPLITTERS,
    find_splitter,
    split_punctuation,
)

CASES = {
    "Hello, (world)!": ["Hello", ",", "(", "world", ")", "!"],
    "O'Brien's co-op isn't U.S.-based.": [
        "O'Brien", "'s", "co-op", "isn't", "U.S", ".", "-", "based", ".",
    ],
    "I paid 1,000.50 at 3:30, AT&T": [
        "I", "paid", "1,000.50", "at", "3:30", ",", "AT&T",
    ],
    "Tokyo/Osaka—Kyoto": ["Tokyo", "/", "Osaka", "—", "Kyoto"],
    "wait... what?!": ["wait", "...", "what", "?", "!"],
    "東京ﾀﾞｲｶﾞｸ 大学": ["東", "京", "ﾀﾞ", "ｲ", "ｶﾞ", "ｸ", "大", "学"],
    "か\u3099は": ["か\u3099", "は"],
    "नमस्ते दुनिया।": ["नमस्ते", "दुनिया", "।"],
    "cafe\u0301. Привет, мир": ["cafe\u0301", ".", "Привет", ",", "мир"],
    "👩‍👩‍👧ok 👍🏽🇯🇵🇫🇷": ["👩‍👩‍👧", "ok", "👍🏽", "🇯🇵", "🇫🇷"],
    "a\u200bb \u200b": ["a", "b"],
    "\ufeffMira Sol flew to \u200eOslo\u200e.": [
        "Mira", "Sol", "flew", "to", "Oslo", ".",
    ],
    "co\u00adop ❤\ufe0f!": ["co\u00adop", "❤", "!"],
    "한국어 문장": ["한국어", "문장"],
    "": [],
    " \t\n": [],
}  # fmt: skip


def seen(text: str) -> str:
    """What is neither white space nor a mark that nobody sees."""
    return MARK.sub("", "".join(text.split()))


@pytest.mark.parametrize("text", CASES)
def test_punctuation_splitter_cuts_as_documented(text: str) -> None:
    assert [text[a:b] for a, b in split_punctuation(text)] == CASES[text]


def test_whitespace_splitter_keeps_chunks_whole() -> None:
    text = " Hello,  (world)\u3000x"
    words = SPLITTERS["whitespace"](text)
    assert [text[a:b] for a, b in words] == ["Hello,", "(world)", "x"]


@pytest.mark.parametrize("name", ["whitespace", "punctuation"])
@given(text=st.text())
def test_words_hold_every_character_but_white_space(name: str, text: str) -> None:
    words = SPLITTERS[name](text)
    assert seen("".join(text[a:b] for a, b in words)) == seen(text)
    ends = [0, *(word.end for word in words)]
    assert all(
        before <= word.start < word.end
        for before, word in zip(ends, words, strict=False)
    )


@pytest.mark.parametrize("name", SPLITTERS)
@given(text=st.text(st.sampled_from("aO か。 \u200b\ufeff\u200e\u200d\u00ad\ufe0f")))
def test_no_word_begins_or_ends_with_a_mark_that_nobody_sees(
    name: str, text: str
) -> None:
    words = [text[start:end] for start, end in SPLITTERS[name](text)]
    assert not any(is_blank(word[0]) or is_blank(word[-1]) for word in words)
    assert not any("\u200b" in word for word in words)
    assert seen("".join(words)) == seen(text)


@given(text=st.text(st.sampled_from("a1.,:'’-s ‍👩🏽🇯🇵か\u3099)")))
def test_words_of_difficult_characters_hold_everything(text: str) -> None:
    words = split_punctuation(text)
    assert seen("".join(text[a:b] for a, b in words)) == seen(text)


@pytest.mark.parametrize(
    "unit",
    ["a", "-", "a-", "'s", ".", "👩\u200d", "か", "🇯", "1,", "\ufe0f", "\u200d", "a'"],
)
def test_punctuation_splitter_takes_linear_time(unit: str) -> None:
    split_punctuation("warm up")
    text = unit * (100_000 // len(unit))
    begin = time.process_time()
    split_punctuation(text)
    assert time.process_time() - begin < 1.5


def test_unknown_splitter_names_the_known_ones() -> None:
    with pytest.raises(TokenizerError, match="did you mean 'mecab'"):
        find_splitter("mecap")
