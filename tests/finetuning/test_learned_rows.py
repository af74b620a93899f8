"""Training on the rows of the pieces that it meets is training on the whole table."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.checkpoints.huggingface import save_encoder
from tfner.checkpoints.loading import load_encoder
from tfner.config.train import TrainConfig
from tfner.errors import TrainingError
from tfner.finetuning.callbacks import Progress
from tfner.finetuning.train import train
from tfner.models.encoders.stack import StackedEncoder
from tfner.tokenization import load_tokenizer
from tfner.training.arrays import load_arrays

from .conftest import Stop

STEADY = {
    "dropout": 0.0,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    # The gradient of a key bias is rounding alone; Adam would make it large.
    "adam_epsilon": 1e-5,
}
TABLE = "encoder/embeddings/pieces/vars/0"
PAD, CLS, SEP = 0, 2, 3


@pytest.fixture
def trained(config, tmp_path, weights, monkeypatch) -> Any:
    """Weights after a run, and after one whose table learns as a whole."""

    def both(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        settings = config(**STEADY | changes)
        train(settings)
        whole = settings.replace(output=str(tmp_path / "whole"))
        with monkeypatch.context() as patch:
            patch.delattr(StackedEncoder, "learn_pieces")
            train(whole)
        return tuple(weights(Path(run.saving.output)) for run in (settings, whole))

    return both


def met(config: TrainConfig) -> np.ndarray:
    """Which pieces the training corpus has, (V,) bool."""
    tokenizer = load_tokenizer(config.model.encoder)
    lines = Path(config.data.train).read_text("utf-8").splitlines()
    words = [line.split("\t")[0] for line in lines if line]
    ids = [number for word in words for number in tokenizer.encode(word).ids]
    found = np.zeros(tokenizer.vocab_size, bool)
    found[[*ids, CLS, SEP]] = True
    return found


@pytest.mark.parametrize(
    "change",
    [
        {},
        *(
            pytest.param(change, marks=pytest.mark.slow)
            for change in (
                {"layout": "padded", "accumulate": 2, "ema": 0.5, "clip_norm": 0.1},
                {"layerwise_lr_decay": 0.5, "jit_compile": True},
                {"epochs": 6, "bias_correction": False, "cycle_momentum": True},
            )
        ),
    ],
    ids=lambda change: "-".join(change) or "plain",
)
def test_all_weights_are_those_of_a_whole_table(config, trained, change) -> None:
    ours, whole = trained(weight_decay=0.5, **change)
    assert ours.keys() == whole.keys()
    for name, array in whole.items():
        np.testing.assert_allclose(ours[name], array, atol=2e-6, err_msg=name)
    before = load_encoder(config().model.encoder).embeddings.pieces.embeddings.numpy()
    others = ~met(config())
    others[PAD] = False  # rows are filled with it: it is met, though without gradient
    assert others.any()
    left = ours[TABLE][others] / before[others]
    assert left.mean() < 0.999
    np.testing.assert_allclose(left, left.mean(), rtol=1e-5)


@pytest.mark.slow
def test_scores_on_dev_are_those_of_a_whole_table(trained, tmp_path) -> None:
    """Dev has pieces that training does not meet; decay has scaled them, too."""
    trained(weight_decay=20.0, learning_rate=1e-2, best="last")
    logs = [tmp_path / name / "log.csv" for name in ("model", "whole")]
    ours, whole = (np.genfromtxt(log, delimiter=",", names=True) for log in logs)
    for name in ("loss", "dev_loss", "dev_f1"):
        np.testing.assert_allclose(ours[name], whole[name], atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_a_run_that_was_begun_with_a_whole_table_goes_on(
    config, tmp_path, weights, monkeypatch
) -> None:
    settings = config(**STEADY, weight_decay=0.5, epochs=2, ema=0.5)
    whole = settings.replace(output=str(tmp_path / "whole"))
    with monkeypatch.context() as patch:
        patch.delattr(StackedEncoder, "learn_pieces")
        train(whole)
        patch.setattr(Progress, "on_epoch_end", stop)
        with pytest.raises(Stop):
            train(settings)
    train(settings.replace(resume=True))
    ours, expected = (weights(Path(run.saving.output)) for run in (settings, whole))
    for name, array in expected.items():
        np.testing.assert_allclose(ours[name], array, atol=2e-6, err_msg=name)


@pytest.mark.slow
def test_a_run_goes_on_with_the_encoder_that_it_began_with(
    config, tmp_path, monkeypatch
) -> None:
    encoder = tmp_path / "encoder"
    shutil.copytree(config().model.encoder, encoder)
    settings = config(encoder=str(encoder), epochs=2)
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "on_epoch_end", stop)
        with pytest.raises(Stop):
            train(settings)
    (state,) = tmp_path.rglob("checkpoint.npz")
    table = tuple(load_encoder(encoder).embeddings.pieces.embeddings.shape)
    assert table not in {array.shape for array in load_arrays(state)[0]}
    other = load_encoder(encoder)
    other.embeddings.pieces.embeddings.assign_add(np.ones(table))
    save_encoder(other, encoder)
    with pytest.raises(TrainingError, match="belongs to another encoder"):
        train(settings.replace(resume=True))


def stop(*_: Any) -> None:
    raise Stop
