"""Flags of a command that are the fields of a config."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tfner.config.base import Settings
from tfner.config.files import to_commented_toml
from tfner.config.pretrain import PretrainConfig
from tfner.config.sections import Leaf, parts
from tfner.config.train import PRESETS, OutputConfig, TrainConfig, read_settings
from tfner.storage.atomic import whole_file
from tfner.storage.output import check_file

Reader = Callable[[Path | None, Sequence[str], Mapping[str, Any]], dict[str, Any]]
"""Reads file, assignments and flags, as `tfner.config.train.read_settings` does."""

FILES = "Settings in files"
"""Heading of the options that are about settings, and are none."""

Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="TOML file of settings; options win over it.",
        rich_help_panel=FILES,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SECTION.KEY=VALUE",
        help="A setting that wins over the file; may be repeated.",
        rich_help_panel=FILES,
    ),
]
WriteConfig = Annotated[
    Path | None,
    typer.Option(
        "--write-config",
        metavar="FILE",
        help="Write all settings with their help to a new TOML file, - for standard "
        "output, and do nothing else.",
        rich_help_panel=FILES,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Directory for a report on test, or on dev where there is no test.",
        rich_help_panel=OutputConfig.heading,
    ),
]


def preset_option(presets: Iterable[str], default: str = "") -> Any:
    """Make the option that names published settings."""
    names = " | ".join(presets) + (f"; default: {default}" if default else "")
    return typer.Option(
        metavar="NAME",
        help="Published settings; every setting that is given wins over them. "
        f"[{names}]",
        rich_help_panel=FILES,
    )


Preset = Annotated[str | None, preset_option(PRESETS)]


def chosen_settings(
    settings: dict[str, Any],
    file: Path | None,
    assignments: list[str] | None,
    preset: str | None,
) -> TrainConfig:
    """Make the config of a training run; see `given_settings`."""
    return TrainConfig(**given_settings(settings, file, assignments, preset))


def given_settings(
    settings: dict[str, Any],
    file: Path | None,
    assignments: list[str] | None,
    preset: str | None,
    *,
    read: Reader = read_settings,
) -> dict[str, Any]:
    """Settings of a run that are given somewhere.

    Args:
        settings: the flags that were given, which win over the rest.
        file: TOML file of `--config`.
        assignments: values of `--set`, which win over the file.
        preset: name of `--preset`, over which all others win.
        read: reads those of the kind of run; of training if not given.

    Raises:
        ConfigError: settings are wrong; all are named.
    """
    return read(file, assignments or [], {**settings, "preset": preset})


def write_config(config: TrainConfig | PretrainConfig, path: Path) -> None:
    """Write a file that `--config` reads, with the help of every setting.

    Raises:
        ConfigError: the file exists, and is not to be overwritten.
    """
    replaces = check_file(path, config.saving.overwrite)
    with whole_file(path, replaces=replaces) as stream:
        stream.write(to_commented_toml(config.replace(overwrite=False, resume=False)))


def flag(leaf: Leaf) -> inspect.Parameter:
    """A command-line option for one setting; not given means None."""
    kind = next(part for part in parts(leaf.hint) if part is not type(None))
    names = leaf.option
    if kind is bool and not leaf.switch:
        names += f"/--no-{names.removeprefix('--')}"
    if kind == tuple[str, ...]:
        kind = list[str]
    elif leaf.choices:
        kind = str
    option = typer.Option(
        names,
        help=leaf.about,
        metavar=leaf.word or None,
        rich_help_panel=leaf.owner.heading,
        show_default=False,
    )
    return inspect.Parameter(
        leaf.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _at_commas(value: Any) -> Any:
    """Split the values of a flag that may be repeated; others stay as they are."""
    if not isinstance(value, list):
        return value
    return [part.strip() for text in value for part in text.split(",")]


def with_settings(
    kind: type[Settings], *, without: Container[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one flag per setting, passed on as `settings`, a dict.

    Flags that are not given are not in it.

    Args:
        kind: of config.
        without: settings that do nothing in this command.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in signature.parameters.items()
            if name != "settings"
        ]
        flags = [flag(f) for n, f in kind.leaves().items() if n not in without]

        def command(**arguments: Any) -> None:
            given = {p.name: arguments.pop(p.name) for p in own}
            settings = {n: v for n, v in arguments.items() if v not in (None, [])}
            function(settings={n: _at_commas(v) for n, v in settings.items()}, **given)

        command.__signature__ = inspect.Signature([*flags, *own])  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in [*flags, *own]}
        command.__doc__ = function.__doc__
        return command

    return decorate
