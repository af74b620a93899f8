"""MkDocs hook: fills the page of commands from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

MARK = "<!-- commands -->"
WIDTH = 100


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the help of all commands in the place of the mark."""
    if MARK not in markdown:
        return markdown
    sections = [f"## {n}\n\n```text\n{help_of(n, c)}\n```\n" for n, c in commands()]
    return markdown.replace(MARK, "\n".join(sections))


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its words, such as `tfner corpus check`."""
    from tfner.cli.main import app

    yield from _leaves("tfner", typer.main.get_command(app))


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    parts = getattr(command, "commands", None)
    if parts is None:
        yield name, command
    for part, child in (parts or {}).items():
        yield from _leaves(f"{name} {part}", child)


def help_of(name: str, command: Any) -> str:
    """Return what `--help` prints."""
    context = command.context_class(
        command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH
    )
    text: str = command.get_help(context)
    return text
