"""Training moves the vectors of the pieces that it meets; all else is as without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.checkpoints.loading import load_encoder
from tfner.config.train import TrainConfig
from tfner.finetuning.train import train
from tfner.models.encoders.stack import StackedEncoder
from tfner.tokenization import load_tokenizer

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
        {"layout": "padded", "accumulate": 2, "ema": 0.5, "clip_norm": 0.1},
        *(
            pytest.param(change, marks=pytest.mark.slow)
            for change in (
                {"layerwise_lr_decay": 0.5, "jit_compile": True},
                {"epochs": 6, "bias_correction": False},
            )
        ),
    ],
    ids=lambda change: "-".join(change) or "plain",
)
def test_all_weights_are_those_of_a_whole_table(config, trained, change) -> None:
    ours, whole = trained(weight_decay=0.0, **change)
    assert ours.keys() == whole.keys()
    for name, array in whole.items():
        np.testing.assert_allclose(ours[name], array, atol=2e-6, err_msg=name)
    before = load_encoder(config().model.encoder).embeddings.pieces.embeddings.numpy()
    moved = (ours[TABLE] != before).any(axis=1)
    np.testing.assert_array_equal(moved, met(config()))


def test_weight_decay_leaves_pieces_that_are_not_met(config, trained) -> None:
    ours, whole = trained(weight_decay=0.5)
    before = load_encoder(config().model.encoder).embeddings.pieces.embeddings.numpy()
    known = met(config())
    known[PAD] = True  # rows are filled with it: it is met, though it has no gradient
    assert not known.all()
    np.testing.assert_array_equal(ours[TABLE][~known], before[~known])
    shrunk = whole[TABLE][~known] / before[~known]
    assert shrunk.max() < 0.999
    np.testing.assert_allclose(shrunk, shrunk.mean(), rtol=1e-4)
    ours[TABLE], whole[TABLE] = ours[TABLE][known], whole[TABLE][known]
    for name, array in whole.items():
        np.testing.assert_allclose(ours[name], array, atol=2e-6, err_msg=name)
