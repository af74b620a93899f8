"""`tfner tune`: the settings with the best F1 on dev."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from tfner.cli.flags import Config, Preset, Set, given_settings, with_settings
from tfner.cli.options import Json
from tfner.cli.output import print_json, print_text
from tfner.config.train import TrainConfig
from tfner.storage.remote import import_tensorflow

logger = logging.getLogger(__name__)

SEARCH = "Search"
WITHOUT = ("trials", "resume", "keep_epochs", "show_mistakes", "tensorboard")
"""Settings of training that trials do not have."""


@with_settings(TrainConfig, without=WITHOUT)
def command(
    settings: dict[str, Any],
    trials: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000,
            help="Number of trials, those of earlier calls included; 20 if neither "
            "this nor --hours is set.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(
            min=1e-6,
            max=100_000,
            help="Begin no trial after so many hours of this call.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    config: Config = None,
    set: Set = None,
    preset: Preset = None,
    json: Json = False,
) -> None:
    """Search for the settings with the best F1 on dev; keeps the best model.

    What is given is fixed. Searched are learning rate, epochs, batch size, warm-up,
    layer-wise decay, dropout, head and decoder, around what `tfner train` would take.
    The same command goes on where it was stopped. Needs the extra `tune`.
    """
    given = given_settings(settings, config, set, preset)
    chosen = TrainConfig(**given)
    chosen.check_needed()
    import_tensorflow()
    from tfner.finetuning.search_space import SEARCHED
    from tfner.finetuning.tuning import tune

    searched = [name for name in SEARCHED if name not in given]
    try:
        found = tune(chosen, searched=searched, trials=trials, hours=hours)
    except KeyboardInterrupt:
        logger.info(
            "\ninterrupted. The same command goes on after the last finished epoch."
        )
        raise
    if json:
        print_json(found)
    else:
        print_text("\n".join(summary(found)))


def summary(found: dict[str, Any]) -> Iterator[str]:
    """A table of the trials, what the best one's score is worth, and how to repeat it.

    Args:
        found: as `tune` returns it.
    """
    from tfner.reports.text import aligned

    trials = found["trials"]
    number = int(found["best"].rpartition("-")[2])
    names = list(found["searched"])
    options = [TrainConfig.leaves()[name].option.removeprefix("--") for name in names]
    rows = [("trial", "dev F1", *options)]
    for trial in trials:
        values = [str(trial["settings"].get(name, "")) for name in names]
        rows.append((str(trial["trial"]), _outcome(trial), *values))
    yield from aligned(rows)
    yield ""
    best, first = trials[number - 1], trials[0]
    yield (
        f"dev F1 {best['dev_f1']:.4f} of trial {number} is the best of {len(trials)}, "
        "and so higher than on new texts"
    )
    if number > 1 and first["dev_f1"] is not None:
        yield f"dev F1 {first['dev_f1']:.4f} of trial 1, what `tfner train` would do"
    if found["test"]:
        yield f"test F1 {found['test']['f1']:.4f} of trial {number}"
    yield f"again: tfner train --config {found['bundle']}/run.toml --output DIR"
    yield f"model: {found['bundle']}"


def _outcome(trial: dict[str, Any]) -> str:
    if trial["dev_f1"] is not None:
        return f"{trial['dev_f1']:.4f}"
    epochs = trial["dev_f1_by_epoch"]
    return f"{trial['state']} at {epochs[-1]:.4f}" if epochs else trial["state"]
