"""A vocabulary with fewer pieces cuts texts of its pieces as the whole one does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from tfner.errors import TokenizerError
from tfner.tokenization import load_tokenizer
from tfner.tokenization.encoding import Encoding
from tfner.tokenization.files import TokenizerSettings
from tfner.tokenization.huggingface import FastTokenizer
from tfner.tokenization.japanese import JapaneseTokenizer
from tfner.tokenization.subwords import SentencePieces
from tfner.tokenization.trimming import Vocabulary, trim, vocabulary_of
from tfner.tokenization.words.basic import BasicWords

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = st.text("abcd", min_size=1, max_size=8)
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), max_size=4)
PIECES = st.lists(st.text("abcd", min_size=2, max_size=4), unique=True, max_size=25)


def make(model: Any, **settings: Any) -> FastTokenizer:
    """A tokenizer of the library's model, with the special pieces."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens([*SPECIAL, "[MASK]"])
    plain = TokenizerSettings("any", "whitespace", False, [2], [3], 0, **settings)
    return FastTokenizer(json.loads(tokenizer.to_str()), plain)


def wordpiece(pieces: list[str], seed: int) -> FastTokenizer:
    inner = [f"##{piece}" for piece in pieces[::2]]
    names = [*SPECIAL, "a", "b", "c", "##a", "##b", "##c", *pieces[1::2], *inner]
    vocab = {piece: number for number, piece in enumerate(names)}
    return make(models.WordPiece(vocab, unk_token="[UNK]"))


def unigram(pieces: list[str], seed: int) -> FastTokenizer:
    names = ["a", "b", "c", *pieces]
    scores = (-np.random.default_rng(seed).integers(1, 20, len(names))).tolist()
    vocab = [*((piece, 0.0) for piece in SPECIAL), *zip(names, scores, strict=True)]
    return make(models.Unigram(vocab, 1))


def byte_pairs(pieces: list[str], seed: int) -> FastTokenizer:
    """Merges in any order, of some pieces in several ways."""
    names = [*SPECIAL, *"abc", *sorted(pieces, key=len)]
    vocab = {piece: number for number, piece in enumerate(names)}
    pairs = [
        (piece[:cut], piece[cut:])
        for piece in pieces
        for cut in range(1, len(piece))
        if piece[:cut] in vocab and piece[cut:] in vocab
    ]
    order = np.random.default_rng(seed).permutation(len(pairs))
    merges = [pairs[number] for number in order]
    return make(models.BPE(vocab, merges, unk_token="[UNK]"))


Make = Callable[[list[str], int], FastTokenizer]
MAKERS: dict[str, Make] = {f.__name__: f for f in (wordpiece, unigram, byte_pairs)}


def ids_of(encodings: list[Encoding]) -> list[list[int]]:
    return [encoding.ids.tolist() for encoding in encodings]


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=40)
@given(pieces=PIECES, corpus=TEXTS, others=TEXTS, seed=st.integers(0, 9))
def test_texts_of_kept_pieces_are_cut_as_before(
    kind: str, pieces: list[str], corpus: list[str], others: list[str], seed: int
) -> None:
    tokenizer, vocabulary = vocabulary_of(MAKERS[kind](pieces, seed))
    used = {n for text in corpus for n in tokenizer.encode(text).ids.tolist()}
    kept = vocabulary.kept_for(used)
    small, old = trim(tokenizer, kept)
    assert (small.prefix_ids, small.suffix_ids, small.pad_id) == ([2], [3], 0)
    for text in (*corpus, *others):
        whole, fewer = tokenizer.encode(text), small.encode(text)
        if vocabulary.is_exact(set(whole.ids.tolist()), kept):
            assert old[fewer.ids].tolist() == whole.ids.tolist(), text
            assert fewer.pieces == whole.pieces
            assert fewer.offsets.tolist() == whole.offsets.tolist()


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=20)
@given(pieces=PIECES, text=WORDS, share=st.floats(0, 1))
def test_a_number_keeps_at_most_so_many_pieces_that_can_be_made(
    kind: str, pieces: list[str], text: str, share: float
) -> None:
    tokenizer, vocabulary = vocabulary_of(MAKERS[kind](pieces, 0))
    least, most = len(vocabulary.closed(vocabulary.needed)), len(vocabulary.pieces)
    count = round(least + share * (most - least))
    kept = vocabulary.first(count)
    small, old = trim(tokenizer, kept)
    assert least <= len(kept) <= count
    assert set(small.encode(text).ids.tolist()) <= set(range(len(old)))
    assert vocabulary.first(most) == set(vocabulary.pieces)


@pytest.mark.parametrize("count", [0, 3, 10_000])
def test_numbers_out_of_range_are_refused_with_the_range(count: int) -> None:
    _, vocabulary = vocabulary_of(wordpiece(["ab"], 0))
    with pytest.raises(TokenizerError, match=r"from 5 to 12\.$"):
        vocabulary.first(count)


def test_pieces_for_users_are_never_useful() -> None:
    pieces = dict(enumerate([*SPECIAL, "[unused0]", "the", "a"]))
    vocabulary = Vocabulary(pieces, frozenset(range(4)), 1)
    assert vocabulary.first(5) == {0, 1, 2, 3, 6}
    assert vocabulary.first(7) == {0, 1, 2, 3, 5, 6}


def test_letters_of_other_scripts_go_from_a_unigram_model() -> None:
    pieces = dict(enumerate(["<unk>", "東京", "京", "あ", "。", "д", "ab"]))
    scores = dict.fromkeys(pieces, -1.0)
    vocabulary = Vocabulary(pieces, frozenset({0}), 0, scores=scores)
    assert vocabulary.kept_for([1]) == {0, 1, 2, 4}
    listed = Vocabulary(pieces, frozenset({0}), 0)
    assert listed.kept_for([1]) == {0, 1, 2, 3, 4, 5}


@pytest.mark.slow
def test_every_kind_of_tokenizer_is_trimmed_and_saved(
    tokenizer: Any, tmp_path: Path
) -> None:
    texts = ["Peter flew to (Kyoto), naïve!", "東京大学の田中太郎は1996年に", "2 x 3"]
    whole, vocabulary = vocabulary_of(tokenizer)
    used = {n for text in texts for n in whole.encode(text).ids.tolist()}
    small, old = trim(whole, vocabulary.kept_for(used))
    assert small.vocab_size == len(old) < whole.vocab_size
    small.save(tmp_path)
    again = load_tokenizer(tmp_path)
    for found in (small, again):
        assert found.vocab_size == len(old)
        frame = (*found.prefix_ids, *found.suffix_ids, found.pad_id)
        assert [*old[list(frame)]] == [
            *(*whole.prefix_ids, *whole.suffix_ids, whole.pad_id)
        ]
        assert found.splitter == whole.splitter
        assert ids_of([whole.encode(text) for text in texts]) == [
            old[found.encode(text).ids].tolist() for text in texts
        ]


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char"])
def test_models_of_sentencepiece_are_trimmed(kind: str, tmp_path: Path) -> None:
    import sentencepiece

    texts = ["tokyo and kyoto are in japan", "oslo is not in japan", "kyoto, 1996"] * 9
    (tmp_path / "corpus.txt").write_text("\n".join(texts), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "corpus.txt"),
        model_prefix=str(tmp_path / "spiece"),
        model_type=kind,
        vocab_size=45 if kind != "char" else 28,
        hard_vocab_limit=False,
        user_defined_symbols=["[PAD]", "[CLS]", "[SEP]", "[MASK]"],
        unk_piece="[UNK]",
        num_threads=1,
        minloglevel=2,
    )
    subwords = SentencePieces(tmp_path / "spiece.model")
    names = {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]"}
    special = {f"{role}_token": piece for role, piece in names.items()}
    ids = {piece: subwords.id_of(piece) for piece in names.values()}
    plain = TokenizerSettings(
        *("basic-sentencepiece", "basic", False),
        *([ids["[CLS]"]], [ids["[SEP]"]], ids["[PAD]"]),
    )
    whole = JapaneseTokenizer(
        *(BasicWords(lower_case=False), subwords, plain),
        special=special,
        vocab_size=subwords.size,
    )
    _, vocabulary = vocabulary_of(whole)
    used = set(whole.encode("kyoto is in japan").ids.tolist())
    kept = vocabulary.kept_for(used)
    small, old = trim(whole, kept)
    assert len(old) < whole.vocab_size or kind == "char"
    covered = 0
    for text in (*texts[:3], "kyoto in japan", "and oslo", "xyz"):
        pieces = whole.encode(text)
        if vocabulary.is_exact(set(pieces.ids.tolist()), kept):
            covered += 1
            fewer = small.encode(text)
            assert fewer.pieces == pieces.pieces
            assert old[fewer.ids].tolist() == pieces.ids.tolist()
    assert covered >= 1


def test_tokenizers_of_others_are_refused() -> None:
    class Own:
        pass

    with pytest.raises(TokenizerError, match="Received: Own"):
        vocabulary_of(Own())  # type: ignore[arg-type]
