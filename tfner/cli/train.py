"""`tfner train`: its flags are the fields of `TrainConfig`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tfner.cli.flags import (
    Config,
    Preset,
    Report,
    Set,
    WriteConfig,
    chosen_settings,
    with_settings,
    write_config,
)
from tfner.cli.options import Json
from tfner.cli.output import print_json, print_text, summary
from tfner.cli.process import resumable
from tfner.config.train import TrainConfig
from tfner.storage.output import OutputPolicy
from tfner.storage.remote import import_tensorflow


@with_settings(TrainConfig)
def command(
    settings: dict[str, Any],
    config: Config = None,
    set: Set = None,
    preset: Preset = None,
    to_file: WriteConfig = None,
    report: Report = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show what would be done, and do nothing: counts, steps, memory, the "
            "first sentence.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Train a model on a corpus and write a bundle."""
    chosen = chosen_settings(settings, config, set, preset)
    if to_file is not None:
        write_config(chosen, to_file)
        return
    chosen.check_needed()
    if report is not None:
        OutputPolicy(report, chosen.saving.overwrite).check()
    # Only now: the settings may be wrong, and this import takes seconds.
    import_tensorflow()
    from tfner.finetuning.train import run_trials

    if dry_run:
        show_plan(chosen, json=json)
        return
    overwrite = chosen.saving.overwrite
    with resumable("goes on after the last finished epoch", overwrite=overwrite):
        result = run_trials(chosen, report=report)
    if json:
        print_json(result)
    else:
        print_text(summary(result))


def show_plan(config: TrainConfig, *, json: bool) -> None:
    """Print what a run would do."""
    from tfner.finetuning.dry_run import dry_run, render

    found = dry_run(config)
    if json:
        print_json(found)
    else:
        print_text(render(found))
