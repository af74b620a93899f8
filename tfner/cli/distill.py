"""`tfner distill`: its flags are the fields of `DistillConfig`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from tfner.cli.flags import (
    Config,
    Preset,
    Report,
    Set,
    WriteConfig,
    given_settings,
    with_settings,
    write_config,
)
from tfner.cli.options import Json, NoVerify, TrustGraph, with_groups
from tfner.cli.output import print_json, print_text, summary
from tfner.cli.process import resumable
from tfner.cli.server_options import ServerOptions
from tfner.config.distill import DistillConfig, read_settings
from tfner.storage.output import OutputPolicy
from tfner.storage.remote import import_tensorflow


@dataclass(frozen=True)
class TeacherOptions:
    """Options for a teacher that another program has trained."""

    heading: ClassVar = "Parts that the teacher does not carry"

    teacher_tokenizer: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Tokenizer of a teacher that carries none, such as an old SavedModel.",
        ),
    ] = None
    label_mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Tags of the teacher with their ids: .json or .pkl of tag -> id, .txt "
            "of one a line, or a config.json with id2label.",
        ),
    ] = None
    no_verify: NoVerify = False
    trust_graph: TrustGraph = False

    def extras(self) -> dict[str, Any]:
        """Give the options that are set as `Bundle.load` takes them."""
        given = {
            "tokenizer": self.teacher_tokenizer,
            "label_mapping": self.label_mapping,
            "digests": False if self.no_verify else None,
            "trust_graph": self.trust_graph or None,
        }
        return {name: value for name, value in given.items() if value is not None}


@with_settings(DistillConfig, without=("teacher",))
@with_groups
def command(
    settings: dict[str, Any],
    parts: TeacherOptions,
    server: ServerOptions,
    teacher: Annotated[
        str | None,
        typer.Argument(help="Model that is learned from: what tfner predict takes."),
    ] = None,
    config: Config = None,
    set: Set = None,
    preset: Preset = None,
    to_file: WriteConfig = None,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Train a small model on what a large one says of raw texts; writes a bundle.

    The student learns the teacher's probabilities for the words of raw texts, and of a
    training corpus these and the tags. All other settings are those of `tfner train`.
    """
    flags = {**settings, "teacher": teacher}
    given = given_settings(flags, config, set, preset, read=read_settings)
    chosen = DistillConfig(**given)
    if to_file is not None:
        write_config(chosen, to_file)
        return
    chosen.check_needed()
    if report is not None:
        OutputPolicy(report, chosen.saving.overwrite).check()
    import_tensorflow()
    from tfner.finetuning.distill import run_distillation

    extras = {**parts.extras(), **server.settings()}
    overwrite = chosen.saving.overwrite
    with resumable("goes on after the last finished epoch", overwrite=overwrite):
        result = run_distillation(chosen, extras=extras, report=report)
    if as_json:
        print_json(result)
    else:
        print_text(summary(result))
