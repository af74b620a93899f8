from __future__ import annotations

import time
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tfner.tokenization.words import normalize as module
from tfner.tokenization.words.normalize import (
    Form,
    Normalized,
    chained,
    lower,
    normalize,
)

DIFFICULT = (
    "㈱ｶﾞﾊﾟか\u3099ﬁé①…e\u0301\u0323ᄀ\u1161\u11a8가ﷺ ａ\u200b㌢½\u0f73\u0f71"
    "\U00011131\U00011127İΣ"
)
TEXTS = st.text() | st.text(st.sampled_from(DIFFICULT))


def ranges(found: Normalized) -> list[tuple[int, int]]:
    if found.starts is None or found.ends is None:
        return [(i, i + 1) for i in range(len(found.text))]
    assert len(found.starts) == len(found.ends) == len(found.text)
    return list(zip(found.starts.tolist(), found.ends.tolist(), strict=True))


@pytest.mark.parametrize("form", ["NFKC", "NFC"])
@given(text=TEXTS)
def test_gives_the_form_with_ranges_that_cover_the_original(
    form: Form, text: str
) -> None:
    found = normalize(text, form)
    assert found.text == unicodedata.normalize(form, text)
    assert ranges(found) == sorted(ranges(found))
    covered = "".join(text[a:b] for a, b in sorted(set(ranges(found))))
    assert covered == text


@given(text=TEXTS)
def test_lower_case_keeps_the_place_of_each_character(text: str) -> None:
    found = lower(text)
    assert found.text == text.lower()
    for character, (start, end) in zip(found.text, ranges(found), strict=True):
        assert character in text[start:end].lower() or character == "ς"


@given(text=TEXTS)
def test_chained_changes_lead_back_to_the_original(text: str) -> None:
    first = normalize(text)
    second = lower(first.text)
    both = ranges(chained(first, second))
    for found, (start, end) in zip(both, ranges(second), strict=True):
        inside = ranges(first)[start:end]
        assert found == (inside[0][0], inside[-1][1])


@pytest.mark.parametrize(
    ("text", "character", "source"),
    [
        ("a㈱b", "株", "㈱"),
        ("ｶﾞｽ", "ガ", "ｶﾞ"),
        ("か\u3099く", "が", "か\u3099"),
        ("ﬁne", "i", "ﬁ"),
        ("e\u0301a", "é", "e\u0301"),
        (" \u0300\u3099", "\u0300", "\u0300\u3099"),  # they change places
        ("Ａ　Ｂ", "B", "Ｂ"),
    ],
)
def test_a_character_knows_where_it_comes_from(
    text: str, character: str, source: str
) -> None:
    found = normalize(text)
    start, end = ranges(found)[found.text.index(character)]
    assert text[start:end] == source


def test_places_that_stay_are_not_listed() -> None:
    assert normalize("東京 Tokyo") == ("東京 Tokyo", None, None)
    assert normalize("５０ｋｍ") == ("50km", None, None)


@given(text=TEXTS)
@example(text="00000000000´0")
def test_long_texts_in_parts_are_as_in_one(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        whole = normalize(text)
        patch.setattr(module, "LONGEST", 12)
        parts = normalize(text)
    longest = max((len(s) for s in _runs_of_marks(text)), default=0)
    if longest < 12:
        assert parts.text == whole.text
        assert ranges(parts) == ranges(whole)


def _runs_of_marks(text: str) -> list[str]:
    runs = [""]
    for character in text:
        joins = unicodedata.combining(unicodedata.normalize("NFKD", character)[0])
        runs.append(runs.pop() + character if joins else character)
    return runs


def test_a_long_run_of_marks_takes_linear_time() -> None:
    text = "a" + "\u0301\u0316" * 50_000
    begin = time.process_time()
    found = normalize(text)
    assert time.process_time() - begin < 3
    assert found.ends is not None
    assert np.max(found.ends) == len(text)
