"""`tfner encoders`, and short names where commands take an encoder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from tfner import recommended as module
from tfner.recommended import recommended


@pytest.fixture
def cached(
    tmp_path: Path, encoder_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The directory of electra-small in a cache that holds nothing else, offline."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(module, "PACKAGES", {})
    folder = tmp_path / "hub" / "models--google--electra-small-discriminator"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0a1b", "utf-8")
    return shutil.copytree(encoder_directory, folder / "snapshots" / "0a1b")


def test_the_list_tells_what_is_here(tfner, cached) -> None:
    result = tfner("encoders")
    assert result.code == 0, result.err
    rows = {line.split()[0]: line for line in result.out.splitlines() if line}
    assert " yes " in rows["electra-small"]
    assert " - " in rows["electra-base"]
    for name, encoder in recommended().items():
        assert encoder.hub_id in rows[name]
        assert encoder.licence in rows[name]
        assert f" {encoder.layers} " in rows[name]
    assert "hf download HUB_ID" in result.out


def test_the_list_is_one_document_by_language(tfner, cached) -> None:
    found = json.loads(tfner("encoders", "--language", "japanese", "--json").out)
    assert {row["language"] for row in found} == {"Japanese", "multilingual"}
    assert found[0]["name"] == "ja-bert"
    everything = json.loads(tfner("encoders", "--json").out)
    places = {row["name"]: row["directory"] for row in everything}
    assert [name for name, place in places.items() if place] == ["electra-small"]
    assert Path(places["electra-small"]) == cached
    said = tfner("encoders", "--language", "japanes").sentence
    assert "did you mean 'Japanese'?" in said


def test_commands_take_short_names(tfner, cached, toy_corpus, tmp_path) -> None:
    train = ("--train", toy_corpus / "train.conll", "--output", tmp_path / "out")
    small = ("--max-length", 32, "--batch-size", 4, "--no-jit-compile")
    result = tfner("train", *train, "--encoder", "electra-small", *small, "--dry-run")
    assert result.code == 0, result.err
    told = "encoder: electra-small is google/electra-small-discriminator (Apache-2.0)"
    assert result.err.count(told) == 1
    more = (*small, "--steps", 1000)  # than there are: nothing is trained
    result = tfner("find-lr", *train, "--encoder", "electra-small", *more)
    assert "batches, the test takes 1000 steps" in result.sentence
    assert result.err.count(told) == 1
    for command in ("train", "find-lr"):
        said = tfner(command, *train, "--encoder", "bert-base").sentence
        assert "hf download google-bert/bert-base-cased --local-dir DIR" in said
        said = tfner(command, *train, "--encoder", "elektra-small").sentence
        assert (
            "`tfner encoders` lists short names. Did you mean 'electra-small'?" in said
        )
        assert "hf download" not in said
