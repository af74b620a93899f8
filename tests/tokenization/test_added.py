"""Pieces added to a vocabulary are found in raw text as transformers finds them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

from tfner.errors import TfnerError
from tfner.tokenization import load_tokenizer
from tfner.tokenization.ids import id_reader

CORPUS = ["the quick (brown) fox flew to Kyoto, gym and covid 19 in New York."] * 10
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROLES = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
PIECES = [*SPECIAL, *"abcdefghijklmnopqrstuvwxyz019().,<>[]/", "fox", "the", "##ym"]
PIECES += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz019"]
PARTS = ("covid19", "Covid19", "<ent>", "New York", "[E1]", "solo", " ", " ", "fox")
TEXTS = st.lists(st.sampled_from([*PARTS, "gym", "(", ".", "x", "the"])).map("".join)
ADDED = [
    {"content": "covid19"},
    {"content": "<ent>", "lstrip": True, "rstrip": True, "special": True},
    {"content": "New York", "normalized": False},
    {"content": "[E1]", "special": True, "normalized": False},
    {"content": "solo", "single_word": True},
]


def write(folder: Path, name: str, content: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content), "utf-8")
    return folder


def bare(folder: Path, **config: Any) -> Path:
    """A WordPiece vocabulary, and what says how it is read."""
    write(folder, "config.json", {"model_type": "bert"})
    write(folder, "tokenizer_config.json", {"do_lower_case": True, **config})
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", "utf-8")
    return folder


def decoder(start: int = len(PIECES)) -> dict[str, Any]:
    return {str(start + n): token for n, token in enumerate(ADDED)}


def in_decoder(folder: Path) -> Path:
    return bare(folder, added_tokens_decoder=decoder())


def in_added_tokens(folder: Path) -> Path:
    numbers = {"<ent>": len(PIECES) + 1, "covid19": len(PIECES)}
    write(folder, "special_tokens_map.json", {"additional_special_tokens": ["[E1]"]})
    return bare(write(folder, "added_tokens.json", numbers))


def in_extra_tokens(folder: Path) -> Path:
    return bare(folder, extra_special_tokens=["<ent>", "[E1]", "fox"])


def pipeline(pre_tokenizer: Any, *, unigram: bool = False) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(
        models.Unigram() if unigram else models.BPE(unk_token=None)
    )
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizer
    known: dict[str, Any] = {"special_tokens": SPECIAL, "show_progress": False}
    trainer: Any = (
        trainers.UnigramTrainer(vocab_size=90, unk_token="[UNK]", **known)
        if unigram
        else trainers.BpeTrainer(
            vocab_size=350,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            **known,
        )
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def generic(folder: Path, tokenizer: tokenizers.Tokenizer) -> Path:
    tokenizer.add_tokens([tokenizers.AddedToken(**token) for token in ADDED])
    config = dict(zip(ROLES, SPECIAL, strict=True))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    write(folder, "tokenizer_config.json", config)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def byte_level(folder: Path) -> Path:
    return generic(folder, pipeline(pre_tokenizers.ByteLevel(add_prefix_space=False)))


def prefixed(folder: Path) -> Path:
    return generic(folder, pipeline(pre_tokenizers.ByteLevel(add_prefix_space=True)))


def xlmr(folder: Path) -> Path:
    steps = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    return generic(folder, pipeline(pre_tokenizers.Sequence(steps), unigram=True))


def saved(folder: Path) -> Path:
    """With a `tokenizer.json`, as transformers saves it."""
    transformers = pytest.importorskip("transformers")
    source = transformers.AutoTokenizer.from_pretrained(in_decoder(folder / "source"))
    source.save_pretrained(folder)
    write(folder, "config.json", {"model_type": "bert"})
    assert (folder / "tokenizer.json").is_file()
    return folder


KINDS = [
    in_decoder,
    in_added_tokens,
    in_extra_tokens,
    byte_level,
    prefixed,
    xlmr,
    saved,
]


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_transformers(
    kind: Callable[[Path], Path], tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    folder = kind(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    # Pieces of bytes and SentencePiece may reach from a word into the punctuation.
    marked = kind in (byte_level, prefixed, xlmr)
    ours = load_tokenizer(folder, word_splitter="whitespace" if marked else None)
    ours.save(tmp_path / "saved")
    again, read_ids = load_tokenizer(tmp_path / "saved"), id_reader(ours)
    assert ours.vocab_size == len(theirs)
    space = ours.id_of("Ġ")  # also of white space between two added pieces

    def inked(ids: list[int]) -> list[int]:
        return [number for number in ids if number != space]

    @settings(deadline=None)
    @given(text=TEXTS)
    def same(text: str) -> None:
        expected = theirs(text, add_special_tokens=False)["input_ids"]
        encoding = ours.encode(text)
        assert inked(encoding.ids.tolist()) == inked(expected), text
        assert again.encode(text).ids.tolist() == encoding.ids.tolist()
        assert read_ids(text) == encoding.ids.tolist()
        given_back = ours.encode(text, encoding.words)
        assert given_back.ids.tolist() == encoding.ids.tolist()
        assert given_back.offsets.tolist() == encoding.offsets.tolist()

    same()


def test_each_is_a_word_with_its_own_place(tmp_path: Path) -> None:
    text = "the [E1]fox <ent>  in New York (xcovid19y) soloist [SEP]"
    encoding = load_tokenizer(in_decoder(tmp_path)).encode(text)
    places = [text[a:b] for a, b in encoding.offsets.tolist()]
    found = dict(zip(encoding.pieces, places, strict=True))
    for piece in ("[E1]", "<ent>", "New York", "covid19"):
        assert found[piece] == piece
    words = [text[start:end] for start, end in encoding.words]
    between = ["x", "covid19", "y", ")", "soloist", "[", "SEP", "]"]
    assert words == ["the", "[E1]", "fox", "<ent>", "in", "New York", "(", *between]


def test_given_words_hold_them_or_cut_them(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(in_decoder(tmp_path))
    whole = tokenizer.encode("the xcovid19y", [(0, 3), (4, 13)])
    assert whole.pieces == ("the", "x", "covid19", "y")
    assert whole.word_index.tolist() == [0, 1, 1, 1]
    assert whole.offsets.tolist() == [[0, 3], [4, 5], [5, 12], [12, 13]]
    cut = tokenizer.encode("New York", [(0, 3), (4, 8)])
    assert set(cut.word_index.tolist()) == {0, 1}
    assert "New York" not in cut.pieces


def test_a_tokenizer_saved_before_finds_none(tmp_path: Path) -> None:
    load_tokenizer(in_decoder(tmp_path / "source")).save(tmp_path / "saved")
    file = tmp_path / "saved" / "tokenizer_settings.json"
    settings = json.loads(file.read_text("utf-8"))
    assert settings.pop("added") == [token["content"] for token in ADDED]
    file.write_text(json.dumps(settings), "utf-8")
    assert "<ent>" not in load_tokenizer(tmp_path / "saved").encode("<ent>").pieces


def test_numbers_that_do_not_follow_the_vocabulary_are_told(tmp_path: Path) -> None:
    write(tmp_path, "added_tokens.json", {"covid19": 28996})
    tokenizer = load_tokenizer(bare(tmp_path))
    assert tokenizer.encode("covid19").ids.tolist() == [len(PIECES)]
    assert any("'covid19' as" in note and "28996" in note for note in tokenizer.notes)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("added_tokens.json", {"x": "1"}, "must map added pieces to their ids"),
        ("tokenizer_config.json", {"added_tokens_decoder": ["x"]}, "must be an object"),
        ("tokenizer_config.json", {"added_tokens_decoder": {"9": {}}}, "must map ids"),
        (
            "tokenizer_config.json",
            {"added_tokens_decoder": {"99": {"content": "x", "lstrip": "yes"}}},
            "an added piece must be an object with `content`",
        ),
    ],
)
def test_damaged_files_are_one_sentence(
    name: str, content: Any, match: str, tmp_path: Path
) -> None:
    write(bare(tmp_path), name, content)
    with pytest.raises(TfnerError, match=match):
        load_tokenizer(tmp_path)


def definition(folder: Path, *, lower: bool, accents: bool | None, han: bool) -> Path:
    """A `tokenizer.json` with this cleaning of text."""
    pieces = dict(zip([*PIECES, "É", "é", "東", "京", "東京"], range(99), strict=False))
    tokenizer = tokenizers.Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=lower, strip_accents=accents, handle_chinese_chars=han
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return write(folder, "config.json", {"model_type": "bert"})


CONFIGS: list[dict[str, Any] | None] = [
    None,
    {},
    {"do_lower_case": False},
    {"do_lower_case": True, "strip_accents": False},
    {"tokenize_chinese_chars": False, "tokenizer_class": "BertTokenizerFast"},
    {"tokenizer_class": "DistilBertTokenizer", "do_lower_case": False},
    {"do_lower_case": False, "tokenizer_class": "PreTrainedTokenizerFast"},
    {"do_lower_case": True, "tokenizer_class": "TokenizersBackend"},
]


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("lower", [False, True])
def test_a_configuration_that_contradicts_counts_as_in_transformers(
    config: dict[str, Any] | None, lower: bool, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    definition(tmp_path, lower=lower, accents=None, han=True)
    if config is not None:
        write(tmp_path, "tokenizer_config.json", config)
    ours = load_tokenizer(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in ("The Fox É é e\u0301", "東京 x"):
        # One word, as only what cleans the text may cut it.
        ids = ours.encode(text, [(0, len(text))]).ids.tolist()
        assert ids == theirs(text, add_special_tokens=False)["input_ids"], text


def test_what_the_configuration_changes_is_told(tmp_path: Path) -> None:
    definition(tmp_path, lower=True, accents=None, han=True)
    assert load_tokenizer(tmp_path).notes == []
    write(
        tmp_path,
        "tokenizer_config.json",
        {"do_lower_case": False, "tokenize_chinese_chars": False},
    )
    (note,) = load_tokenizer(tmp_path).notes
    assert "text keeps its case, tokenize_chinese_chars=False, unlike" in note
