"""Settings in files: read from TOML with `--set` and flags on top, and written."""

from __future__ import annotations

import textwrap
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tfner.config.base import Settings
from tfner.config.sections import WHAT, Leaf, fits, plain, problems_of
from tfner.errors import ConfigError, joined, unknown

PRESET = "preset"
WIDTH = 88


class Given(NamedTuple):
    """A setting of a file or of `--set`, and where it stands."""

    place: str
    section: str
    name: str
    value: Any


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
        kind: of config.
        presets: by name.
        path: of the TOML file, if there is one.
        assignments: texts `section.key=value`.
        flags: by name.

    Raises:
        ConfigError: the file cannot be read, a key does not exist or sits in the wrong
            section, or a value may not be; all problems at once.
    """
    table = kind.leaves()
    problems = [
        f"--set takes section.key=value. Received: {text}"
        for text in assignments
        if "=" not in text
    ]
    in_file = [] if path is None else list(_items_of(path))
    assigned = [_assigned(text, table) for text in assignments if "=" in text]
    problems += _repeated(assigned, flags, table)
    layers = []
    for items in (in_file, assigned):
        layers.append({i.name: plain(i.value) for i in items if not _wrong(i, kind)})
        problems += filter(None, (_wrong(item, kind) for item in items))
    layers.append({n: plain(value) for n, value in flags.items() if value is not None})
    preset = next((layer[PRESET] for layer in layers[::-1] if PRESET in layer), None)
    if preset is not None and preset not in presets:
        problems.append(unknown("`preset`", str(preset), presets))
    found = dict(presets.get(str(preset), {}))
    for layer in layers:
        layer.pop(PRESET, None)
        found = kind.override(found, layer)
    found = {name: value for name, value in found.items() if value is not None}
    for layer in layers:  # also what another one wins over must be right
        problems += problems_of(table, {n: v for n, v in layer.items() if n in table})
    problems = list(dict.fromkeys(problems))
    if problems:
        raise ConfigError(joined(problems, what=WHAT))
    return found


def _repeated(
    assigned: Sequence[Given], flags: Mapping[str, Any], table: Mapping[str, Leaf]
) -> Iterator[str]:
    """What to say of settings that `--set` gives beside another word on them."""
    times = Counter(item.name for item in assigned)
    for name, count in times.items():
        if flags.get(name) is not None:
            option = table[name].option if name in table else f"--{name}"
            yield f"{option} and --set both give `{name}`. Leave one of them out."
        if count > 1:
            yield f"--set gives `{name}` {count} times. Leave all but one out."


def _items_of(path: Path) -> Iterator[Given]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is no valid TOML: {error}.") from error
    for section, items in tables.items():
        if not isinstance(items, dict):
            yield Given(str(path), "", section, items)
            continue
        for name, value in items.items():
            yield Given(str(path), section, name, value)


def _assigned(text: str, table: Mapping[str, Leaf]) -> Given:
    key, _, value = text.partition("=")
    section, dot, name = key.strip().rpartition(".")
    leaf = table.get(name)
    if not dot:
        section = leaf.section if leaf else ""
    return Given(f"--set {key}", section, name, _parsed(value, leaf))


def _parsed(text: str, leaf: Leaf | None) -> Any:
    """A value as TOML would read it, or the bare text where that does not fit."""
    try:
        value = plain(tomllib.loads(f"value = {text}")["value"])
    except ValueError:
        return text.strip()
    takes_text = leaf is None or fits("", leaf.hint)
    fitting = leaf is not None and fits(value, leaf.hint)
    return value if fitting or not takes_text else text.strip()


def _wrong(given: Given, kind: type[Settings]) -> str | None:
    """What is wrong with the place or the name of a setting."""
    table, (place, section, name, _) = kind.leaves(), given
    if name == PRESET:
        return None
    if name not in table:
        return f"{place}: {kind.stranger(name)}"
    was = kind.moved.get(section)
    if section == table[name].section or (was is not None and (not was or name in was)):
        return None
    return f"{place}: `{name}` belongs to section [{table[name].section}]."


def to_commented_toml(settings: Settings) -> str:
    """Write what `--config` reads back: all settings with their help."""
    import tomli_w

    table, lines, section = settings.leaves(), [], ""
    for name, value in settings.to_json().items():
        leaf = table[name]
        if leaf.section != section:
            section = leaf.section
            lines += [f"[{section}]", ""]
        lines += textwrap.wrap(
            leaf.about, WIDTH, initial_indent="# ", subsequent_indent="# "
        )
        unset = value is None or (leaf.needed and not value)
        if unset:
            lines.append(f"# {name} = {leaf.word}")
        else:
            lines.append(tomli_w.dumps({name: value}).rstrip("\n"))
        lines.append("")
    return "\n".join(lines)
