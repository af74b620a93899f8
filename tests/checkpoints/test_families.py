"""Every table of a family is whole: settings, tensors, and how both are written."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest

from tfner.checkpoints.families import FAMILIES
from tfner.checkpoints.huggingface import SUFFIXES, save_encoder
from tfner.checkpoints.slots import encoder_slots
from tfner.errors import CheckpointError
from tfner.models.encoders import ENCODERS

SIZES = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_size": 12,
    "max_positions": 16,
}
PLACE = Path("config.json")
KERAS = {"name", "trainable", "dtype"}


def config_of(name: str) -> dict[str, Any]:
    """The config.json of a small model of a family."""
    family = FAMILIES[name]
    config = {key: SIZES.get(a) for a, key in family.settings.items() if a in SIZES}
    more = {"relative_attention": True, "position_biased_input": False}
    narrow = {} if name == "deberta-v2" else {"embedding_size": 4}
    return config | more | narrow | {"pad_token_id": 1}


def arguments_of(kind: type) -> set[str]:
    """What the constructors of a class and of those it is made of take."""
    found = {
        name
        for base in kind.__mro__
        if base.__module__.startswith("tfner")
        for name in inspect.signature(base.__init__).parameters
    }
    return found - {"self", "args", "kwargs", "embeddings"}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_decides_every_argument_of_its_encoder(name: str) -> None:
    family = FAMILIES[name]
    assert family.name == name
    settings = family.read_settings(config_of(name), place=PLACE)
    arguments = arguments_of(ENCODERS[family.encoder])
    assert set(settings) | {"position_offset"} == arguments | {"position_offset"}
    assert ("position_offset" in settings) or not family.offset


@pytest.mark.parametrize("name", FAMILIES)
def test_settings_are_read_as_they_were_written(name: str) -> None:
    family = FAMILIES[name]
    settings = family.read_settings(config_of(name), place=PLACE)
    encoder = family.new_encoder(settings, place=PLACE)
    written = family.write_settings(encoder)
    assert written["model_type"] == name
    assert family.read_settings(written, place=PLACE) == settings
    found = {k: v for k, v in encoder.get_config().items() if k not in KERAS}
    free = {"position_offset": 0} if "position_offset" in found else {}
    assert found == free | settings


@pytest.mark.parametrize("name", FAMILIES)
def test_tensors_of_a_family_fill_every_weight_once(name: str) -> None:
    family = FAMILIES[name]
    settings = family.read_settings(config_of(name), place=PLACE)
    encoder = family.new_encoder(settings, place=PLACE)
    slots = encoder_slots(encoder, family.tensors, SUFFIXES)
    assert len(slots) == len(encoder.weights)
    names = [source for slot in slots for source in slot.sources]
    assert len(names) == len(set(names))
    assert not any(map(family.skips, names))


def test_a_map_that_leaves_a_weight_out_is_refused() -> None:
    family = FAMILIES["bert"]
    tensors = {k: v for k, v in family.tensors.items() if "positions" not in k}
    family = replace(family, tensors=tensors)
    encoder = family.new_encoder(
        family.read_settings(config_of("bert"), place=PLACE), place=PLACE
    )
    with pytest.raises(CheckpointError, match=r"Encoder, whose .*positions.* has none"):
        encoder_slots(encoder, family.tensors, SUFFIXES)


def test_an_argument_that_the_encoder_does_not_have_is_refused() -> None:
    family = FAMILIES["bert"]
    with pytest.raises(CheckpointError, match="of family bert have no `no_dropout`"):
        family.read_settings(config_of("bert"), place=PLACE, no_dropout=0.1)


def test_an_encoder_without_a_family_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="Received: encoder=Dense"):
        save_encoder(keras.layers.Dense(3), tmp_path)
