"""`tfner find-lr`: the learning rate at which the loss falls fastest."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from tfner.cli.flags import Config, Preset, Set, chosen_settings, with_settings
from tfner.cli.options import Json
from tfner.cli.output import (
    print_json,
    print_text,
)
from tfner.config import limits
from tfner.config.train import TrainConfig
from tfner.storage.output import OutputPolicy
from tfner.storage.remote import address, import_tensorflow

logger = logging.getLogger(__name__)

PICTURE, RECORD = "learning_rate.png", "learning_rate.json"


TEST = "Range of learning rates"
WITHOUT = (
    *("dev", "test", "dev_fraction", "dev_seed", "decode", "nested"),
    *("tune_thresholds", "epochs", "learning_rate", "warmup_ratio", "warmup_steps"),
    *("ema", "best", "patience", "trials", "save_every", "keep_epochs", "resume"),
    *("show_mistakes", "tensorboard", "lora_only"),
)
"""Settings of training that decide nothing here."""


def rate_option(help: str) -> Any:
    """Make an option of a learning rate."""
    bounds: dict[str, Any] = {"min": 1e-30, "max": limits.RATE}
    return typer.Option(metavar="RATE", help=help, rich_help_panel=TEST, **bounds)


@with_settings(TrainConfig, without=WITHOUT)
def command(
    settings: dict[str, Any],
    low: Annotated[float, rate_option("First learning rate.")] = 1e-6,
    high: Annotated[float, rate_option("Last learning rate.")] = 1e-1,
    steps: Annotated[
        int,
        typer.Option(
            min=1, max=1_000_000, help="Number of steps.", rich_help_panel=TEST
        ),
    ] = 100,
    mode: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How the rate rises: exponential or linear.",
            rich_help_panel=TEST,
        ),
    ] = "exponential",
    config: Config = None,
    set: Set = None,
    preset: Preset = None,
    json: Json = False,
) -> None:
    """Find a learning rate: train a few steps under a rising one, and throw them away.

    Takes the files of settings of `tfner train`. Writes a picture and the figures to
    --output.
    """
    chosen = chosen_settings(settings, config, set, preset)
    chosen.check_needed()
    output = Path(chosen.saving.output)
    for name in (PICTURE, RECORD):
        OutputPolicy(output / name, chosen.saving.overwrite).check()
    import_tensorflow()
    from tfner.finetuning.lr_finder import find_learning_rate
    from tfner.reports.figures import draw_range_test
    from tfner.storage.atomic import whole_files, write_json

    found = find_learning_rate(
        chosen,
        low=low,
        high=high,
        steps=steps,
        mode=mode,
    )
    drawn = draw_range_test(found.rates, found.losses, found.smoothed, found.suggestion)
    with whole_files(output, overwrite=chosen.saving.overwrite) as stage:
        (stage / PICTURE).write_bytes(drawn["png"])
        write_json(stage / RECORD, found.to_json())
    logger.info("picture: %s", address(output / PICTURE))
    if json:
        print_json(found.to_json())
    elif found.suggestion is None:
        print_text("no suggestion: the loss never fell. Widen --low and --high.")
    else:
        print_text(
            f"suggestion: `tfner train --learning-rate {found.suggestion:.2g}`, where "
            f"the loss falls fastest; try also {found.lowest / 10:.2g}, a tenth of the "
            "rate at which it is lowest"
        )
