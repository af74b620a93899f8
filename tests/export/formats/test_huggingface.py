"""A Hugging Face directory is one for transformers, and one for tfner."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tfner.document import Document
from tfner.errors import CheckpointError, ExportError, StorageError

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

TEXT = "anna met bert in paris, and monday"


def export_huggingface(bundle: Bundle, folder: Path) -> Any:
    from tfner_export.publish import export

    return export(bundle, folder, format="huggingface")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle) -> Path:
    folder: Path = tmp_path_factory.mktemp("huggingface") / "model"
    return export_huggingface(bundle, folder).directory


def test_tfner_predicts_the_same_from_the_directory(
    bundle: Bundle, directory: Path
) -> None:
    from tfner.inference.predictor import Predictor

    texts = bundle.selftest.texts[:3]
    expected = Predictor.load(bundle.directory).predict(texts)
    assert Predictor.load(directory).predict(texts) == expected


@pytest.mark.torch
@pytest.mark.parity
def test_transformers_computes_the_same_logits(bundle: Bundle, directory: Path) -> None:
    torch = pytest.importorskip("torch")
    import transformers

    model = transformers.AutoModelForTokenClassification.from_pretrained(directory)
    window = bundle.task.encode(Document("1", TEXT)).windows[0]
    ids = np.array([window.features["input_ids"]])
    with torch.no_grad():
        expected = model(input_ids=torch.tensor(ids, dtype=torch.long)).logits.numpy()
    at = window.features["labeled_positions"]
    features = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
        "labeled_positions": np.array([at]),
    }
    found = np.array(bundle.load_model()(features))
    assert np.abs(found - expected[:, at]).max() < 2e-5
    assert model.config.id2label == bundle.label_set.id2label


@pytest.mark.parity
def test_transformers_cuts_the_same_pieces(bundle: Bundle, directory: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    window = bundle.task.encode(Document("1", TEXT)).windows[0]
    assert tokenizer(TEXT)["input_ids"] == window.features["input_ids"].tolist()
    assert (tokenizer.cls_token, tokenizer.pad_token) == ("[CLS]", "[PAD]")
    assert tokenizer.mask_token == "[MASK]"
    assert tokenizer.model_max_length == bundle.task.max_length


@pytest.mark.torch
@pytest.mark.parity
def test_the_pipeline_of_transformers_tags_the_first_pieces_alike(
    bundle: Bundle, directory: Path
) -> None:
    pytest.importorskip("torch")
    import transformers

    from tfner.inference.predictor import Predictor

    run = transformers.pipeline("ner", model=str(directory), ignore_labels=[])
    theirs = {found["start"]: found["entity"] for found in run(TEXT)}
    (ours,) = Predictor.load(bundle.directory).predict([TEXT])
    assert ours.words is not None
    assert ours.tags is not None
    for word, tag in zip(ours.words, ours.tags, strict=True):
        assert theirs[word.start] == tag


def test_an_encoder_that_the_format_cannot_express_is_an_error(
    tmp_path: Path, foreign_bundle: Bundle
) -> None:
    with pytest.raises(CheckpointError, match="only an encoder "):
        export_huggingface(foreign_bundle, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_does_not_give_the_model_again_is_not_published(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfner_export.formats import huggingface

    def load_another(directory: Path) -> Any:
        tagger = bundle.load_model()
        bias = tagger.classifier.bias
        bias.assign(bias + np.float32([1e-3, 0, 0, 0, 0]))
        return tagger, list(bundle.label_set.tags)

    monkeypatch.setattr(huggingface, "load_token_classifier", load_another)
    with pytest.raises(ExportError, match=r"read back it differs .* by 0\.000"):
        export_huggingface(bundle, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_an_error(tmp_path: Path, bundle: Bundle) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        export_huggingface(bundle, tmp_path / "file" / "out")


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
    from tfner.inference.bundle import write_json
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
