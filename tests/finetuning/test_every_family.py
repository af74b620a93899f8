"""A tagger of every family, from training to both exports."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from tfner.checkpoints.families import FAMILIES
from tfner.checkpoints.huggingface import save_encoder

CONFIGS: dict[str, dict[str, Any]] = {
    "deberta-v2": {
        "relative_attention": True,
        "pos_att_type": "c2p|p2c",
        "position_buckets": 8,
        "position_biased_input": False,
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
    },
}
# Embeddings come first: where they are as wide as the layers, one key holds both.
SIZES = {
    "embedding_size": 16,
    "hidden_size": 32,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_size": 64,
    "max_positions": 64,
}
CONFIGS["modernbert"] = {"local_attention": 8}
CONFIGS["eurobert"] = {"num_key_value_heads": 1}
NEW = [name for name in FAMILIES if FAMILIES[name].encoder != "bert"]


@pytest.fixture
def directory(request: Any, tmp_path: Path, encoder_directory: Path) -> Path:
    """A new encoder of the family, with the tokenizer of the toy corpus."""
    family = FAMILIES[request.param]
    pieces = len((encoder_directory / "vocab.txt").read_text("utf-8").splitlines())
    config = {family.settings[k]: v for k, v in SIZES.items() if k in family.settings}
    config |= {"vocab_size": pieces, "pad_token_id": 1} | CONFIGS.get(family.name, {})
    keras.utils.set_random_seed(0)
    settings = family.read_settings(config, place="config.json")
    folder = tmp_path / "encoder"
    settings |= {"initializer_range": 0.1}
    save_encoder(family.new_encoder(settings, place=folder), folder)
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).write_bytes((encoder_directory / name).read_bytes())
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("directory", NEW, indirect=True)
def test_the_commands_take_a_family_from_training_to_both_exports(
    command: Callable[..., str], directory: Path, toy_corpus: Path, tmp_path: Path
) -> None:
    corpora = ("--train", toy_corpus / "train.conll", "--dev", toy_corpus / "dev.conll")
    model = ("--encoder", directory, "--output", tmp_path / "model")
    rates = ("--learning-rate", 5e-3, "--batch-size", 16, "--max-length", 32)
    more = ("--layerwise-lr-decay", 0.9, "--recompute", "--no-jit-compile", "--json")
    lines = command("train", *corpora, *model, *rates, *more, "--epochs", 16)
    report = json.loads(lines)
    assert report["filled_positions"] > 0.8  # its rows are packed
    assert report["dev"]["f1"] > 0.7

    exports = {}
    for name, more in {"saved-model": ("--max-length", 32), "huggingface": ()}.items():
        flags = ("--format", name, *more, "--json")
        record = json.loads(
            command("export", tmp_path / "model", tmp_path / name, *flags)
        )
        exports[name] = record[name.replace("-", "_")]
    for path in (tmp_path / "model", *exports.values()):
        scores = json.loads(
            command("evaluate", path, toy_corpus / "dev.conll", "--json")
        )
        assert scores["f1"] == pytest.approx(report["dev"]["f1"]), path
