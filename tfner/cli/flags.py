"""Flags of a command that are the fields of a config."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from tfner.config.base import Settings
from tfner.config.sections import Leaf, parts
from tfner.config.train import PRESETS, TrainConfig, read_settings

Config = Annotated[
    Path | None, typer.Option(help="TOML file of settings; flags win over it.")
]
Set = Annotated[
    list[str] | None, typer.Option(help="section.key=value, over the file.")
]
Preset = Annotated[
    str | None,
    typer.Option(
        help="Published settings for an encoder's size; whatever is set wins over it. "
        f"[{'|'.join(PRESETS)}]"
    ),
]


def chosen_settings(
    settings: dict[str, Any],
    file: Path | None,
    assignments: list[str] | None,
    preset: str | None,
) -> TrainConfig:
    """Make the config of a training run.

    Args:
        settings: the flags that were given, which win over the rest.
        file: TOML file of `--config`.
        assignments: values of `--set`, which win over the file.
        preset: name of `--preset`, over which all others win.

    Raises:
        ConfigError: settings are missing or wrong; all are named.
    """
    given = {**settings, "preset": preset}
    config = TrainConfig(**read_settings(file, assignments or [], given))
    config.check_needed()
    return config


def _flag(leaf: Leaf) -> inspect.Parameter:
    """A command-line option for one setting; not given means None."""
    kind = next(part for part in parts(leaf.hint) if part is not type(None))
    annotation = list[str] if kind == tuple[str, ...] else str if leaf.choices else kind
    names = leaf.option
    if kind is bool:
        names += f"/--no-{names.removeprefix('--')}"
    return inspect.Parameter(
        leaf.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            annotation | None,
            typer.Option(names, help=leaf.about, show_default=False),
        ],
    )


def with_settings(
    kind: type[Settings],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one flag per setting, passed on as `settings`, a dict.

    Flags that are not given are not in it.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in signature.parameters.items()
            if name != "settings"
        ]
        flags = [_flag(leaf) for leaf in kind.leaves().values()]

        def command(**arguments: Any) -> None:
            given = {p.name: arguments.pop(p.name) for p in own}
            settings = {n: v for n, v in arguments.items() if v not in (None, [])}
            function(settings=settings, **given)

        command.__signature__ = inspect.Signature([*flags, *own])  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in [*flags, *own]}
        command.__doc__ = function.__doc__
        return command

    return decorate
