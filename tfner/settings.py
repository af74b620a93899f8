"""What a setting is: a field of a config with its meaning and what it may be."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, get_args

from tfner.errors import ConfigError, unknown


def setting(
    default: Any,
    help: str,
    *,
    section: str,
    choices: Sequence[str] = (),
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A field of a config: its default, what it does, and what it may be."""
    about = {
        "help": help,
        "section": section,
        "choices": tuple(choices),
        "low": low,
        "high": high,
    }
    return field(default=default, metadata=about)


def plain(value: Any) -> Any:
    """A value as it is stored: text for paths, tuples for lists."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return tuple(value) if isinstance(value, list) else value


def misfits(about: dataclasses.Field[Any], hint: Any, value: Any) -> list[str]:
    """What is wrong with a value, in sentences.

    Args:
        about: a field made by `setting`.
        hint: its type.
        value: as given, lists as tuples.
    """
    rules, name = about.metadata, about.name
    if not fits(value, hint):
        return [f"`{name}` must be {_kind(hint)}. Received: {name}={value!r}"]
    if value is None:
        return []
    if rules["choices"] and value not in rules["choices"]:
        return [unknown(f"`{name}`", str(value), rules["choices"])]
    low, high = rules["low"], rules["high"]
    too_low = low is not None and not value >= low
    if too_low or (high is not None and value > high):
        at_most = "" if high is None else f" and at most {high}"
        return [f"`{name}` must be at least {low}{at_most}. Received: {name}={value}"]
    return []


def kinds(hint: Any) -> tuple[Any, ...]:
    """The types that `X` or `X | None` allows."""
    return (tuple,) if hint == tuple[str, ...] else get_args(hint) or (hint,)


def _kind(hint: Any) -> str:
    if hint == tuple[str, ...]:
        return "a list of strings"
    names = {str: "a string", int: "an integer", float: "a number", bool: "a boolean"}
    return next(names[kind] for kind in kinds(hint) if kind in names)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type that a field is annotated with."""
    allowed = kinds(hint)
    if isinstance(value, bool):
        return bool in allowed
    if isinstance(value, tuple):
        return tuple in allowed and all(isinstance(item, str) for item in value)
    return isinstance(value, (*allowed, int) if float in allowed else allowed)


def toml_items(path: Path) -> list[tuple[str, str, str, Any]]:
    """Place, section, name and value of every setting in a TOML file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is no valid TOML: {error}.") from error
    items: list[tuple[str, str, str, Any]] = []
    for section, table in tables.items():
        if not isinstance(table, dict):
            items.append((str(path), "", section, table))
            continue
        items += [(str(path), section, name, value) for name, value in table.items()]
    return items


def split_key(key: str, known: Mapping[str, str]) -> tuple[str, str]:
    """Section and name of `section.name`, or of a name of which it is known."""
    section, dot, name = key.strip().partition(".")
    return (section, name) if dot else (known.get(section, ""), section)


def parsed(text: str, hint: Any) -> Any:
    """A value as TOML would read it, or the bare text where that does not fit."""
    try:
        value = plain(tomllib.loads(f"value = {text}")["value"])
    except ValueError:
        return text.strip()
    return value if fits(value, hint) or str not in kinds(hint) else text.strip()
