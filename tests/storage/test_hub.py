"""Models of the hubs without a network: the cache, and one sentence."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import constants, errors

from tfner.checkpoints.loading import directory_of, load_encoder, open_encoder
from tfner.errors import StorageError
from tfner.recommended import recommended
from tfner.storage.hub import cached_model, fetch_model, is_hub_id, local_model
from tfner.tokenization import load_tokenizer

Put = Callable[[str, Path], Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts models into a cache of the hub, which is out of reach."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    def model(hub_id: str, source: Path) -> Path:
        folder = tmp_path / f"models--{hub_id.replace('/', '--')}"
        snapshot: Path = shutil.copytree(source, folder / "snapshots" / "0a1b")
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text("0a1b", "utf-8")
        return snapshot

    return model


def test_a_short_name_is_read_from_the_cache_with_its_tokenizer(
    put: Put, encoder_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = put("google/electra-small-discriminator", encoder_directory)
    with caplog.at_level("INFO", logger="tfner"):
        encoder = load_encoder("electra-small")
    assert encoder.hidden_size == 32
    assert caplog.messages == [
        "encoder: electra-small is google/electra-small-discriminator (Apache-2.0)"
    ]
    own = load_tokenizer(encoder_directory)
    assert load_tokenizer("electra-small").vocab_size == own.vocab_size
    assert load_tokenizer(directory_of("electra-small")).vocab_size == own.vocab_size
    hub_id = recommended()["electra-small"].hub_id
    assert cached_model(hub_id, ["model.safetensors"]) == snapshot
    assert cached_model(hub_id, ["tf_model.h5"]) is None
    assert cached_model("google/electra-base-discriminator", ["config.json"]) is None


def test_what_is_not_in_the_cache_is_said_with_the_way_to_bring_it(put: Put) -> None:
    name = "google/electra-small-discriminator"
    for wrong in (open_encoder, load_tokenizer):
        with pytest.raises(StorageError, match=f"hf download {name} --local-dir DIR"):
            wrong("electra-small")
    with pytest.raises(StorageError, match=r"`tfner encoders`.*mean 'electra-small'\?"):
        open_encoder("elektra-small")


def test_a_directory_of_that_name_wins_and_says_so(
    encoder_directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(encoder_directory, "electra-small")
    with caplog.at_level("INFO", logger="tfner"):
        assert load_encoder("electra-small").hidden_size == 32
    assert "from the directory electra-small, not from google/" in caplog.text
    assert directory_of("electra-small") == Path("electra-small")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (errors.GatedRepoError, 403, r"a/b: .*Agree on https://huggingface.co/a/b"),
        (errors.RepositoryNotFoundError, 404, "a/b: .*hub has none of this name"),
        (errors.HfHubHTTPError, 500, r"a/b: .*\(server down\)\. Where there is"),
    ],
)
def test_what_the_hub_answers_is_one_sentence(
    error: type[errors.HfHubHTTPError],
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(*_: object, **__: object) -> str:
        request = httpx2.Request("GET", "https://huggingface.co")
        response = httpx2.Response(status, request=request)
        raise error("server down\nRequest ID: 1", response=response)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", answer)
    with pytest.raises(StorageError, match=message) as raised:
        fetch_model("a/b", ["config.json"])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *(("bert-base-cased", True), ("a/b", True), (Path("a/b"), True)),
        *(("a/b/c", False), ("/a", False), ("./a", False), ("gs://a/b", False)),
    ],
)
def test_hub_ids_are_told_from_paths(name: str | Path, is_one: bool) -> None:
    assert is_hub_id(name) is is_one


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What kagglehub is asked for; KerasHub has one preset."""
    handles: list[str] = []

    def download(handle: str) -> str:
        handles.append(handle)
        if handle.startswith("nobody/"):
            raise ValueError("Invalid model handle\nsecond line")
        return str(tmp_path)

    presets = {"bert_base_en": {"kaggle_handle": "kaggle://keras/bert/keras/base/3"}}
    models = SimpleNamespace(Backbone=SimpleNamespace(presets=presets))
    kagglehub = SimpleNamespace(model_download=download)
    monkeypatch.setitem(sys.modules, "keras_hub", SimpleNamespace(models=models))
    monkeypatch.setitem(sys.modules, "kagglehub", kagglehub)
    return handles


@pytest.mark.parametrize(
    ("name", "handle"),
    [
        ("bert_base_en", "keras/bert/keras/base/3"),
        ("me/bert/keras/mine", "me/bert/keras/mine"),
        ("kaggle://me/bert/keras/mine", "me/bert/keras/mine"),
    ],
)
def test_presets_come_from_kaggle(
    name: str, handle: str, asked: list[str], tmp_path: Path
) -> None:
    assert local_model(f"keras_hub:{name}") == tmp_path
    assert asked == [handle]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "bert_base_eng",
            r"no preset of this name\. Did you mean 'keras_hub:bert_base_en",
        ),
        ("me/bert", r"no preset of this name\. They are on"),
        ("nobody/a/b/c", r"\(Invalid model handle\)\. .*bring DIR here"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_presets_that_are_not_there_are_one_sentence(name: str, message: str) -> None:
    with pytest.raises(StorageError, match=rf"keras_hub:{name}: .*{message}") as raised:
        local_model(f"keras_hub:{name}")
    assert "\n" not in str(raised.value)


def test_presets_by_name_need_keras_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(StorageError, match=r'pip install "tfner\[keras_hub\]"'):
        load_encoder("keras_hub:bert_base_en")
    with pytest.raises(StorageError, match=r'pip install "tfner\[keras_hub\]"'):
        load_tokenizer("keras_hub:bert_base_en")
