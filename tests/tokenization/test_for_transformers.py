"""A saved tokenizer is one for transformers, too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.marks import words_between_spaces
from tfner.tokenization import load_tokenizer
from tfner.tokenization.files import write_json
from tfner.tokenization.for_transformers import save_for_transformers

INPUTS = {"input_ids", "token_type_ids", "attention_mask"}
JAPANESE = "三代目 J SOUL BROTHERSは晴天、㈱ＡＢＣ1,000円"


def save_beside_model(tokenizer: Any, folder: Path, **model: Any) -> None:
    folder.mkdir()
    write_json(folder / "config.json", model)
    save_for_transformers(tokenizer, folder, longest=512)


def write_japanese(folder: Path, kind: str, **mecab: Any) -> Path:
    """A Hugging Face directory, and beside it a user dictionary."""
    folder.mkdir()
    (folder.parent / "user.csv").write_text(
        "三代目 J SOUL BROTHERS,1288,1288,1,名詞,固有名詞,一般\n", "utf-8"
    )
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"三代目JSOUBRTHE晴天は、1,0円"]
    lines = "".join(f"{piece}\n" for piece in dict.fromkeys(pieces))
    (folder / "vocab.txt").write_text(lines, "utf-8")
    if kind == "sentencepiece":
        sentencepiece = pytest.importorskip("sentencepiece")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([JAPANESE] * 20),
            model_prefix=str(folder / "spiece"),
            minloglevel=2,
            vocab_size=60,
            hard_vocab_limit=False,
        )
    config = {
        "tokenizer_class": "BertJapaneseTokenizer",
        "word_tokenizer_type": "mecab",
        "subword_tokenizer_type": kind,
        "mecab_kwargs": mecab,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    return folder


def ipadic_copy(folder: Path) -> Path:
    import ipadic

    return Path(shutil.copytree(ipadic.DICDIR, folder / "copy"))


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["wordpiece", "character", "sentencepiece"])
@pytest.mark.parametrize("dictionary", ["ipadic", "unidic_lite", "a directory"])
@pytest.mark.parametrize("user", [False, True], ids=["", "user dictionary"])
def test_a_japanese_tokenizer_reaches_transformers_with_its_mecab(
    kind: str,
    dictionary: str,
    user: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip(dictionary.replace("a directory", "ipadic"))
    folder = write_japanese(tmp_path / "model", kind, mecab_dic="ipadic")
    ours = load_tokenizer(
        folder,
        dictionary=ipadic_copy(tmp_path) if " " in dictionary else dictionary,
        user_dictionary=tmp_path / "user.csv" if user else None,
    )
    save_beside_model(ours, tmp_path / "out", model_type="bert", type_vocab_size=2)
    monkeypatch.chdir(tmp_path / "out")  # MeCab takes relative paths from there
    theirs = transformers.AutoTokenizer.from_pretrained(".")
    found = ours.encode(JAPANESE)
    assert list(found.pieces) == theirs.tokenize(JAPANESE)
    ids = [*ours.prefix_ids, *found.ids.tolist(), *ours.suffix_ids]
    assert theirs(JAPANESE)["input_ids"] == ids
    assert theirs.model_max_length == 512
    assert set(theirs(JAPANESE)) == INPUTS


PIPELINES = {
    "minilm": {},
    "wordpiece": {},
    "stripped": {"do_lower_case": False, "strip_accents": True},
    "together": {"tokenize_chinese_chars": False, "do_lower_case": True},
    "bpe": {},
    "unigram": {},
}
"""The tokenizer, or a change to BERT's cased one -> the settings of that change."""
PARTS = ("Kyoto", "café", "Ç", "東京", "(", "'s", ".", "é", "İ", "e\u0301")


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", PIPELINES)
@pytest.mark.parametrize(
    ("model_type", "segments"), [("bert", 2), ("xlm-roberta", 1), ("distilbert", 0)]
)
def test_transformers_cuts_text_alike_and_makes_the_inputs_of_the_model(
    kind: str,
    model_type: str,
    segments: int,
    tokenizers: dict[str, Any],
    shared: Path,
    tmp_path: Path,
) -> None:
    transformers = pytest.importorskip("transformers")
    ours = tokenizers.get(kind)
    if ours is None:
        write_json(tmp_path / "tokenizer_config.json", PIPELINES[kind])
        shutil.copy(shared / "vocab" / "bert_base_cased" / "vocab.txt", tmp_path)
        ours = load_tokenizer(tmp_path)
    out = tmp_path / "out"
    save_beside_model(ours, out, model_type=model_type, type_vocab_size=segments)
    theirs = transformers.AutoTokenizer.from_pretrained(out)
    assert len(theirs) == ours.vocab_size
    expected = INPUTS if segments > 1 else INPUTS - {"token_type_ids"}
    assert set(theirs("Kyoto")) == expected

    @settings(deadline=None, max_examples=30)
    @given(st.lists(st.lists(st.sampled_from(PARTS), min_size=1).map("".join)))
    def same(words: list[str]) -> None:
        text = " ".join(words)
        ids = ours.encode(text, words_between_spaces(text)).ids.tolist()
        expected = [*ours.prefix_ids, *ids, *ours.suffix_ids]
        assert theirs(text)["input_ids"] == expected, text

    same()
