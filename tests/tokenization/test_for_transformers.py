"""A saved tokenizer is one for transformers, too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

JAPANESE = "三代目 J SOUL BROTHERSは晴天、㈱ＡＢＣ1,000円"


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
    from tfner.inference.native_bundle import write_json
    from tfner.tokenization import load_tokenizer
    from tfner.tokenization.for_transformers import tokenizer_config

    folder = write_japanese(tmp_path / "model", kind, mecab_dic="ipadic")
    ours = load_tokenizer(
        folder,
        dictionary=ipadic_copy(tmp_path) if " " in dictionary else dictionary,
        user_dictionary=tmp_path / "user.csv" if user else None,
    )
    ours.save(tmp_path / "out")
    config = tokenizer_config(tmp_path / "out", longest=512)
    write_json(tmp_path / "out" / "tokenizer_config.json", config)
    monkeypatch.chdir(tmp_path / "out")  # MeCab takes relative paths from there
    theirs = transformers.AutoTokenizer.from_pretrained(".")
    found = ours.encode(JAPANESE)
    assert list(found.pieces) == theirs.tokenize(JAPANESE)
    ids = [*ours.prefix_ids, *found.ids.tolist(), *ours.suffix_ids]
    assert theirs(JAPANESE)["input_ids"] == ids
    assert theirs.model_max_length == 512
