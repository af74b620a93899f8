"""Tokenizers as the families of encoders come with them, beside transformers'."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

from tfner.errors import TokenizerError
from tfner.tokenization import load_tokenizer

CORPUS = [
    "the quick brown fox jumps over the lazy dog",
    "Anna lives in Oslo and works for Acme Corp",
    "some more text with numbers 123 and café (Kyoto)",
] * 20
TEXTS = [
    "Anna lives in Oslo",
    "the quick (brown) fox",
    "café cafe\u0301 dog",
    "works for Acme Corp",
    " leading space",
]
Write = Callable[..., Path]


@pytest.fixture
def sentencepiece(tmp_path: Path) -> Write:
    """Writes a directory with a small SentencePiece model and its configuration."""
    library = pytest.importorskip("sentencepiece")

    def write(file: str, model_type: str, config: dict[str, Any] | None) -> Path:
        folder = tmp_path / "directory"
        folder.mkdir()
        with (folder / file).open("wb") as target:
            library.SentencePieceTrainer.train(
                sentence_iterator=iter(CORPUS),
                model_writer=target,
                vocab_size=90,
                hard_vocab_limit=False,
                pad_id=0,
                unk_id=1,
                bos_id=2,
                eos_id=3,
                pad_piece="[PAD]" if model_type != "albert" else "<pad>",
                unk_piece="[UNK]" if model_type != "albert" else "<unk>",
                bos_piece="[CLS]",
                eos_piece="[SEP]",
                minloglevel=2,
            )
        model = {"model_type": model_type, "vocab_size": 100}
        (folder / "config.json").write_text(json.dumps(model), "utf-8")
        if config is not None:
            text = json.dumps(config)
            (folder / "tokenizer_config.json").write_text(text, "utf-8")
        return folder

    return write


def theirs(folder: Path) -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(folder)


def check_equal(folder: Path) -> None:
    """Whole texts, with what stands around them, give the ids of transformers."""
    ours, reference = load_tokenizer(folder), theirs(folder)
    assert ours.pad_id == reference.pad_token_id
    for text in TEXTS:
        ids = [*ours.prefix_ids, *ours.encode(text).ids.tolist(), *ours.suffix_ids]
        assert ids == reference(text)["input_ids"], text


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("file", "model_type", "config"),
    [
        ("spm.model", "deberta-v2", {"do_lower_case": False, "vocab_type": "spm"}),
        ("spm.model", "deberta-v2", {"tokenizer_class": "DebertaV2Tokenizer"}),
        ("spm.model", "deberta-v2", {"do_lower_case": True}),
        ("spiece.model", "albert", None),
        ("spiece.model", "albert", {"do_lower_case": False, "keep_accents": True}),
    ],
)
def test_sentencepiece_models_give_the_ids_of_transformers(
    file: str, model_type: str, config: Any, sentencepiece: Write
) -> None:
    check_equal(sentencepiece(file, model_type, config))


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
def test_tokenizer_files_of_deberta_give_the_ids_of_transformers(
    sentencepiece: Write, tmp_path: Path
) -> None:
    config = {"tokenizer_class": "DebertaV2Tokenizer"}
    theirs(sentencepiece("spm.model", "deberta-v2", config)).save_pretrained(
        tmp_path / "saved"
    )
    assert (tmp_path / "saved" / "tokenizer.json").is_file()
    check_equal(tmp_path / "saved")
    load_tokenizer(tmp_path / "saved").save(tmp_path / "ours")
    again = load_tokenizer(tmp_path / "ours")
    for text in TEXTS:
        expected = load_tokenizer(tmp_path / "saved").encode(text)
        assert again.encode(text).ids.tolist() == expected.ids.tolist()


@pytest.mark.parity
@pytest.mark.parametrize("name", ["deberta-v2", "rembert"])
def test_sentencepiece_itself_decides_how_text_is_normalised(
    name: str, sentencepiece: Write
) -> None:
    library = pytest.importorskip("sentencepiece")
    file = "spm.model" if name == "deberta-v2" else "sentencepiece.model"
    folder = sentencepiece(file, name, None)
    model = library.SentencePieceProcessor(model_file=str(folder / file))
    for text in [*TEXTS, "Ｏｓｌｏ １２３", "tab\tand  spaces"]:
        whole = load_tokenizer(folder).encode(text, [(0, len(text))])
        assert whole.ids.tolist() == model.encode(text), text


def test_a_split_that_sentencepiece_does_not_know_is_refused(
    sentencepiece: Write,
) -> None:
    folder = sentencepiece("spm.model", "deberta-v2", {"split_by_punct": True})
    with pytest.raises(TokenizerError, match="`split_by_punct` is not supported"):
        load_tokenizer(folder)


@pytest.fixture
def byte_level(tmp_path: Path) -> Write:
    """Writes a directory with a byte-level BPE as ModernBERT has it."""

    def write(*, add_prefix_space: bool) -> Path:
        tokenizer = tokenizers.Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(
            add_prefix_space=add_prefix_space
        )
        special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
        trainer = trainers.BpeTrainer(
            vocab_size=350,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(CORPUS, trainer)
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
        folder = tmp_path / "byte-level"
        folder.mkdir()
        tokenizer.save(str(folder / "tokenizer.json"))
        roles = ("unk_token", "cls_token", "sep_token", "pad_token", "mask_token")
        config = dict(zip(roles, special, strict=True))
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
        (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
        return folder

    return write


@pytest.mark.parity
@pytest.mark.parametrize("add_prefix_space", [False, True])
def test_byte_level_pieces_are_those_of_transformers_from_the_first_word_on(
    add_prefix_space: bool, byte_level: Write, tmp_path: Path
) -> None:
    folder = byte_level(add_prefix_space=add_prefix_space)
    check_equal(folder)
    first = load_tokenizer(folder).encode("Anna lives").pieces[0]
    assert first.startswith("Ġ") == add_prefix_space
    load_tokenizer(folder).save(tmp_path / "saved")
    assert load_tokenizer(tmp_path / "saved").encode("Anna lives").pieces[0] == first


def test_tokenizers_saved_before_mark_the_first_word_as_they_did(
    byte_level: Write, tmp_path: Path
) -> None:
    load_tokenizer(byte_level(add_prefix_space=False)).save(tmp_path / "saved")
    file = tmp_path / "saved" / "tokenizer_settings.json"
    settings = json.loads(file.read_text("utf-8"))
    assert settings.pop("marks_start") is False
    file.write_text(json.dumps(settings), "utf-8")
    assert load_tokenizer(tmp_path / "saved").encode("Anna").pieces[0].startswith("Ġ")
