"""What `load_tokenizer` reads, guesses, saves and refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner.document import Word
from tfner.errors import StorageError, TokenizerError
from tfner.tokenization import load_tokenizer
from tfner.tokenization.huggingface import FastTokenizer
from tfner.tokenization.words.splitters import split_whitespace

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def write_vocab(folder: Path, *pieces: str) -> Path:
    (folder / "vocab.txt").write_text(
        "\n".join([*SPECIALS, *pieces]) + "\n", encoding="utf-8"
    )
    return folder


def write_config(folder: Path, **content: Any) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps(content))


GUESSES = {
    "bert_base_cased": ("wordpiece", "punctuation", False, [101], [102], 0),
    "bert_base_uncased": ("wordpiece", "punctuation", True, [101], [102], 0),
    "bert_base_japanese_wwm_ipadic": ("mecab-wordpiece", "mecab", False, [2], [3], 0),
    "roberta_base": ("bpe", "punctuation", False, [0], [2], 1),
    "bert_japanese_sentencepiece": ("sentencepiece", "pieces", False, [2], [3], 0),
}


@pytest.mark.parametrize("name", GUESSES)
def test_bare_vocabularies_are_recognised_and_the_guess_announced(
    shared: Path, name: str
) -> None:
    found = load_tokenizer(shared / "vocab" / name)
    settings = found.settings
    assert (
        settings.kind,
        found.splitter,
        settings.lower_case,
        found.prefix_ids,
        found.suffix_ids,
        found.pad_id,
    ) == GUESSES[name]
    assert found.notes


def test_a_hugging_face_directory_is_taken_at_its_word(minilm: Path) -> None:
    found = load_tokenizer(str(minilm))
    assert found.notes == []
    assert (found.prefix_ids, found.suffix_ids, found.pad_id) == ([101], [102], 0)
    assert found.vocab_size == 30522
    assert found.encode("Héllo").pieces == ("hello",)


def test_guesses_can_be_overridden(tmp_path: Path) -> None:
    write_vocab(tmp_path, "abc", "か", "が", "がく", "A")
    assert load_tokenizer(tmp_path).splitter == "mecab"
    plain = load_tokenizer(tmp_path, word_splitter="whitespace", lower_case=True)
    assert (plain.settings.kind, plain.splitter) == ("wordpiece", "whitespace")
    assert plain.encode("ABC").pieces == ("abc",)
    assert load_tokenizer(tmp_path).encode("ABC").pieces == ("[UNK]",)


def test_lower_case_overrides_a_tokenizer_json(
    minilm: Path, xlmr_like: Path, tmp_path: Path
) -> None:
    cased = load_tokenizer(minilm, lower_case=False)
    assert cased.encode("Hello").pieces == ("[UNK]",)
    lowered = load_tokenizer(xlmr_like, lower_case=True)
    assert lowered.encode("THE").pieces == lowered.encode("the").pieces
    lowered.save(tmp_path)
    assert load_tokenizer(tmp_path).settings.lower_case
    back = load_tokenizer(tmp_path, lower_case=False)
    assert back.encode("THE").pieces == load_tokenizer(xlmr_like).encode("THE").pieces


def test_the_configuration_decides_over_the_guess(tmp_path: Path) -> None:
    write_vocab(tmp_path, "École", "ecole", "École", "e")
    lines = (tmp_path / "vocab.txt").read_text("utf-8").replace("École\ne\n", "e\n")
    (tmp_path / "vocab.txt").write_text(lines, "utf-8")
    write_config(tmp_path, tokenizer_class="BertTokenizer", do_lower_case=True)
    found = load_tokenizer(tmp_path)
    assert found.encode("École").pieces == ("ecole",)
    write_config(
        tmp_path,
        tokenizer_class="BertTokenizer",
        do_lower_case=True,
        strip_accents=False,
    )
    assert load_tokenizer(tmp_path).encode("École").pieces == ("[UNK]",)
    assert found.notes == []


TEXT = "Ångström's (ＡＢＣ) ㈱日立 ｶﾞﾗｽ, 50℃… 👩‍👧 cafe\u0301 東京大学"


def test_a_saved_tokenizer_is_the_same(
    tokenizer: FastTokenizer, tmp_path: Path
) -> None:
    tokenizer.save(tmp_path)
    again = load_tokenizer(tmp_path)
    assert again.settings == tokenizer.settings
    assert again.vocab_size == tokenizer.vocab_size
    before, after = tokenizer.encode(TEXT), again.encode(TEXT)
    assert after.pieces == before.pieces
    assert after.words == before.words
    assert after.ids.tolist() == before.ids.tolist()
    assert after.offsets.tolist() == before.offsets.tolist()


def test_saved_wordpiece_has_the_vocabulary_file_of_old_clients(
    shared: Path, tokenizers: dict[str, FastTokenizer], tmp_path: Path
) -> None:
    tokenizers["mecab"].save(tmp_path)
    source = shared / "vocab" / "bert_base_japanese_wwm_ipadic" / "vocab.txt"
    assert (tmp_path / "vocab.txt").read_bytes() == source.read_bytes()


def test_a_saved_tokenizer_needs_no_transformers(
    tokenizers: dict[str, FastTokenizer], tmp_path: Path
) -> None:
    tokenizers["sentencepiece"].save(tmp_path)
    code = (
        "import sys; sys.modules.update(transformers=None, sentencepiece=None,"
        " tensorflow=None, keras=None)\n"
        "from tfner.tokenization import load_tokenizer\n"
        f"assert load_tokenizer({str(tmp_path)!r}).encode('東京大学').pieces\n"
        "assert 'fugashi' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_the_users_own_splitter_is_used_and_asked_for_again(
    minilm: Path, tmp_path: Path
) -> None:
    def halves(text: str) -> list[Word]:
        return [Word(0, len(text) // 2), Word(len(text) // 2, len(text))]

    found = load_tokenizer(minilm, word_splitter=halves)
    assert found.encode("abcd").words == ((0, 2), (2, 4))
    found.save(tmp_path)
    with pytest.raises(TokenizerError, match="pass it as word_splitter"):
        load_tokenizer(tmp_path)
    assert load_tokenizer(tmp_path, word_splitter=halves).splitter == "custom"


def train_sentencepiece(folder: Path, **options: Any) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    sentences = [
        "the quick brown fox jumps over the lazy dog",
        "pack my box with five dozen liquor jugs",
        "how vexingly quick daft zebras jump",
        "the five boxing wizards jump quickly over the box",
    ]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 20),
        model_prefix=str(folder / "spm"),
        minloglevel=2,
        hard_vocab_limit=options.get("model_type") != "unigram",
        **options,
    )


VARIANTS: dict[str, dict[str, Any]] = {
    "unigram": {"model_type": "unigram", "vocab_size": 70},
    "bpe": {"model_type": "bpe", "vocab_size": 80},
    "char": {"model_type": "char", "vocab_size": 30},
    "byte_fallback": {"model_type": "bpe", "vocab_size": 340, "byte_fallback": True},
    "identity": {"model_type": "unigram", "vocab_size": 70,
                 "normalization_rule_name": "identity"},
    "user_defined": {"model_type": "unigram", "vocab_size": 70,
                     "user_defined_symbols": "(,fox"},
    "case_folded": {"model_type": "unigram", "vocab_size": 70,
                    "normalization_rule_name": "nmt_nfkc_cf"},
}  # fmt: skip


@pytest.mark.parity
@pytest.mark.parametrize("name", VARIANTS)
def test_sentencepiece_models_of_every_kind_equal_the_library(
    name: str, tmp_path: Path
) -> None:
    train_sentencepiece(tmp_path, **VARIANTS[name])
    import sentencepiece

    library = sentencepiece.SentencePieceProcessor(
        model_file=str(tmp_path / "spm.model")
    )
    found = load_tokenizer(tmp_path, word_splitter="pieces")
    assert (found.prefix_ids, found.suffix_ids) == ([1], [2])
    for text in ["the quick fox jumps", "(boxing) Wizards  ｆｏｘ é", "dog, five-box"]:
        assert found.encode(text).ids.tolist() == library.encode(text), text


def test_a_sentencepiece_model_of_words_is_refused(tmp_path: Path) -> None:
    train_sentencepiece(tmp_path, model_type="word", vocab_size=20)
    with pytest.raises(TokenizerError, match="whole words"):
        load_tokenizer(tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_a_renumbered_sentencepiece_directory_is_read_by_transformers(
    tmp_path: Path,
) -> None:
    transformers = pytest.importorskip("transformers")
    train_sentencepiece(tmp_path, model_type="unigram", vocab_size=70)
    (tmp_path / "spm.model").rename(tmp_path / "sentencepiece.bpe.model")
    (tmp_path / "config.json").write_text('{"model_type": "xlm-roberta"}')
    write_config(tmp_path, tokenizer_class="XLMRobertaTokenizer")
    found = load_tokenizer(tmp_path)
    auto = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in ["the lazy dog", "quick ｆｏｘ é", "boxing (daft) zebras"]:
        expected = auto(text.split(), is_split_into_words=True)["input_ids"]
        ids = found.encode(text, split_whitespace(text)).ids.tolist()
        assert [*found.prefix_ids, *ids, *found.suffix_ids] == expected
    assert found.pad_id == auto.pad_token_id


def damage_json(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"model": ')


def damage_model(folder: Path) -> None:
    model = {"type": "WordPiece", "vocab": {"a": "b"}}
    (folder / "tokenizer.json").write_text(json.dumps({"model": model}))


def no_model(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')


def empty_json(folder: Path) -> None:
    model = {"type": "WordPiece", "vocab": {}}
    (folder / "tokenizer.json").write_text(json.dumps({"model": model}))


def list_json(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("[1]")


def empty_vocab(folder: Path) -> None:
    (folder / "vocab.txt").write_text("\n\n")


def no_specials(folder: Path) -> None:
    (folder / "vocab.txt").write_text("[PAD]\n[CLS]\nword\n")


def repeated(folder: Path) -> None:
    write_vocab(folder, "a", "b", "a")


def not_utf8(folder: Path) -> None:
    (folder / "vocab.txt").write_bytes(b"[UNK]\n\xff\xfe\n")


def bad_bpe(folder: Path) -> None:
    (folder / "vocab.json").write_text('{"<s>": 0, "</s>": 1, "<unk>": 2, "a": 3}')
    (folder / "merges.txt").write_text("#version: 0.2\nq x\n")


def bpe_without_specials(folder: Path) -> None:
    (folder / "vocab.json").write_text('{"a": 3}')
    (folder / "merges.txt").write_text("#version: 0.2\n")


def bad_sentencepiece(folder: Path) -> None:
    (folder / "x.model").write_bytes(b"no protobuf at all")


def empty_sentencepiece(folder: Path) -> None:
    (folder / "x.model").write_bytes(b"")


def nothing(folder: Path) -> None:
    (folder / "readme.txt").write_text("x")


def foreign(folder: Path) -> None:
    write_config(folder, tokenizer_class="NoSuchTokenizer")
    (folder / "x.model").write_bytes(b"x")


def settings_alone(folder: Path) -> None:
    """transformers would invent a tokenizer of five pieces."""
    write_config(folder, tokenizer_class="BertTokenizer", do_lower_case=True)
    (folder / "config.json").write_text('{"model_type": "bert"}')


ERRORS: list[tuple[Callable[[Path], None], str]] = [
    (damage_json, "tokenizer.json: damaged"),
    (damage_model, "must map pieces to integers"),
    (no_model, "holds no model"),
    (empty_json, "vocabulary is empty"),
    (list_json, "JSON object"),
    (empty_vocab, "vocabulary is empty"),
    (no_specials, r"needs \[UNK\], \[SEP\]"),
    (repeated, "vocab.txt:5: the piece 'a' is on 2 lines"),
    (not_utf8, "no UTF-8"),
    (bad_bpe, "merges.txt: does not fit"),
    (bpe_without_specials, "needs <s>, </s>, <unk>"),
    (bad_sentencepiece, "no SentencePiece model"),
    (empty_sentencepiece, "model is empty"),
    (nothing, "no vocabulary: none of tokenizer.json, vocab.txt"),
    (settings_alone, "no vocabulary: .* its directory: --tokenizer DIR"),
    (foreign, "transformers gives no fast tokenizer"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("damage", "message"), ERRORS, ids=lambda e: getattr(e, "__name__", "")
)
def test_unusable_directories_get_one_clear_sentence(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(tmp_path)
    no_object = damage in (damage_json, list_json, not_utf8)
    expected = StorageError if no_object else TokenizerError
    with pytest.raises(expected, match=message) as error:
        load_tokenizer(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["/no/such/directory", "./nowhere", Path("nowhere")])
def test_a_missing_directory_is_named(name: str | Path) -> None:
    with pytest.raises(TokenizerError, match="no such tokenizer directory"):
        load_tokenizer(name)


def test_an_id_that_the_hub_does_not_give_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import huggingface_hub

    def fail(*_: Any, **__: Any) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(StorageError, match="model hub does not give it"):
        load_tokenizer("owner/no-such-model")


def test_an_id_is_downloaded_from_the_hub(
    minilm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked: list[Any] = []

    def download(name: str, *, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(minilm)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert load_tokenizer("owner/model").vocab_size == 30522
    assert asked[0][0] == "owner/model"
    assert not any("safetensors" in pattern for pattern in asked[0][1])


@pytest.mark.parametrize(
    ("name", "key"),
    [("config.json", "model_type"), ("special_tokens_map.json", "cls_token")],
)
def test_a_wrong_value_is_told_of_its_file(name: str, key: str, tmp_path: Path) -> None:
    write_config(tmp_path, do_lower_case=True)
    (tmp_path / name).write_text(json.dumps({key: 7}))
    with pytest.raises(StorageError, match=f"{name}: `{key}` must be"):
        load_tokenizer(tmp_path)
    write_config(tmp_path, **{key: True})  # which has the last word
    with pytest.raises(StorageError, match=f"tokenizer_config.json: `{key}` must be"):
        load_tokenizer(tmp_path)
