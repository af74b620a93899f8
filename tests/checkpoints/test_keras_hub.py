"""Presets of KerasHub are read without it, and give what it gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tfner.checkpoints.keras_hub import is_preset, open_preset
from tfner.errors import CheckpointError

IDS = np.array([[2, 7, 4, 9, 3], [3, 8, 5, 0, 0]], np.int32)
MASK = np.array([[1] * 5, [1, 1, 1, 0, 0]], np.int32)
TYPES = np.array([[0, 0, 1, 1, 1], [0] * 5], np.int32)


@pytest.mark.parity
def test_a_bert_preset_gives_what_its_backbone_gives(tmp_path: Path) -> None:
    keras_hub = pytest.importorskip("keras_hub", reason="--no-deps keras-hub")
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=30,
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=12,
        max_sequence_length=16,
    )
    random = np.random.default_rng(0)
    for weight in backbone.weights:
        weight.assign(random.normal("gamma" in weight.path, 0.3, weight.shape))
    backbone.save_to_preset(str(tmp_path))
    assert is_preset(tmp_path)
    encoder = open_preset(tmp_path).load()
    batch = {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": TYPES}
    named = {"token_ids": IDS, "padding_mask": MASK, "segment_ids": TYPES}
    found = np.asarray(encoder(batch))
    expected = np.asarray(backbone(named)["sequence_output"])
    assert np.abs(found - expected)[MASK > 0].max() < 2e-5


def test_a_backbone_that_is_not_known_is_one_sentence(tmp_path: Path) -> None:
    config = {"class_name": "FNetBackbone", "registered_name": "x", "config": {}}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(CheckpointError, match="unknown backbone 'FNetBackbone'"):
        open_preset(tmp_path)
