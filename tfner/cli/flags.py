"""Flags of a command that are the fields of a config."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from tfner.config.base import Settings

Config = Annotated[
    Path | None, typer.Option(help="TOML file of settings; flags win over it.")
]
Set = Annotated[
    list[str] | None, typer.Option(help="section.key=value, over the file.")
]


def _flag(field: dataclasses.Field[Any], hint: Any) -> inspect.Parameter:
    """A command-line option for one setting; not given means None."""
    about = field.metadata
    dashed = field.name.replace("_", "-")
    kind = list[str] if hint == tuple[str, ...] else _optional(hint)
    names = [f"--{dashed}/--no-{dashed}"] if kind is bool else [f"--{dashed}"]
    text = about["help"]
    if about["choices"]:
        text += f" [{'|'.join(about['choices'])}]"
    if field.default not in (None, "", ()):
        text += f" (default: {field.default})"
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            kind | None,
            typer.Option(*names, help=text, show_default=False),
        ],
    )


def _optional(hint: Any) -> Any:
    """The type inside `X | None`."""
    parts = [part for part in getattr(hint, "__args__", ()) if part is not type(None)]
    return parts[0] if parts else hint


def with_settings(
    kind: type[Settings],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one flag per field of a config, passed on as `settings`, a dict.

    Flags that are not given are not in it.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in signature.parameters.items()
            if name != "settings"
        ]
        hints = get_type_hints(kind)
        flags = [_flag(field, hints[field.name]) for field in dataclasses.fields(kind)]

        def command(**arguments: Any) -> None:
            given = {p.name: arguments.pop(p.name) for p in own}
            settings = {n: v for n, v in arguments.items() if v not in (None, [])}
            function(settings=settings, **given)

        command.__signature__ = inspect.Signature([*flags, *own])  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in [*flags, *own]}
        command.__doc__ = function.__doc__
        return command

    return decorate
