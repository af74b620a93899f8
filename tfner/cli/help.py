"""Commands: how their help looks, and that an option is given once."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import OptionInfo, ParameterInfo

WORDS = {int: "N", float: "X", Path: "PATH", str: "TEXT"}
"""What stands for the value of an option that has no word of its own."""


def add_command(
    app: typer.Typer, function: Callable[..., None], name: str | None = None
) -> None:
    """Add a command whose values have words and whose options have headings.

    Args:
        app: what the command belongs to.
        function: its parameters are annotated as Typer wants them.
        name: of the command; that of the function if None.
    """
    signature = inspect.signature(function, eval_str=True)
    for word, parameter in signature.parameters.items():
        kind, *more = get_args(parameter.annotation)
        for about in more:
            if isinstance(about, ParameterInfo) and about.metavar is None:
                is_option = isinstance(about, OptionInfo)
                about.metavar = _word(kind) if is_option else word.upper()
    # Evaluated once: Typer would make the annotations anew, without the words.
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__annotations__ = {
        n: parameter.annotation for n, parameter in signature.parameters.items()
    }
    app.command(name, cls=Command)(function)


def _word(hint: Any) -> str | None:
    kinds = [part for part in (get_args(hint) or (hint,)) if part is not type(None)]
    kind = get_args(kinds[0])[0] if get_args(kinds[0]) else kinds[0]
    return WORDS.get(kind)


class OnceEach:
    """Refuses an option that is given again, of which Click takes the last."""

    def parse_args(self: Any, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line.

        Raises:
            UsageError: an option is given twice that takes one value, or is unknown.
        """
        if not ctx.resilient_parsing:
            *_, given = self.make_parser(ctx).parse_args(args=[*args])
            for parameter, times in Counter(given).items():
                if times > 1 and not (parameter.multiple or parameter.is_eager):
                    name = "/".join([*parameter.opts, *parameter.secondary_opts])
                    ctx.fail(f"{name} is given {times} times. Give it once.")
        found: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
        return found


class Command(OnceEach, TyperCommand):
    """A command whose options stand under the headings that they name."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line, those of arguments by their metavars."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        words = [str(p.metavar) for p in arguments if p.required]
        words += [f"[{p.metavar}]" for p in arguments if not p.required]
        return ["[OPTIONS]", *words]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then each heading with its options, required ones first."""
        for heading, records in self._groups(ctx).items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def _groups(self, ctx: Any) -> dict[str, list[tuple[str, str]]]:
        groups: dict[str, list[Any]] = {}
        for parameter in self.get_params(ctx):
            is_argument = parameter.param_type_name == "argument"
            usual = "Arguments" if is_argument else "Options"
            heading = getattr(parameter, "rich_help_panel", None) or usual
            groups.setdefault(heading, []).append(parameter)
        last = groups.pop("Options", [])  # after the settings, with --help
        groups |= {"Options": last} if last else {}
        return {
            heading: list(_records(sorted(group, key=_is_optional), ctx))
            for heading, group in groups.items()
        }

    def get_short_help_str(self, limit: int = 0) -> str:
        """The first sentence of the help, however long."""
        return first_sentence(self.help)


class Group(OnceEach, TyperGroup):
    """A group of commands, described by a whole sentence."""

    def get_short_help_str(self, limit: int = 0) -> str:
        """The first sentence of the help, however long."""
        return first_sentence(self.help)


def first_sentence(text: str | None) -> str:
    """The first sentence of a docstring, on one line."""
    start = " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())
    return start.partition(". ")[0].rstrip(".") + "."


def _is_optional(parameter: Any) -> bool:
    return not (parameter.required or "[required]" in (parameter.help or ""))


def _records(parameters: list[Any], ctx: Any) -> Iterator[tuple[str, str]]:
    for parameter in parameters:
        record = parameter.get_help_record(ctx)
        if record is not None:
            names, text = record
            if parameter.param_type_name == "argument":
                names = parameter.metavar
            yield names, " ".join(text.split())
