from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.errors import StorageError, TokenizerError
from tfner.marks import is_blank
from tfner.tokenization.words import mecab as module
from tfner.tokenization.words.mecab import Mecab, default_mecab, split_mecab
from tfner.tokenization.words.mecab_dictionaries import (
    COMPILED,
    LARGEST_DICTIONARY,
    LARGEST_ENTRIES,
    LARGEST_USER,
    find_dictionary,
)

CASES = {
    "東京大学の田中": ["東京大学", "の", "田中"],
    "東京\u3000大学\n の": ["東京", "大学", "の"],
    "㈱日立のｶﾞﾗｽ": ["㈱", "日立", "の", "ｶﾞﾗｽ"],
    "気温５０℃": ["気温", "５０", "℃"],
    "東京\x00大学": ["東京", "大学"],
    "\ufeff東京\u200b大学\u200e": ["東京", "大学"],
    "三代目 J SOUL BROTHERS": ["三", "代目", "J", "SOUL", "BROTHERS"],
    "a\x1fb\x85": ["a", "\x1f", "b", "\x85"],
    "": [],
}
DIFFICULT = "㈱ｶﾞか\u3099東京a \u3000\n\x00\x1f\x85\ud800👩‍👧ﬁ①…℃"


@pytest.mark.parametrize("text", CASES)
def test_words_are_ranges_of_the_original_text(text: str) -> None:
    assert [text[a:b] for a, b in split_mecab(text)] == CASES[text]


@given(text=st.text() | st.text(st.sampled_from(DIFFICULT)))
def test_words_are_ordered_and_hold_all_that_is_no_white_space(text: str) -> None:
    words = split_mecab(text)
    ends = [0, *(word.end for word in words)]
    assert all(a <= w.start < w.end for a, w in zip(ends, words, strict=False))
    held = {i for start, end in words for i in range(start, end)}
    missed = [c for i, c in enumerate(text) if i not in held]
    assert all(is_blank(c) or c == "\0" for c in missed)


@pytest.mark.parametrize(
    "unit", ["東京都に行く。㈱", "a", "ー", "😀", "1", "\u0301\u0316", "あ", "、"]
)
def test_long_text_takes_linear_time_and_keeps_every_character(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    default_mecab()
    begin = time.process_time()
    words = split_mecab(text)
    assert time.process_time() - begin < 5
    assert sum(end - start for start, end in words) == len(text) == 100_000


def test_a_word_after_much_white_space_is_found() -> None:
    text = "東京" + " " * 70_000 + "大学"
    assert [text[a:b] for a, b in split_mecab(text)] == ["東京", "大学"]


# The same examples each time: of a few endless repetitions, MeCab's best cut depends
# on where they end, however wide the margin is.
@settings(max_examples=30, derandomize=True)
@given(
    text=st.text(
        st.sampled_from("東京都に行く。 ABC123ーすもももももももものうち、㈱")
    ),
    times=st.integers(1, 40),
)
def test_text_in_parts_is_cut_as_in_one(text: str, times: int) -> None:
    tagger = default_mecab()
    whole = tagger.cut(text * times)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONGEST", 160)
        patch.setattr(module, "MARGIN", 60)
        parts = tagger.cut(text * times)
    assert parts.starts.tolist() == whole.starts.tolist()
    assert parts.surfaces == whole.surfaces


def test_dictionaries_differ_and_are_chosen_by_name() -> None:
    pytest.importorskip("unidic_lite", reason="needs tfner[unidic]")
    text = "三代目"
    cut = {name: Mecab(name).cut(text).surfaces for name in ("ipadic", "unidic_lite")}
    assert cut == {"ipadic": ["三", "代目"], "unidic_lite": ["三", "代", "目"]}


def test_a_directory_is_a_dictionary_too() -> None:
    folder = find_dictionary("ipadic")
    text = "東京大学の田中"
    assert Mecab(folder).cut(text).surfaces == Mecab().cut(text).surfaces


USER_WORDS = (
    "三代目 J SOUL BROTHERS,1288,1288,1,名詞,固有名詞,一般\n"
    '"㈱晴天,なり",1288,1288,1,名詞,固有名詞,一般\n'
)


@pytest.fixture
def user_words(tmp_path: Path) -> Path:
    """A user dictionary, under a name with a space."""
    path = tmp_path / "user words.csv"
    path.write_text(USER_WORDS, encoding="utf-8-sig")
    return path


def test_words_of_a_user_dictionary_may_hold_spaces_and_need_not_be_in_nfkc(
    user_words: Path,
) -> None:
    text = "今日は三代目 J SOUL BROTHERSと㈱晴天，なりだ"
    words = Mecab(user_dictionary=user_words).split(text)
    expected = ["今日", "は", "三代目 J SOUL BROTHERS", "と", "㈱晴天，なり", "だ"]
    assert [text[a:b] for a, b in words] == expected


def test_a_compiled_user_dictionary_is_used_as_it_is(
    user_words: Path, tmp_path: Path
) -> None:
    assert Mecab(user_dictionary=user_words).save(tmp_path) == {
        "mecab_dic": "ipadic",
        "mecab_option": "-u user.dic",
    }
    user_words.unlink()
    again = Mecab(user_dictionary=tmp_path / "user.dic")
    assert again.cut("三代目 J SOUL BROTHERS").surfaces == ["三代目 J SOUL BROTHERS"]


def test_a_user_dictionary_of_another_system_dictionary_is_refused(
    user_words: Path, tmp_path: Path
) -> None:
    pytest.importorskip("unidic_lite", reason="needs tfner[unidic]")
    Mecab(user_dictionary=user_words).save(tmp_path)
    with pytest.raises(TokenizerError, match="compiled for another dictionary"):
        Mecab("unidic_lite", tmp_path / "user.dic")


BAD_WORDS = {
    "晴天\n": "user.csv:1: an entry is surface,left id",
    "天,1,1,1,名詞\n晴,,,,名詞\n": "user.csv:2: an entry is surface",
    ",1,1,1,名詞\n": "user.csv:1:",
    "\n": "the user dictionary is empty",
    "晴,9999,9999,1,名詞\n": "cannot compile .* invalid ids are found lid=9999",
}


@pytest.mark.parametrize("content", BAD_WORDS)
def test_bad_lines_of_a_user_dictionary_are_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "user.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TokenizerError, match=BAD_WORDS[content]):
        Mecab(user_dictionary=path)


def test_all_bad_lines_of_a_user_dictionary_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "user.csv"
    path.write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(TokenizerError, match="2 problems of the user dictionary"):
        Mecab(user_dictionary=path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("user.dic", b"nothing of the kind", "no compiled user dictionary"),
        ("user.csv", "晴天".encode("euc-jp"), "no UTF-8"),
        ("missing.dic", None, "cannot be read"),
        ("missing.csv", None, "cannot be read"),
    ],
)
def test_an_unusable_user_dictionary_is_one_sentence(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TokenizerError, match=message) as error:
        Mecab(user_dictionary=tmp_path / name)
    assert "\n" not in str(error.value)
    assert name in str(error.value)


def without(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a package were not installed."""
    real = importlib.import_module

    def import_module(name: str) -> Any:
        if name == package:
            raise ImportError(f"No module named {name!r}")
        return real(name)

    monkeypatch.setattr(importlib, "import_module", import_module)


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ("fugashi", "pip install fugashi"),
        ("ipadic", "pip install ipadic"),
        ("unidic_lite", r"pip install 'tfner\[unidic\]'"),
        ("unidic", "pip install unidic && python -m unidic download"),
    ],
)
def test_a_missing_package_is_named(
    package: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(package, monkeypatch)
    with pytest.raises(TokenizerError, match=command):
        Mecab("ipadic" if package == "fugashi" else package)


def test_unidic_without_its_data_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = SimpleNamespace(DICDIR=str(tmp_path / "dicdir"))
    monkeypatch.setattr(importlib, "import_module", lambda name: empty)
    with pytest.raises(TokenizerError, match="python -m unidic download"):
        Mecab("unidic")


@pytest.mark.parametrize(
    ("name", "largest"),
    [("user.dic", LARGEST_USER), ("user.csv", LARGEST_ENTRIES)],
)
def test_a_user_dictionary_that_is_too_large_is_not_read(
    name: str, largest: int, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.touch()
    os.truncate(path, largest + 1)  # takes no room on the disk
    with pytest.raises(TokenizerError, match=rf"{name}: the user .* is too large"):
        Mecab(user_dictionary=path)


def test_a_dictionary_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    for name in COMPILED:
        (tmp_path / name).write_bytes(b"x")
    os.truncate(tmp_path / "matrix.bin", LARGEST_DICTIONARY + 1)
    with pytest.raises(StorageError, match=r"matrix\.bin: is too large"):
        Mecab(tmp_path)


def test_other_dictionaries_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="did you mean 'ipadic'"):
        Mecab("ipadik")
    with pytest.raises(TokenizerError, match=r"lacks sys\.dic, unk\.dic, "):
        Mecab(tmp_path)
    for name in COMPILED:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(TokenizerError, match="MeCab cannot open its dictionary"):
        Mecab(tmp_path)
