"""Flags of a command that are the fields of a config."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from tfner.config.base import Settings
from tfner.config.sections import Leaf, parts

Config = Annotated[
    Path | None, typer.Option(help="TOML file of settings; flags win over it.")
]
Set = Annotated[
    list[str] | None, typer.Option(help="section.key=value, over the file.")
]


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
