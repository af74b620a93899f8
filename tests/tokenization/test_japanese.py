"""Japanese pieces equal those of transformers, and every one knows its place."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tfner.document import Word
from tfner.marks import MARK, is_blank
from tfner.tokenization import Encoding, Tokenizer, load_tokenizer
from tfner.tokenization.japanese import JapaneseTokenizer

SENTENCES = [
    "本日は晴天なり。",
    "三代目 J SOUL BROTHERSは東京ドームで公演した。",
    "㈱日立製作所とﾄﾖﾀ自動車のｶﾞﾗｽ、気温は５０℃だった…と1,000円。",
    "ノルウェーの劇作家ヘンリック・イプセンの劇詩『ペール・ギュント』",
    "か\u3099くせい ＡＢＣｄｅｆ ﬁne İstanbul ΑΣ ΟΔΟΣ",
    "①番の席``引用''👩‍👩‍👧と\u200b\ufeffゼロ幅\x85改行\u2028\x1f\x07",
    "10,20,30 3,",
]
DIFFICULT = (
    "㈱㈀ｶﾞﾊﾟか\u3099\u0300\u0327ﬁé\u0301👩\u200d👧 \u200b\u3000東京İΣ``''1,a①℃…"
    "\x00\x07\x85\ufffd\ufeff\ud800"
)
JAPANESE = st.text(
    st.sampled_from("東京大学の田中さんは、JR線で㈱ｶﾞﾗｽへ行った。 ５０ABCー・「」")
)
TEXTS = st.text() | st.text(st.sampled_from(DIFFICULT)) | JAPANESE
KINDS = ("wordpiece", "character", "sentencepiece")


def write_directory(
    folder: Path, kind: str, *, dictionary: str = "ipadic", **config: Any
) -> Path:
    """A Hugging Face directory whose vocabulary spells much of the sentences."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "sentencepiece":
        train_sentencepiece(folder / "spiece.model")
    else:
        (folder / "vocab.txt").write_text("\n".join(vocabulary(kind)) + "\n", "utf-8")
    content = {
        "tokenizer_class": "BertJapaneseTokenizer",
        "do_lower_case": False,
        "word_tokenizer_type": "mecab",
        "subword_tokenizer_type": kind,
        "mecab_kwargs": {"mecab_dic": dictionary},
        **config,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(content), "utf-8")
    return folder


def vocabulary(kind: str) -> list[str]:
    import unicodedata

    text = unicodedata.normalize("NFKC", "".join(SENTENCES))
    letters = sorted(c for c in {*text, *text.lower()} if c.isprintable() and c != " ")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    if kind == "wordpiece":
        pieces += [f"##{letter}" for letter in letters[::2]]
        pieces += ["晴天", "東京", "##ギュ", "##ント", "soul", "##BRO", "株式"]
    return pieces


def train_sentencepiece(path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_prefix=str(path.with_suffix("")),
        minloglevel=2,
        vocab_size=150,
        hard_vocab_limit=False,
        user_defined_symbols=["[CLS]", "[SEP]"],
    )


@pytest.fixture(scope="session")
def japanese(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, JapaneseTokenizer]:
    folder = tmp_path_factory.mktemp("japanese")
    return {kind: read(write_directory(folder / kind, kind)) for kind in KINDS}


def read(folder: Path, **choices: Any) -> JapaneseTokenizer:
    found = load_tokenizer(folder, **choices)
    assert isinstance(found, JapaneseTokenizer)
    return found


def check(encoding: Encoding, text: str) -> None:
    """What holds for every encoding: order, places inside words, nothing lost."""
    count = len(encoding.pieces)
    assert encoding.ids.shape == encoding.word_index.shape == (count,)
    assert encoding.offsets.shape == (count, 2)
    assert {a.dtype for a in (encoding.ids, encoding.offsets, encoding.word_index)} == {
        np.dtype(np.int32)
    }
    assert all(a.flags.writeable for a in (encoding.ids, encoding.offsets))
    words = np.array(encoding.words, np.int32).reshape(-1, 2)
    assert (np.diff(words.ravel()) >= 0).all()
    assert (np.diff(encoding.word_index) >= 0).all()
    assert (np.diff(encoding.offsets, axis=0) >= 0).all()
    assert (encoding.offsets[:, 0] <= encoding.offsets[:, 1]).all()
    assert (encoding.offsets[:, 0] >= words[encoding.word_index, 0]).all()
    assert (encoding.offsets[:, 1] <= words[encoding.word_index, 1]).all()


def check_reassembles(encoding: Encoding, text: str) -> None:
    """Words and the white space between them are the text; pieces cover the words."""
    position, rebuilt = 0, ""
    for start, end in encoding.words:
        gap = text[position:start]
        assert all(c == "\0" or is_blank(c) for c in gap), gap
        rebuilt += gap + text[start:end]
        position = end
    assert rebuilt + text[position:] == text
    assert all(c == "\0" or is_blank(c) for c in text[position:])
    covered = {i for a, b in encoding.offsets.tolist() for i in range(a, b)}
    with_pieces = set(encoding.word_index.tolist())
    for index, (start, end) in enumerate(encoding.words):
        # SentencePiece's normalisation swallows U+FFFD and what has no width.
        if "\ufffd" in text[start:end] or not text[start:end].isprintable():
            continue
        inked = {i for i in range(start, end) if not text[i].isspace()}
        assert inked <= covered or index not in with_pieces


def test_follows_the_protocol(japanese: dict[str, JapaneseTokenizer]) -> None:
    assert all(isinstance(found, Tokenizer) for found in japanese.values())


@pytest.mark.parametrize("kind", KINDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example(text=" \u0300\u3099\ufeff")  # marks that change places after a space
@example(text="か\u0300\u3099\ufeff \u0300\u0327\u3099")
@given(text=TEXTS)
def test_any_text_gives_ordered_pieces_that_reassemble_it(
    kind: str, japanese: dict[str, JapaneseTokenizer], text: str
) -> None:
    encoding = japanese[kind].encode(text)
    check(encoding, text)
    check_reassembles(encoding, text)


@pytest.mark.parametrize("kind", KINDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=TEXTS, borders=st.lists(st.integers(0, 20)))
def test_any_words_are_respected(
    kind: str, japanese: dict[str, JapaneseTokenizer], text: str, borders: list[int]
) -> None:
    inside = sorted(min(border, len(text)) for border in borders)
    words = [Word(*pair) for pair in pairwise(inside)]
    encoding = japanese[kind].encode(text, words)
    assert encoding.words == tuple(words)
    check(encoding, text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_of_no_characters_has_no_pieces(
    kind: str, japanese: dict[str, JapaneseTokenizer]
) -> None:
    # The mark makes pieces of what lies behind a word, to which no word lays claim.
    words = [Word(1, 1), Word(2, 4)]
    encoding = japanese[kind].encode("\ufeff東京1\ufeff", words)
    assert set(encoding.word_index.tolist()) == {1}


@pytest.mark.parametrize("kind", KINDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=TEXTS)
def test_its_own_words_given_back_change_nothing(
    kind: str, japanese: dict[str, JapaneseTokenizer], text: str
) -> None:
    first = japanese[kind].encode(text)
    again = japanese[kind].encode(text, first.words)
    assert again.pieces == first.pieces
    assert again.offsets.tolist() == first.offsets.tolist()
    assert again.word_index.tolist() == first.word_index.tolist()


PLACES = [
    ("wordpiece", "本日は晴天なり", ["本", "日", "は", "晴天", "なり"]),
    (
        "character",
        "㈱ｶﾞﾗｽ ﬁne",
        ["㈱", "㈱", "㈱", *["ｶﾞ", "ﾗ", "ｽ", "ﬁ", "ﬁ", "n", "e"]],
    ),
    ("character", "か\u3099く５０℃", ["か\u3099", "く", "５", "０", "℃", "℃"]),
    ("sentencepiece", "J SOUL", ["", "J", "", "S", "O", "U", "L"]),
]


@pytest.mark.parametrize(("kind", "text", "expected"), PLACES)
def test_offsets_are_those_of_the_original_text(
    kind: str, text: str, expected: list[str], japanese: dict[str, JapaneseTokenizer]
) -> None:
    offsets = japanese[kind].encode(text).offsets.tolist()
    assert [text[start:end] for start, end in offsets] == expected


def test_lower_casing_keeps_the_places(tmp_path: Path) -> None:
    folder = write_directory(tmp_path, "character", do_lower_case=True)
    text = "İS ＡＢ"
    encoding = read(folder).encode(text)
    assert encoding.pieces == ("i", "\u0307", "s", "a", "b")
    assert [text[a:b] for a, b in encoding.offsets.tolist()] == [*"İİSＡＢ"]


def test_given_words_are_whole_but_for_characters_that_hold_several_words(
    japanese: dict[str, JapaneseTokenizer],
) -> None:
    text = "東京大学と㈱東京"
    encoding = japanese["wordpiece"].encode(text, [Word(0, 4), Word(4, 5), Word(5, 8)])
    places = [text[a:b] for a, b in encoding.offsets.tolist()]
    assert places == ["東京大学", "と", "㈱", "㈱", "㈱", "東京"]
    assert encoding.word_index.tolist() == [0, 1, 2, 2, 2, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_special_piece_that_a_user_writes_is_text(
    kind: str, japanese: dict[str, JapaneseTokenizer]
) -> None:
    tokenizer = japanese[kind]
    ids = tokenizer.encode("東京[SEP]です[CLS]").ids.tolist()
    assert not {*ids} & {*tokenizer.prefix_ids, *tokenizer.suffix_ids}


def reference(folder: Path) -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(folder)


def assert_equal(ours: JapaneseTokenizer, theirs: Any, texts: Iterable[str]) -> None:
    for text in texts:
        found = ours.encode(text)
        if ours.splitter == "basic":
            text = text.replace("\u200b", " ")
        assert list(found.pieces) == theirs.tokenize(text), text
        ids = [*ours.prefix_ids, *found.ids.tolist(), *ours.suffix_ids]
        assert ids == theirs(text)["input_ids"], text


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("lower", [False, True], ids=["cased", "lower"])
@pytest.mark.parametrize("words", ["mecab", "basic"])
@pytest.mark.parametrize("kind", KINDS)
def test_pieces_equal_those_of_transformers(
    kind: str, words: str, lower: bool, tmp_path: Path
) -> None:
    config = {"do_lower_case": lower, "word_tokenizer_type": words}
    folder = write_directory(tmp_path, kind, **config)
    ours, theirs = read(folder), reference(folder)
    assert_equal(ours, theirs, SENTENCES)
    assert ours.pad_id == theirs.pad_token_id
    assert ours.vocab_size == len(theirs)


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", ["mecab", "basic"])
def test_pieces_of_any_text_equal_those_of_transformers(
    kind: str, words: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    config = {"do_lower_case": kind != "character", "word_tokenizer_type": words}
    ours = read(write_directory(folder, kind, **config))
    theirs = reference(folder)

    @settings(deadline=None, max_examples=60)
    @given(text=TEXTS)
    def same(text: str) -> None:
        # There a NUL ends the text, lone surrogates are an error, a user's "[SEP]"
        # separates, and marks at the edge of a word are part of it.
        text = MARK.sub("", text.replace("\0", "").replace("[", "("))
        text = text.encode("utf-8", "replace").decode()
        assert_equal(ours, theirs, [text])

    same()


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "mecab",
    [
        {"mecab_dic": "unidic_lite"},
        {"mecab_dic": "ipadic", "normalize_text": False},
        None,
    ],
    ids=["unidic_lite", "as it stands", "no word of it"],
)
def test_what_the_directory_says_of_mecab_is_followed(
    mecab: dict[str, Any] | None, tmp_path: Path
) -> None:
    pytest.importorskip("unidic_lite", reason="needs tfner[unidic]")
    folder = write_directory(tmp_path, "character", mecab_kwargs=mecab)
    ours = read(folder)
    assert_equal(ours, reference(folder), SENTENCES)
    assert bool(ours.notes) is (mecab is None)
    assert all("unidic_lite as in transformers" in note for note in ours.notes)


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
def test_words_that_keep_their_case_and_special_pieces_of_other_names(
    tmp_path: Path,
) -> None:
    folder = write_directory(
        tmp_path,
        "wordpiece",
        do_lower_case=True,
        never_split=["SOUL"],
        cls_token="。",
        mask_token="<mask>",
    )
    assert_equal(read(folder), reference(folder), SENTENCES)
    assert read(folder).vocab_size == len(reference(folder))


@pytest.mark.parametrize(
    ("kind", "unit"),
    [("wordpiece", "東京都に行く。㈱"), ("character", "a"), ("sentencepiece", "1,")],
)
def test_one_line_of_100_000_characters_takes_linear_time(
    kind: str, unit: str, japanese: dict[str, JapaneseTokenizer]
) -> None:
    text = unit * (100_000 // len(unit))
    begin = time.process_time()
    encoding = japanese[kind].encode(text)
    assert time.process_time() - begin < 5
    assert encoding.words[-1].end == len(text)
    begin = time.process_time()
    again = japanese[kind].encode(text, encoding.words)
    assert time.process_time() - begin < 5
    assert again.pieces == encoding.pieces


@pytest.mark.parametrize("kind", KINDS)
def test_one_word_of_100_000_characters_takes_linear_time(
    kind: str, japanese: dict[str, JapaneseTokenizer]
) -> None:
    text = "東京都に" * 25_000
    begin = time.process_time()
    encoding = japanese[kind].encode(text, [Word(0, len(text))])
    assert time.process_time() - begin < 5
    assert encoding.offsets[-1, 1] == len(text)
