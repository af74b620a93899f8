from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.tokenization.normalize import normalize_nfkc

DIFFICULT = (
    "㈱ｶﾞﾊﾟか\u3099ﬁé①…e\u0301\u0323ᄀ\u1161\u11a8가ﷺ ａ\u200b㌢½\u0f73\u0f71"
    "\U00011131\U00011127"
)


@given(text=st.text() | st.text(st.sampled_from(DIFFICULT)))
def test_gives_nfkc_with_ranges_that_cover_the_original(text: str) -> None:
    result = normalize_nfkc(text)
    if result is None:
        assert unicodedata.normalize("NFKC", text) == text
        return
    assert result.text == unicodedata.normalize("NFKC", text)
    assert len(result.starts) == len(result.ends) == len(result.text)
    assert (result.starts[1:] >= result.starts[:-1]).all()
    ranges = sorted(set(zip(result.starts.tolist(), result.ends.tolist(), strict=True)))
    covered = "".join(text[start:end] for start, end in ranges)
    assert covered == text


@pytest.mark.parametrize(
    ("text", "character", "source"),
    [
        ("a㈱b", "株", "㈱"),
        ("ｶﾞｽ", "ガ", "ｶﾞ"),
        ("か\u3099く", "が", "か\u3099"),
        ("ﬁne", "i", "ﬁ"),
        ("e\u0301a", "é", "e\u0301"),
        ("Ａ　Ｂ", "B", "Ｂ"),
    ],
)
def test_a_character_knows_where_it_comes_from(
    text: str, character: str, source: str
) -> None:
    result = normalize_nfkc(text)
    assert result is not None
    index = result.text.index(character)
    assert text[result.starts[index] : result.ends[index]] == source


def test_text_in_nfkc_is_left_alone() -> None:
    assert normalize_nfkc("東京 Tokyo") is None
