"""Settings: what one is, and a config that is read from TOML, `--set` and flags.

A field's name is the key in the TOML file, the argument in Python and, with dashes, the
flag on the command line. Sections only order the file.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self, get_args, get_type_hints

from tfner.errors import ConfigError, joined, unknown

REMOVED = {
    "borders": "`borders` is now `misaligned`.",
    "prefilter": "`prefilter` is gone: all queries of span extraction are run. Leave "
    "it out.",
}
"""What is said of settings of earlier versions."""


def setting(
    default: Any,
    help: str,
    *,
    section: str,
    choices: Sequence[str] = (),
    low: float | None = None,
    high: float | None = None,
    needed: bool = False,
) -> Any:
    """A field of a config: its default, what it does, and what it may be."""
    about = {
        "help": help,
        "section": section,
        "choices": tuple(choices),
        "low": low,
        "high": high,
        "needed": needed,
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


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The base of a config: a dataclass whose every field is made by `setting`.

    Raises:
        ConfigError: values out of range or that contradict each other, all at once.
    """

    def __post_init__(self) -> None:
        for about in fields(self):
            object.__setattr__(self, about.name, plain(getattr(self, about.name)))
        problems = [
            f"`{about.name}` is not set. Give --{about.name} or set it in the file."
            for about in fields(self)
            if about.metadata["needed"] and not getattr(self, about.name)
        ]
        wrong = all_misfits(
            type(self), {a.name: getattr(self, a.name) for a in fields(self)}
        )
        problems += wrong or self.contradictions()
        if problems:
            raise ConfigError(joined(problems, what="problems in the settings"))

    def contradictions(self) -> list[str]:
        """Settings that do not go together, in sentences; each is right by itself."""
        return []

    def replace(self, **changes: Any) -> Self:
        """The same settings but for `changes`, checked again."""
        return dataclasses.replace(self, **changes)

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """What every setting is where none is given."""
        return {about.name: about.default for about in fields(cls)}

    def to_json(self) -> dict[str, Any]:
        """All settings by name."""
        return dataclasses.asdict(self)

    def to_toml(self) -> str:
        """What `--config` reads back: one table a section, unset values left out."""
        import tomli_w

        tables: dict[str, dict[str, Any]] = {}
        for about in fields(self):
            value = getattr(self, about.name)
            if value is not None:
                value = list(value) if isinstance(value, tuple) else value
                tables.setdefault(about.metadata["section"], {})[about.name] = value
        return tomli_w.dumps(tables)


def all_misfits(kind: type[Settings], values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the values of known settings, in sentences."""
    hints = get_type_hints(kind)
    return [
        problem
        for about in fields(kind)
        if about.name in values
        for problem in misfits(about, hints[about.name], values[about.name])
    ]


def read_settings(
    kind: type[Settings],
    presets: Mapping[str, Mapping[str, Any]],
    path: Path | None,
    assignments: Sequence[str],
    flags: Mapping[str, Any],
) -> dict[str, Any]:
    """Settings of a TOML file, then `section.key=value`, then flags that are not None.

    Any of them may name a `preset`, which yields to every setting that is given.

    Args:
        kind: whose settings.
        presets: by name.
        path: of the TOML file, if there is one.
        assignments: texts `section.key=value`.
        flags: by name.

    Raises:
        ConfigError: the file cannot be read, a key does not exist or sits in the wrong
            section, or a value may not be; all problems at once.
    """
    known = {about.name: about.metadata["section"] for about in fields(kind)}
    known["preset"] = "training"
    hints = get_type_hints(kind)
    found: dict[str, Any] = {}
    problems: list[str] = []
    given = [] if path is None else _toml_items(path)
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals:
            problems.append(f"--set takes section.key=value. Received: {text}")
            continue
        section, name = _split_key(key, known)
        parsed = _parsed(value, hints.get(name, str))
        given.append((f"--set {key}", section, name, parsed))
    for place, section, name, value in given:
        if name not in known:
            gone = REMOVED.get(name)
            problems.append(f"{place}: {gone or unknown('setting', name, known)}")
        elif known[name] != section:
            problems.append(f"{place}: `{name}` belongs to section [{known[name]}].")
        else:
            found[name] = plain(value)
    found |= {n: plain(value) for n, value in flags.items() if value is not None}
    preset = found.pop("preset", None)
    if preset is not None and preset not in presets:
        problems.append(unknown("`preset`", str(preset), presets))
    found = {**presets.get(str(preset), {}), **found}
    problems += all_misfits(kind, found)
    if problems:
        raise ConfigError(joined(problems, what="problems in the settings"))
    return found


def _toml_items(path: Path) -> list[tuple[str, str, str, Any]]:
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


def _split_key(key: str, known: Mapping[str, str]) -> tuple[str, str]:
    section, dot, name = key.strip().partition(".")
    return (section, name) if dot else (known.get(section, ""), section)


def _parsed(text: str, hint: Any) -> Any:
    """A value as TOML would read it, or the bare text where that does not fit."""
    try:
        value = plain(tomllib.loads(f"value = {text}")["value"])
    except ValueError:
        return text.strip()
    return value if fits(value, hint) or str not in kinds(hint) else text.strip()
