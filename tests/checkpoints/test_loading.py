"""`--encoder` takes directories, hub ids and checkpoints, and trains from them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.checkpoints import huggingface
from tfner.checkpoints.google import load_google_encoder
from tfner.checkpoints.loading import directory_of, load_encoder, open_encoder
from tfner.errors import CheckpointError


@pytest.fixture(scope="module")
def electra(google: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a checkpoint; read it only."""
    folder: Path = tmp_path_factory.mktemp("checkpoint") / "electra"
    google.save(folder, google.electra())
    return folder


@pytest.mark.parametrize(
    "form", ["{}", "{}/model.ckpt-1000", "{}/model.ckpt-1000.index"]
)
@pytest.mark.parametrize("part", ["discriminator", "generator"])
def test_checkpoints_are_found_by_any_of_their_names(
    part: Any, form: str, electra: Path
) -> None:
    name = form.format(electra) + ("#generator" if part == "generator" else "")
    found = load_encoder(name, hidden_dropout=0.4)
    expected = load_google_encoder(electra, part=part)
    for ours, theirs in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert found.hidden_dropout == 0.4
    assert Path(directory_of(name)) == electra


def test_a_directory_of_both_kinds_is_one_of_hugging_face(
    electra: Path, golden: Any, directory: Any
) -> None:
    stored = golden("bert")
    folder = directory(stored.config, stored.tensors)
    for path in electra.iterdir():
        shutil.copy(path, folder)
    assert load_encoder(folder).family == "bert"


def test_ids_stay_ids_beside_checkpoints_of_another_name(
    electra: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(electra)
    asked: list[str | Path] = []

    def find(name: str | Path) -> Path:
        asked.append(name)
        return Path(name)

    monkeypatch.setattr(huggingface, "find_directory", find)
    monkeypatch.setattr(huggingface, "open_huggingface_encoder", lambda *_, **__: None)
    open_encoder("bert-base-cased")
    assert asked == [directory_of("bert-base-cased")] == ["bert-base-cased"]
    assert load_encoder("model.ckpt-1000.index").family == "electra"


def test_a_step_that_was_not_kept_is_no_hub_id(
    electra: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(electra.parent)
    with pytest.raises(CheckpointError, match=r"Give one .*electra/model\.ckpt-1000"):
        load_encoder("electra/model.ckpt-77")


def test_training_takes_encoder_and_tokenizer_of_a_checkpoint(
    google: Any,
    electra: Path,
    tmp_path: Path,
    encoder_directory: Path,
    toy_settings: dict[str, Any],
) -> None:
    from tfner.config.train import TrainConfig
    from tfner.finetuning.model import make_encoder
    from tfner.finetuning.training_data import make_task
    from tfner.schemes import LabelSet

    prefix = shutil.copytree(electra, tmp_path / "electra") / "model.ckpt-1000"
    pieces = (encoder_directory / "vocab.txt").read_text(encoding="utf-8").split("\n")
    text = "\n".join(pieces[: google.vocab_size])
    (prefix.parent / "vocab.txt").write_text(text, encoding="utf-8")
    settings = {"encoder": f"{prefix}#generator", "output": str(tmp_path / "model")}
    settings |= {"max_length": google.positions}
    config = TrainConfig(**toy_settings | settings)
    task = make_task(config, LabelSet(["PER"]))
    assert task.tokenizer.vocab_size == google.vocab_size
    assert make_encoder(config, None).make().hidden_size == 6
