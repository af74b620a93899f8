"""What `load_tokenizer` reads, saves and refuses of Japanese directories."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tfner.document import Word
from tfner.errors import StorageError, TfnerError, TokenizerError
from tfner.tokenization import load_tokenizer
from tfner.tokenization.japanese import JapaneseTokenizer
from tfner.tokenization.words.mecab_dictionaries import find_dictionary

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"三代目は", "J", "東京", "㈱"]
TEXT = "三代目 J SOUL BROTHERSは㈱東京で、ＡＢＣ１,０００円"
USER_WORDS = "三代目 J SOUL BROTHERS,1288,1288,1,名詞,固有名詞,一般\n"


def write_vocabulary(folder: Path, pieces: list[str] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    lines = "".join(f"{piece}\n" for piece in pieces or PIECES)
    (folder / "vocab.txt").write_text(lines, "utf-8")
    return folder


def write_directory(folder: Path, **config: Any) -> Path:
    """A Hugging Face directory; settings that are None are left out."""
    content = {
        "tokenizer_class": "BertJapaneseTokenizer",
        "word_tokenizer_type": "mecab",
        "subword_tokenizer_type": "character",
        "mecab_kwargs": {"mecab_dic": "ipadic"},
        **config,
    }
    kept = {name: value for name, value in content.items() if value is not None}
    write_vocabulary(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps(kept), "utf-8")
    return folder


@pytest.fixture
def user_words(tmp_path: Path) -> Path:
    path = tmp_path / "words.csv"
    path.write_text(USER_WORDS, encoding="utf-8")
    return path


def surfaces(tokenizer: Any, text: str = TEXT) -> list[str]:
    return [text[start:end] for start, end in tokenizer.encode(text).words]


def assert_same(found: Any, expected: Any) -> None:
    assert found.settings == expected.settings
    assert found.vocab_size == expected.vocab_size
    ours, theirs = found.encode(TEXT), expected.encode(TEXT)
    assert ours.pieces == theirs.pieces
    assert ours.offsets.tolist() == theirs.offsets.tolist()
    assert ours.words == theirs.words


def test_a_bare_vocabulary_with_kana_gets_mecab_and_ipadic(tmp_path: Path) -> None:
    found = load_tokenizer(write_vocabulary(tmp_path))
    assert found.settings.kind == "mecab-wordpiece"
    assert any("MeCab/ipadic" in note for note in found.notes)


def test_dictionaries_are_chosen_by_argument(tmp_path: Path, user_words: Path) -> None:
    pytest.importorskip("unidic_lite", reason="needs tfner[unidic]")
    folder = write_vocabulary(tmp_path / "model")
    assert surfaces(load_tokenizer(folder))[:2] == ["三", "代目"]
    other = load_tokenizer(folder, dictionary="unidic_lite")
    assert surfaces(other)[:3] == ["三", "代", "目"]
    assert any("MeCab/unidic_lite" in note for note in other.notes)
    own = load_tokenizer(folder, user_dictionary=user_words)
    assert surfaces(own)[:2] == ["三代目 J SOUL BROTHERS", "は"]


@pytest.mark.parametrize("kind", ["wordpiece", "character"])
def test_a_saved_tokenizer_travels_with_its_user_dictionary(
    kind: str, tmp_path: Path, user_words: Path
) -> None:
    folder = write_directory(tmp_path / "model", subword_tokenizer_type=kind)
    before = load_tokenizer(folder, user_dictionary=user_words)
    before.save(tmp_path / "first")
    shutil.rmtree(folder)
    user_words.unlink()
    again = load_tokenizer(tmp_path / "first")
    assert_same(again, before)
    again.save(tmp_path / "second")
    (tmp_path / "first").rename(tmp_path / "moved")
    assert_same(load_tokenizer(tmp_path / "second"), before)
    saved = (tmp_path / "second" / "tokenizer_config.json").read_text("utf-8")
    assert str(tmp_path) not in saved


def test_a_saved_tokenizer_travels_with_its_dictionary(tmp_path: Path) -> None:
    dictionary = shutil.copytree(find_dictionary("ipadic"), tmp_path / "dictionary")
    folder = write_directory(tmp_path / "model")
    before = load_tokenizer(folder, dictionary=dictionary)
    before.save(tmp_path / "saved")
    shutil.rmtree(dictionary)
    assert_same(load_tokenizer(tmp_path / "saved"), before)


def test_any_tokenizer_can_take_mecabs_words_and_travels_with_them(
    minilm: Path, tmp_path: Path, user_words: Path
) -> None:
    before = load_tokenizer(
        minilm, word_splitter="mecab", dictionary="ipadic", user_dictionary=user_words
    )
    assert surfaces(before)[:2] == ["三代目 J SOUL BROTHERS", "は"]
    before.save(tmp_path / "saved")
    user_words.unlink()
    assert_same(load_tokenizer(tmp_path / "saved"), before)


def test_other_words_are_taken_and_saved(tmp_path: Path) -> None:
    folder = write_directory(tmp_path / "model")
    before = load_tokenizer(folder, word_splitter="whitespace")
    assert surfaces(before)[:2] == ["三代目", "J"]
    before.save(tmp_path / "saved")
    assert_same(load_tokenizer(tmp_path / "saved"), before)


def test_pieces_can_be_the_words(tmp_path: Path) -> None:
    found = load_tokenizer(write_directory(tmp_path), word_splitter="pieces")
    assert surfaces(found, "東京は㈱") == ["東", "京", "は", "㈱"]


def test_the_users_own_splitter_is_used_and_asked_for_again(tmp_path: Path) -> None:
    def halves(text: str) -> list[Word]:
        return [Word(0, len(text) // 2), Word(len(text) // 2, len(text))]

    sudachi = write_directory(tmp_path / "model", word_tokenizer_type="sudachi")
    found = load_tokenizer(sudachi, word_splitter=halves)
    assert surfaces(found, "東京は目") == ["東京", "は目"]
    assert any("not those of sudachi" in note for note in found.notes)
    found.save(tmp_path / "saved")
    with pytest.raises(TokenizerError, match="pass it as word_splitter"):
        load_tokenizer(tmp_path / "saved")
    again = load_tokenizer(tmp_path / "saved", word_splitter=halves)
    assert_same(again, found)


def test_a_bundle_of_version_0_1_0_is_still_read(tmp_path: Path) -> None:
    write_vocabulary(tmp_path)
    expected = load_tokenizer(tmp_path)
    definition = {"model": {"type": "WordPiece", "vocab": {"[UNK]": 1}}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(definition))
    settings = {
        "kind": "mecab-wordpiece",
        "splitter": "mecab",
        "lower_case": False,
        "prefix_ids": [2],
        "suffix_ids": [3],
        "pad_id": 0,
        "notes": expected.notes,
    }
    (tmp_path / "tokenizer_settings.json").write_text(json.dumps(settings))
    assert_same(load_tokenizer(tmp_path), expected)


def test_special_pieces_that_the_vocabulary_lacks_come_after_it(tmp_path: Path) -> None:
    folder = write_directory(tmp_path, pad_token="<pad>")
    found = load_tokenizer(folder)
    assert (found.pad_id, found.vocab_size) == (len(PIECES), len(PIECES) + 1)


def test_pieces_that_were_added_are_numbered_as_said_and_noted(tmp_path: Path) -> None:
    added = {"4": {"content": "[MASK]"}, "90": {"content": "<user>"}}
    found = load_tokenizer(write_directory(tmp_path, added_tokens_decoder=added))
    assert found.vocab_size == 91
    assert any("read as plain text: '<user>'" in note for note in found.notes)
    (tmp_path / "added_tokens.json").write_text('{"<ent>": 91}', "utf-8")
    found = load_tokenizer(write_directory(tmp_path))
    assert any("read as plain text: '<ent>'" in note for note in found.notes)


def test_saving_in_place_and_loading_again_changes_nothing(
    tmp_path: Path, user_words: Path
) -> None:
    folder = write_directory(tmp_path / "model", word_tokenizer_type="basic")
    for choices in (
        {},
        {"word_splitter": "mecab", "dictionary": find_dictionary("ipadic")},
        {"user_dictionary": user_words},
    ):
        before = load_tokenizer(folder, **choices)  # type: ignore[arg-type]
        before.save(folder)
        again = load_tokenizer(folder)
        again.save(folder)
        assert_same(load_tokenizer(folder), before)


def test_a_dictionary_that_the_directory_brings_is_found_there(
    tmp_path: Path, user_words: Path
) -> None:
    load_tokenizer(
        write_directory(tmp_path / "model"), user_dictionary=user_words
    ).save(tmp_path / "compiled")
    dictionary = find_dictionary("ipadic")
    shutil.copy(tmp_path / "compiled" / "user.dic", tmp_path / "model" / "my.dic")
    folder = write_directory(
        tmp_path / "model",
        mecab_kwargs={"mecab_dic": None, "mecab_option": f"-d {dictionary} -u my.dic"},
    )
    assert surfaces(load_tokenizer(folder))[0] == "三代目 J SOUL BROTHERS"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"word_tokenizer_type": "sudachi"}, "does not run the word tokenizer sudachi"),
    ({"word_tokenizer_type": "jumanpp"}, "that gives jumanpp's words"),
    ({"word_tokenizer_type": "mecap"}, "did you mean 'mecab'"),
    ({"subword_tokenizer_type": "bpe"}, "unknown subword tokenizer 'bpe'"),
    ({"do_word_tokenize": False}, "do_word_tokenize may not be false"),
    ({"do_subword_tokenize": False}, "do_subword_tokenize may not be false"),
    ({"subword_tokenizer_type": "sentencepiece"}, r"lacks spiece\.model"),
    ({"word_tokenizer_type": "basic", "never_split": ["a"]}, "never_split"),
    ({"mecab_kwargs": "ipadic"}, "`mecab_kwargs` must be an object"),
    ({"mecab_kwargs": {"mecab_dict": "ipadic"}}, "did you mean 'mecab_dic'"),
    ({"mecab_kwargs": {"mecab_dic": "unidix"}}, "unknown mecab_dic 'unidix'"),
    ({"mecab_kwargs": {"mecab_dic": "../dic"}}, "unknown mecab_dic"),
    ({"added_tokens_decoder": {"x": {"content": "y"}}}, "added_tokens_decoder must"),
    ({"added_tokens_decoder": ["x"]}, "`added_tokens_decoder` must"),
    ({"mecab_kwargs": {"mecab_dic": None}}, "names no dictionary by -d"),
]
OPTIONS = {
    "-r /etc/mecabrc": "tfner reads -d",
    "-r /etc/mecabrc -d /usr/lib": "tfner reads -d",
    "-Owakati": "tfner reads -d",
    "--node-format=x": "tfner reads -d",
    "plain": "tfner reads -d",
    "-u": "mecab_option='-u'",
    "-u 'open": "mecab_option=",
    "-u ../user.dic": "in the tokenizer's directory",
    "-u a/user.dic": "in the tokenizer's directory",
    "-u ..": "in the tokenizer's directory",
    "-u user.dic": "user.dic: the user dictionary cannot be read",
    "-d /no/such/folder": "Nor is there such a directory",
}
REFUSED += [
    ({"mecab_kwargs": {"mecab_dic": "ipadic", "mecab_option": option}}, message)
    for option, message in OPTIONS.items()
]


@pytest.mark.parametrize(("config", "message"), REFUSED, ids=str)
def test_what_tfner_cannot_do_is_one_sentence(
    config: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(TfnerError, match=message) as error:
        load_tokenizer(write_directory(tmp_path, **config))
    assert "\n" not in str(error.value)


def test_files_that_are_missing_or_damaged_are_named(tmp_path: Path) -> None:
    folder = write_directory(tmp_path)
    (folder / "vocab.txt").write_text("a\n[CLS]\n[SEP]\n")
    with pytest.raises(TokenizerError, match=r"vocab\.txt: .* needs \[UNK\]"):
        load_tokenizer(folder)
    (folder / "vocab.txt").unlink()
    with pytest.raises(TokenizerError, match=r"lacks vocab\.txt"):
        load_tokenizer(folder)
    write_directory(tmp_path, subword_tokenizer_type="sentencepiece")
    (folder / "spiece.model").write_bytes(b"no model")
    with pytest.raises(TokenizerError, match=r"spiece\.model: no SentencePiece model"):
        load_tokenizer(folder)
    (folder / "tokenizer_settings.json").write_text('{"kind": "mecab-character"}')
    with pytest.raises(StorageError, match="`splitter` is missing"):
        load_tokenizer(folder)


@pytest.mark.parametrize("choice", ["dictionary", "user_dictionary"])
def test_a_dictionary_without_mecab_is_refused(
    choice: str, minilm: Path, tmp_path: Path
) -> None:
    basic = write_directory(tmp_path, word_tokenizer_type="basic")
    for folder in (minilm, basic):
        with pytest.raises(TokenizerError, match="word_splitter=mecab"):
            load_tokenizer(folder, **{choice: "ipadic"})  # type: ignore[arg-type]


def test_basic_words_say_how_coarse_they_are(tmp_path: Path) -> None:
    found = load_tokenizer(write_directory(tmp_path, word_tokenizer_type="basic"))
    assert isinstance(found, JapaneseTokenizer)
    assert surfaces(found, "東京は㈱、J") == ["東京は㈱", "、", "J"]
    assert any("word_splitter=mecab" in note for note in found.notes)
