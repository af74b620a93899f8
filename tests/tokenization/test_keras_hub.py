"""Tokenizers of KerasHub presets cut text into KerasHub's pieces, without KerasHub."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.errors import TokenizerError
from tfner.tokenization import load_tokenizer

TEXTS = (
    "Ada Lovelace was born in London, in 1815.",
    "Größe und Straße ΣΊΣΥΦΟΣ ﬁne Café déjà-vu ½ (Kyoto)",
    "東京都 is the capital of 日本; don't you know?",
    "Ａda ada",
)
LETTERS = "abcdefghijklmnoprstuvyABCDKLSTéÉäßŁłσςΣяЯİﬁ½ .,-'(東ーガ\u0301"
words = st.text(LETTERS, max_size=30)


def hub(kind: str, *args: Any, **settings: Any) -> Any:
    keras_hub = pytest.importorskip(
        "keras_hub", reason="pip install --no-deps keras-hub"
    )
    return getattr(keras_hub.models, kind)(*args, **settings)


def wordpiece(kind: str = "BertTokenizer", **settings: Any) -> Any:
    letters = sorted(
        set("abcdefghijklmnopqrstuvwxyzABLKécäßσ東京都日本.,-()'½:;?1458я")
    )
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ada", "was", "##lace"]
    pieces += [*letters, *(f"##{letter}" for letter in letters)]
    return hub(kind, pieces, **settings)


def bpe() -> Any:
    from tokenizers.pre_tokenizers import ByteLevel

    names = ["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet())]
    merges = ["Ġ w", "a s", "Ġw as", "i n", "Ġ in"]
    names += [merge.replace(" ", "") for merge in merges]
    vocabulary = {name: number for number, name in enumerate([*names, "<mask>"])}
    return hub("RobertaTokenizer", vocabulary, merges)


def spm(kind: str, **settings: Any) -> Any:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 3),
        model_writer=model,
        vocab_size=100,
        hard_vocab_limit=False,
        minloglevel=2,
        **settings,
    )
    return hub(kind, model.getvalue())


BERT_PIECES = {"bos_piece": "[CLS]", "eos_piece": "[SEP]"}
DEBERTA = {**BERT_PIECES, "pad_piece": "[PAD]", "unk_piece": "[UNK]"}
DEBERTA |= {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
ALBERT = {**BERT_PIECES, "pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3}
ALBERT |= {"user_defined_symbols": "[MASK]"}
TOKENIZERS: dict[str, Callable[[], Any]] = {
    "BERT": wordpiece,
    "BERT, folded": lambda: wordpiece(lowercase=True),
    "BERT, stripped": lambda: wordpiece(lowercase=True, strip_accents=True),
    "ELECTRA": lambda: wordpiece("ElectraTokenizer", lowercase=True),
    "DistilBERT": lambda: wordpiece("DistilBertTokenizer"),
    "RoBERTa": bpe,
    "XLM-R": lambda: spm("XLMRobertaTokenizer", unk_id=0, bos_id=1, eos_id=2),
    "DeBERTa": lambda: spm("DebertaV3Tokenizer", **DEBERTA),
    "ALBERT": lambda: spm("AlbertTokenizer", **ALBERT),
}


def save(tokenizer: Any, folder: Path) -> Path:
    tokenizer.save_to_preset(str(folder))
    return folder


def spaced(text: str) -> list[tuple[int, int]]:
    """The words between spaces."""
    ranges, start = [], 0
    for word in text.split():
        start = text.index(word, start)
        ranges.append((start, start + len(word)))
        start += len(word)
    return ranges


@pytest.mark.parity
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_ids_are_those_of_kerashub(kind: str, tmp_path: Path) -> None:
    theirs = TOKENIZERS[kind]()
    ours = load_tokenizer(save(theirs, tmp_path))
    for text in TEXTS:
        expected = np.asarray(theirs(text)).tolist()
        assert ours.encode(text, spaced(text)).ids.tolist() == expected, text
    special = (theirs.start_token_id, theirs.end_token_id, theirs.pad_token_id)
    assert (*ours.prefix_ids, *ours.suffix_ids, ours.pad_id) == special
    assert ours.vocab_size == theirs.vocabulary_size()
    assert ours.id_of(theirs.id_to_token(theirs.mask_token_id)) == theirs.mask_token_id


@pytest.mark.parity
def test_folded_words_are_those_of_kerashub(tmp_path: Path) -> None:
    theirs = wordpiece(lowercase=True)
    ours = load_tokenizer(save(theirs, tmp_path))

    @settings(max_examples=200, deadline=None)
    @given(words)
    def check(text: str) -> None:
        expected = np.asarray(theirs(text)).tolist()
        assert ours.encode(text, spaced(text)).ids.tolist() == expected

    check()


@pytest.mark.parity
def test_a_preset_tells_whether_text_is_lower_cased(tmp_path: Path) -> None:
    folder = save(wordpiece(lowercase=True), tmp_path)
    assert load_tokenizer(folder).settings.lower_case
    cased = load_tokenizer(folder, lower_case=False)
    assert cased.encode("Ada").ids.tolist() == np.asarray(wordpiece()("Ada")).tolist()
    cased.save(tmp_path / "saved")
    again = load_tokenizer(tmp_path / "saved").encode("Ada")
    assert again.ids.tolist() == cased.encode("Ada").ids.tolist()


def record(folder: Path, **config: Any) -> Path:
    """Write a preset's tokenizer.json; return where its vocabulary belongs."""
    content = {"class_name": "BertTokenizer", "registered_name": "x", "config": config}
    (folder / "tokenizer.json").write_text(json.dumps(content))
    assets = folder / "assets" / "tokenizer"
    assets.mkdir(parents=True)
    return assets


def test_a_missing_vocabulary_is_one_sentence(tmp_path: Path) -> None:
    record(tmp_path)
    with pytest.raises(TokenizerError, match=r"none of vocabulary\.txt, .*--tokenizer"):
        load_tokenizer(tmp_path)


def test_other_marks_of_pieces_are_refused(tmp_path: Path) -> None:
    (record(tmp_path, oov_token="<unk>") / "vocabulary.txt").write_text("<unk>\n")
    with pytest.raises(TokenizerError, match="oov_token='<unk>'; only"):
        load_tokenizer(tmp_path)


def test_a_damaged_vocabulary_is_named(tmp_path: Path) -> None:
    (record(tmp_path) / "vocabulary.txt").write_text("[UNK]\n[CLS]\n")
    with pytest.raises(TokenizerError, match=r"vocabulary\.txt: the vocabulary needs"):
        load_tokenizer(tmp_path)
