"""`tfner pretrain`: its flags are the fields of `PretrainConfig`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tfner.cli.flags import (
    Config,
    Set,
    WriteConfig,
    given_settings,
    preset_option,
    with_settings,
    write_config,
)
from tfner.cli.options import Json
from tfner.cli.output import print_json, print_text
from tfner.cli.process import resumable
from tfner.config import limits
from tfner.config.pretrain import (
    PRETRAIN_PRESETS,
    PretrainConfig,
    PretrainOutputConfig,
    read_pretrain_settings,
)
from tfner.errors import ConfigError
from tfner.storage.publishing import version_of
from tfner.storage.remote import import_tensorflow


@with_settings(PretrainConfig)
def command(
    settings: dict[str, Any],
    config: Config = None,
    set: Set = None,
    preset: Annotated[str | None, preset_option(PRETRAIN_PRESETS, "small")] = None,
    to_file: WriteConfig = None,
    export_step: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=limits.STEPS,
            help="Write the models of this checkpoint, and do nothing else: "
            "OUTPUT/encoder-STEP, generator-STEP, google-STEP. Needs --output alone.",
            rich_help_panel=PretrainOutputConfig.heading,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Pretrain an encoder on what `tfner pretrain-data` wrote.

    OUTPUT/encoder is a Hugging Face directory, which `tfner train --encoder` takes.
    """
    found = given_settings(settings, config, set, preset, read=read_pretrain_settings)
    if to_file is not None:
        write_config(PretrainConfig(**found), to_file)
        return
    if export_step is not None:
        result = _exported(found.get("output"), export_step)
    else:
        result = _pretrained(PretrainConfig(**found))
    if json:
        print_json(result)
    else:
        print_text(f"encoder: {result['encoder']}\nmasked LM: {result['masked_lm']}")


def _exported(output: str | None, step: int) -> dict[str, Any]:
    if not output:
        raise ConfigError("--export-step needs --output, the directory of the run.")
    import_tensorflow()
    from tfner.pretraining.export import export

    return {**export(Path(output), step, suffix=f"-{step}"), "step": step}


def _pretrained(config: PretrainConfig) -> dict[str, Any]:
    config.check_needed()
    import_tensorflow()
    from tfner.pretraining.run import pretrain

    overwrite, output = config.saving.overwrite, config.saving.output
    replaced = version_of(output) if overwrite else None
    with resumable(
        "goes on after the last save",
        overwrite=overwrite,
        saved=lambda: replaced is None or version_of(output) != replaced,
    ):
        return pretrain(config)
