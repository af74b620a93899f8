"""Fixtures that several test modules use."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Chance finds faults where someone looks for them, not where a change is checked.
# Nor does time, on a machine that is shared.
settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# Before TensorFlow is loaded: what it says belongs to no test's output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

Weights = dict[str, Any]
SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what is loaded by now, and stays.

    Every training collects twice: 0.6 s each time over the libraries and all tests.
    """
    gc.freeze()


Heed = Callable[[Callable[[str], object]], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def heed() -> Heed:
    """`with heed(hear):` calls `hear` with every note; what it raises ends the run."""

    @contextmanager
    def listening(hear: Callable[[str], object]) -> Iterator[None]:
        class Listener(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                hear(record.getMessage())

        logger, listener = logging.getLogger("tfner"), Listener()
        level = logger.level
        logger.addHandler(listener)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(listener)
            logger.setLevel(level)

    return listening


@pytest.fixture(scope="session")
def run_apart() -> Callable[..., Any]:
    """What runs a SavedModel in a process of its own, as exports do."""
    from tfner_export.saved_model import session_process

    return session_process.run_apart


@pytest.fixture(scope="session", autouse=True)
def _exports_in_this_process(run_apart: Callable[..., Any]) -> Iterator[None]:
    """Exports run their unusual batches without a process of their own: 5 s each."""
    from tfner_export.saved_model import session_process

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_process, "run_apart", session_process.run)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora and vocabularies beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"the real corpora are not at {SHARED}")
    return SHARED


TOY_NAMES = {
    "PER": ("anna", "bert", "carla", "dmitri", "emma", "farid"),
    "LOC": ("paris", "rome", "oslo", "lima", "cairo", "quito"),
    "ORG": ("acme", "globex", "initech", "umbrella", "hooli", "stark"),
}
TOY_PATTERNS = (
    "PER lives in LOC",
    "PER Jones works for ORG Corp in LOC",
    "ORG Corp hired PER and PER",
    "we flew from LOC to LOC on monday",
    "the office of ORG Corp is in LOC",
    "nothing happened today",
)


def toy_sentences(count: int, *, first: int = 0) -> list[list[tuple[str, str]]]:
    """Words and tags; each name has one label, so that a tiny model can learn them."""
    sentences = []
    for number in range(first, first + count):
        rows, place, label = [], number, "O"
        for word in TOY_PATTERNS[number % len(TOY_PATTERNS)].split():
            if word in TOY_NAMES:
                label, place = word, place + 5
                rows.append((TOY_NAMES[word][place // 5 % 6], f"B-{word}"))
            elif word in ("Jones", "Corp"):
                rows.append((word, f"I-{label}"))
            else:
                rows.append((word, "O"))
        # A number of its own: no two sentences are equal, so that any can be held out.
        sentences.append([*rows, (f"no{number}", "O")])
    return sentences


def write_columns(path: Path, sentences: list[list[tuple[str, str]]]) -> Path:
    blocks = ("".join(f"{w}\t{t}\n" for w, t in rows) for rows in sentences)
    path.write_text("\n".join(blocks) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def toy_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of train.conll (60 sentences), dev.conll and test.conll (12 each)."""
    folder = tmp_path_factory.mktemp("toy_corpus")
    write_columns(folder / "train.conll", toy_sentences(60))
    write_columns(folder / "dev.conll", toy_sentences(12, first=60))
    write_columns(folder / "test.conll", toy_sentences(12, first=72))
    return folder


def write_tiny_tokenizer(folder: Path) -> int:
    """tokenizer.json and vocab.txt of a few hundred pieces; returns how many."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = {word.lower() for pattern in TOY_PATTERNS for word in pattern.split()}
    words |= {name for names in TOY_NAMES.values() for name in names}
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    pieces += [f"##{letter}" for letter in letters] + sorted(words - set(letters))
    (folder / "vocab.txt").write_text("".join(f"{p}\n" for p in pieces), "utf-8")
    ids = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"])
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return len(pieces)


def tiny_bert(
    vocab_size: int, *, width: int = 32, layers: int = 2, positions: int = 64
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A BERT's config.json and its tensors as transformers names them, random."""
    import numpy as np

    config = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "vocab_size": vocab_size,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 2 * width,
        "max_position_embeddings": positions,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }
    random = np.random.default_rng(0)
    tensors: dict[str, Any] = {}

    def dense(name: str, out: int, into: int) -> None:
        tensors[f"{name}.weight"] = random.normal(0, 0.1, (out, into)).astype("float32")
        tensors[f"{name}.bias"] = np.zeros(out, "float32")

    def norm(name: str) -> None:
        tensors[f"{name}.LayerNorm.weight"] = np.ones(width, "float32")
        tensors[f"{name}.LayerNorm.bias"] = np.zeros(width, "float32")

    for kind, rows in (
        ("word", vocab_size),
        ("position", positions),
        ("token_type", 2),
    ):
        name = f"embeddings.{kind}_embeddings"
        dense(name, rows, width)
        del tensors[f"{name}.bias"]
    norm("embeddings")
    for number in range(layers):
        layer = f"encoder.layer.{number}"
        for part in ("query", "key", "value"):
            dense(f"{layer}.attention.self.{part}", width, width)
        dense(f"{layer}.attention.output.dense", width, width)
        norm(f"{layer}.attention.output")
        dense(f"{layer}.intermediate.dense", 2 * width, width)
        dense(f"{layer}.output.dense", width, 2 * width)
        norm(f"{layer}.output")
    dense("pooler.dense", width, width)
    return config, tensors


def write_tiny_encoder(folder: Path, **settings: int) -> Path:
    """A whole Hugging Face directory: config, weights, tokenizer."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    vocab_size = write_tiny_tokenizer(folder)
    config, tensors = tiny_bert(vocab_size, **settings)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def encoder_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with random weights: 1 layer, 32 wide, 64 positions."""
    folder = tmp_path_factory.mktemp("encoder") / "tiny-bert"
    return write_tiny_encoder(folder, layers=1)


@pytest.fixture(scope="session")
def long_encoder_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `encoder_directory`, with the 512 positions that encoders usually have."""
    folder = tmp_path_factory.mktemp("encoder") / "long-tiny-bert"
    return write_tiny_encoder(folder, layers=1, positions=512)


@pytest.fixture(scope="session")
def toy_settings(encoder_directory: Path, toy_corpus: Path) -> dict[str, Any]:
    """Settings that `TrainConfig` takes, but for the output; learnt within seconds."""
    return {
        "train": str(toy_corpus / "train.conll"),
        "dev": str(toy_corpus / "dev.conll"),
        "encoder": str(encoder_directory),
        "max_length": 32,
        "epochs": 2,
        "batch_size": 16,
        "learning_rate": 5e-3,
        "jit_compile": False,
        "recipe": "published",
    }


@pytest.fixture(scope="session")
def toy_bundle(
    tmp_path_factory: pytest.TempPathFactory,
    toy_settings: dict[str, Any],
    toy_corpus: Path,
) -> Path:
    """A trained model with a fair F1; read it only."""
    from tfner.config.train import TrainConfig
    from tfner.finetuning.train import train

    output = tmp_path_factory.mktemp("toy_bundle") / "model"
    test = str(toy_corpus / "test.conll")
    settings = toy_settings | {"epochs": 8, "test": test, "output": str(output)}
    return train(TrainConfig(**settings)).directory


@pytest.fixture(scope="session")
def pretraining_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pretraining data of toy sentences: rows of 32 pieces."""
    from tfner.pretraining.dataset.build import build_pretraining_data
    from tfner.tokenization import load_tokenizer

    folder = tmp_path_factory.mktemp("pretraining")
    write_tiny_tokenizer(folder)
    text = [" ".join(word for word, _ in rows) for rows in toy_sentences(240)]
    articles = ["\n".join(text[n : n + 12]) for n in range(0, len(text), 12)]
    (folder / "text.txt").write_text("\n\n".join(articles) + "\n", "utf-8")
    build_pretraining_data(
        [str(folder / "text.txt")],
        load_tokenizer(folder),
        folder / "rows",
        max_length=32,
        processes=1,
    )
    return folder / "rows"


JAPANESE_PIECES = (
    "ノルウェー の 劇 作家 ヘン ##リック ##・ ##イ ##プ ##セン ##詩 『 "
    "ペー ##ル ##ギュ ##ント 』 登場 人物 に 因ん で 命名 さ れ た 。 "
    "本 ##日 は 晴 ##天 なり"
)


@pytest.fixture(scope="session")
def japanese_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare vocab.txt: the pieces of two documented sentences and the special ones.

    They are the pieces that the vocabulary of bert-base-japanese-whole-word-masking
    gives, in an order of their own.
    """
    folder = tmp_path_factory.mktemp("japanese")
    special = "[PAD] [UNK] [CLS] [SEP] [MASK]"
    pieces = f"{special} {JAPANESE_PIECES}".split()
    (folder / "vocab.txt").write_text("".join(f"{p}\n" for p in pieces), "utf-8")
    return folder


@pytest.fixture
def config(toy_settings: dict[str, Any], tmp_path: Path) -> Callable[..., Any]:
    """Makes settings of a short run into `tmp_path / "model"`."""
    from tfner.config.train import TrainConfig

    def make(**changes: Any) -> Any:
        settings = toy_settings | {"output": str(tmp_path / "model")} | changes
        return TrainConfig(**settings)

    return make


@pytest.fixture
def weights() -> Callable[[Path], Weights]:
    """Reads every weight of a bundle by its name."""

    import h5py

    from tfner.inference.weights import WEIGHTS

    def read(bundle: Path) -> Weights:
        found: Weights = {}

        def keep(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = item[()]

        with h5py.File(bundle / WEIGHTS) as file:
            file.visititems(keep)
        assert found
        return found

    return read


@pytest.fixture
def same() -> Callable[[Weights, Weights], bool]:
    """Whether two models are equal bit for bit."""
    import numpy as np

    def compare(one: Weights, other: Weights) -> bool:
        return one.keys() == other.keys() and all(
            np.array_equal(one[name], other[name]) for name in one
        )

    return compare


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """Runs `tfner` with these arguments; returns the text that it prints."""
    from tfner.cli import main

    logger = logging.getLogger("tfner")
    handlers, level = logger.handlers[:], logger.level

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["tfner", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main.main()
        shown = capsys.readouterr()
        assert not end.value.code, shown.err
        return shown.out

    yield run
    logger.handlers[:] = handlers
    logger.setLevel(level)


def alive(kind: type) -> set[int]:
    """Return the ids of all objects of a class that are not let go.

    `isinstance` would ask proxies of other libraries for their class, which may warn.
    """
    gc.collect()
    return {id(thing) for thing in gc.get_objects() if issubclass(type(thing), kind)}
