"""`tfner encoders`: the encoders that have short names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tfner.cli.options import Json
from tfner.cli.output import print_json, print_text
from tfner.errors import ConfigError, unknown
from tfner.recommended import (
    MULTILINGUAL,
    RecommendedEncoder,
    packaged,
    recommended,
)
from tfner.storage.hub import cached_model

HEADER = (
    *("name", "layers", "width", "M weights", "tokenizer", "family", "licence"),
    *("here", "hub id"),
)
NUMBERS = ("layers", "width", "M weights")
ADVICE = (
    "`tfner train --encoder NAME` takes a name of this list, any hub id, or a "
    "directory. What is not here is fetched from the Hugging Face hub; without a "
    "network, run `hf download HUB_ID --local-dir DIR` on a machine that has one, and "
    "bring DIR."
)


def command(
    language: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only encoders of this language and multilingual ones, such as "
            "English or Japanese.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List recommended encoders: short name, sizes, tokenizer, licence and hub id.

    Tells which of them are on this machine already, installed as a package or in the
    cache of the Hugging Face hub. Needs no network.
    """
    chosen = _chosen(language)
    places = [_place(encoder) for encoder in chosen]
    if json:
        records = [
            {**asdict(encoder), "directory": place and str(place)}
            for encoder, place in zip(chosen, places, strict=True)
        ]
        print_json(records)
        return
    print_text("\n".join([*_table(chosen, places), "", ADVICE]))


def _chosen(language: str | None) -> list[RecommendedEncoder]:
    """The encoders of a language, then the multilingual ones; all for None.

    Raises:
        ConfigError: no encoder is of this language alone.
    """
    encoders = list(recommended().values())
    if language is None:
        return encoders
    names = {encoder.language.lower(): encoder.language for encoder in encoders}
    if language.lower() not in names:
        raise ConfigError(
            unknown("language", language, names.values())
            + f" For any other language give {MULTILINGUAL}."
        )
    wanted = (names[language.lower()], MULTILINGUAL)
    return [encoder for encoder in encoders if encoder.language in wanted]


def _place(encoder: RecommendedEncoder) -> Path | None:
    """Where the encoder is on this machine."""
    from tfner.checkpoints.tensors import WEIGHT_FILES

    return packaged(encoder.name) or cached_model(encoder.hub_id, WEIGHT_FILES)


def _table(
    encoders: Sequence[RecommendedEncoder], places: Sequence[Path | None]
) -> list[str]:
    """Aligned lines, those of a language under its name."""
    rows = [HEADER]
    for encoder, place in zip(encoders, places, strict=True):
        note = f" ({encoder.note})" if encoder.note else ""
        rows.append(
            (
                *(encoder.name, str(encoder.layers), str(encoder.width)),
                *(f"{encoder.millions:.1f}", encoder.tokenizer, encoder.family),
                *(encoder.licence, "yes" if place else "-", encoder.hub_id + note),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if name in NUMBERS else cell.ljust(width)
            for cell, width, name in zip(row, widths, HEADER, strict=True)
        ).rstrip()
        for row in rows
    ]
    shown, language = lines[:1], ""
    for encoder, line in zip(encoders, lines[1:], strict=True):
        if encoder.language != language:
            language = encoder.language
            shown += ["", language[:1].upper() + language[1:]]
        shown.append(line)
    return shown
