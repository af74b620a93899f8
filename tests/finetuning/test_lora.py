"""LoRA in whole runs: what learns, what is saved, what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.checkpoints.loading import load_encoder
from tfner.config.train import TrainConfig
from tfner.errors import BundleError, ConfigError
from tfner.finetuning.train import train
from tfner.inference.adapters import ADAPTERS
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.inference.weights import WEIGHTS
from tfner.storage.digests import write_digests

from .conftest import Stop, stop_in_epoch

LORA: dict[str, Any] = {"lora": 4, "lora_alpha": 8, "learning_rate": 2e-2}
KERNELS = {
    f"block_0/{name}/kernel"
    for name in (
        *("query_key_value", "attention_output"),
        *("intermediate", "output_dense"),
    )
}


def changed(encoder: Any, directory: str) -> set[str]:
    """Names of the weights that differ from those in a directory."""
    before = load_encoder(directory)
    return {
        weight.path.partition(f"{encoder.name}/")[2]
        for weight, old in zip(encoder.weights, before.weights, strict=True)
        if not np.array_equal(weight.numpy(), old.numpy())
    }


@pytest.fixture(scope="module")
def base(encoder_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder that tests may move."""
    return shutil.copytree(encoder_directory, tmp_path_factory.mktemp("base") / "bert")


@pytest.fixture(scope="module")
def trained(
    toy_settings: dict[str, Any], base: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Trains with adapters; the same run, whatever is saved of it."""

    def run(name: str, **saving: Any) -> Path:
        output = tmp_path_factory.mktemp(name) / "model"
        settings = toy_settings | LORA | {"epochs": 8, "encoder": str(base)}
        config = TrainConfig(**settings, **saving, output=str(output))
        return train(config).directory

    return run


@pytest.fixture(scope="module")
def whole(trained: Callable[..., Path]) -> Path:
    return trained("whole")


@pytest.fixture(scope="module")
def small(trained: Callable[..., Path]) -> Path:
    """The same run, saved without the encoder."""
    return trained("small", lora_only=True, keep_epochs=True)


def test_the_saved_model_is_an_ordinary_one_with_changed_kernels(
    whole: Path, base: Path
) -> None:
    bundle = Bundle.load(whole)
    model = bundle.load_model()
    assert changed(model.encoder, str(base)) == KERNELS
    assert not any("lora" in weight.path for weight in model.weights)
    assert bundle.metrics["dev"]["f1"] > 0.8
    assert Predictor.load(whole, verify=True)


def test_a_small_model_is_the_whole_one_once_its_encoder_is_there(
    whole: Path, small: Path
) -> None:
    assert not (small / WEIGHTS).exists()
    assert (small / ADAPTERS).stat().st_size < (whole / WEIGHTS).stat().st_size / 3
    models = [Bundle.load(path).load_model() for path in (whole, small)]
    for one, other in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6, err_msg=one.path)
    assert Predictor.load(small, verify=True)
    assert Predictor.load(small / "epochs" / "1")


def test_commands_read_a_small_model_by_the_name_or_place_of_its_encoder(
    small: Path,
    base: Path,
    toy_corpus: Path,
    tmp_path: Path,
    command: Callable[..., str],
) -> None:
    dev, expected = toy_corpus / "dev.conll", Bundle.load(small).metrics["dev"]["f1"]
    assert json.loads(command("evaluate", small, dev, "--json"))["f1"] == expected
    moved = base.rename(base.with_name("moved"))
    try:
        with pytest.raises(BundleError) as told:
            Predictor.load(small)
        sentence = str(told.value)
        assert f"{small} was saved without its encoder, which cannot be" in sentence
        assert f"loaded from {base} " in sentence
        assert sentence.endswith("Give its place by --encoder.")

        there = ("--encoder", moved)
        found = json.loads(command("evaluate", small, dev, *there, "--json"))
        assert found["f1"] == expected
        sides = ("compare", small, dev, dev)
        compared = json.loads(command(*sides, *there, "--json"))
        assert compared["difference"] == pytest.approx(1 - expected)
        text = ("--text", "anna lives in paris", "--to", "jsonl")
        assert '"entities": [{' in command("predict", small, *text, *there)
        out = tmp_path / "hf"
        command("export", small, out, "--format", "huggingface", *there)
        assert changed(load_encoder(out), str(moved)) == KERNELS
    finally:
        moved.rename(base)


def test_another_encoder_is_refused(
    small: Path, base: Path, long_encoder_directory: Path
) -> None:
    with pytest.raises(BundleError, match="has other weights than that had"):
        Predictor.load(small, encoder=long_encoder_directory)


@pytest.mark.slow
def test_the_files_of_its_encoder_are_compared_unless_that_is_not_wanted(
    small: Path, base: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(base, tmp_path / "copy")
    (copy / "notes").write_text("as it was")
    write_digests(copy)
    assert Predictor.load(small, encoder=copy)
    (copy / "notes").write_text("changed")
    with pytest.raises(BundleError, match="notes has changed since it was saved"):
        Predictor.load(small, encoder=copy)
    assert Predictor.load(small, encoder=copy, digests=False)


def test_a_whole_model_takes_no_encoder(whole: Path, base: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds its own encoder.*Leave out --enc"):
        Predictor.load(whole, encoder=base)


def test_a_damaged_file_is_told(small: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(small, tmp_path / "copy")
    (copy / "digests.json").unlink()
    (copy / ADAPTERS).write_bytes(b"no tensors")
    with pytest.raises(BundleError, match=f"{ADAPTERS} is damaged"):
        Predictor.load(copy)
    (copy / ADAPTERS).unlink()
    with pytest.raises(BundleError, match=f"holds no {ADAPTERS}"):
        Predictor.load(copy)


@pytest.mark.parametrize("name", ["lora_alpha", "lora_only"])
def test_settings_of_lora_need_a_rank(config, name: str) -> None:
    with pytest.raises(ConfigError, match=f"`{name}` is a setting of LoRA"):
        config(**{name: True if name == "lora_only" else 4})


def test_an_encoder_of_the_users_own_cannot_be_left_out(config) -> None:
    settings = config(**LORA, lora_only=True)
    with pytest.raises(ConfigError, match="an encoder of your own"):
        train(settings, encoder=lambda: load_encoder(settings.model.encoder))


@pytest.mark.slow
def test_a_resumed_run_ends_as_if_never_interrupted(
    config, weights, same, monkeypatch, tmp_path
) -> None:
    settings = config(**LORA, epochs=3, ema=0.5, layerwise_lr_decay=0.5)
    uninterrupted = settings.replace(output=str(tmp_path / "whole"))
    train(uninterrupted)

    with monkeypatch.context() as patch:
        stop_in_epoch(patch, 2, 2)
        with pytest.raises(Stop):
            train(settings)
    train(settings.replace(resume=True))
    paths = (Path(s.saving.output) for s in (settings, uninterrupted))
    assert same(*map(weights, paths))
