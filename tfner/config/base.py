"""A config: sections, made of settings by name or given whole.

A setting's name is the key in the TOML file, the argument in Python and, with dashes,
the flag on the command line, whichever section it stands in.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, Self, TypeVar, get_type_hints

from tfner.config.sections import (
    WHAT,
    Leaf,
    Section,
    plain,
    problems_of,
    texts,
    with_arguments,
)
from tfner.errors import ConfigError, joined, unknown

Kind = TypeVar("Kind", bound="Settings")


@dataclass(frozen=True, init=False)
class Settings:
    """The base of a config.

    Args:
        given: settings by name, and whole sections by theirs; a setting wins over the
            section that it belongs to.

    Raises:
        ConfigError: names that do not exist, values out of range or that contradict
            each other, all at once.
    """

    renamed: ClassVar[Mapping[str, str]] = {}
    """Names of earlier versions, and their successors."""
    removed: ClassVar[Mapping[str, str]] = {}
    """Names of earlier versions without one successor, and what to say of them."""
    former: ClassVar[Mapping[str, Any]] = {}
    """Defaults of earlier versions that None has taken the place of."""
    before: ClassVar[Mapping[str, Any]] = {}
    """What records without a setting mean by that, where it is not the default; given
    where a setting has no place, it does no harm."""
    moved: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Tables of earlier files, and the settings that may still stand there; all of them
    if none is named."""
    _hints: ClassVar[dict[str, Any]]

    def __init__(self, **given: Any) -> None:
        kinds = self.kinds()
        whole = {
            n: v for n, v in given.items() if n in kinds and isinstance(v, Section)
        }
        self._fill(whole, {n: v for n, v in given.items() if n not in whole})

    def _fill(self, whole: Mapping[str, Section], single: Mapping[str, Any]) -> None:
        table = self.leaves()
        problems = [self.stranger(name) for name in single if name not in table]
        known = {n: plain(value) for n, value in single.items() if n in table}
        problems += problems_of(table, known)
        for name in self.kinds() if not problems else ():
            values = {n: v for n, v in known.items() if table[n].section == name}
            made, found = self._make(name, whole.get(name), values)
            object.__setattr__(self, name, made)
            problems += found
        problems = problems or self.contradictions()
        if problems:
            raise ConfigError(joined(problems, what=WHAT))

    def _make(
        self, name: str, whole: Section | None, values: dict[str, Any]
    ) -> tuple[Section, list[str]]:
        """A section of a whole one and single values, and what is wrong with it."""
        kinds, base = self.kinds()[name], self._hints[name]
        if whole is not None and not isinstance(whole, base):
            wrong = (
                f"`{name}` must be a {base.__name__}. Received: {type(whole).__name__}"
            )
            return whole, [wrong]
        chosen = values.pop(name, None)
        if chosen is None and whole is not None:
            kind = type(whole)
        else:
            kind = kinds[chosen or next(iter(kinds))]
        values = self.override(whole.to_json() if whole else {}, values)
        own, defaults = kind.leaves(), self.defaults()
        usual = {n: (defaults[n], self.before.get(n, ...)) for n in defaults}
        others = [n for n in values if n not in own and values[n] not in usual[n]]
        made = object.__new__(kind)
        for leaf in own.values():
            object.__setattr__(made, leaf.name, values.get(leaf.name, leaf.default))
        return made, _misplaced(name, kind, kinds, others) + made.settle()

    def contradictions(self) -> list[str]:
        """Settings of several sections that do not go together, in sentences."""
        return []

    @classmethod
    def kinds(cls) -> dict[str, Mapping[str, type[Section]]]:
        """The classes of every section by name; the name of a single one is empty."""
        if "_hints" not in vars(cls):
            cls._hints = get_type_hints(cls)
        hints = {about.name: cls._hints[about.name] for about in fields(cls)}
        return {name: hint.kinds or {"": hint} for name, hint in hints.items()}

    @classmethod
    def leaves(cls) -> dict[str, Leaf]:
        """All settings by name, in the order of the sections."""
        found: dict[str, Leaf] = {}
        for name, kinds in cls.kinds().items():
            if "" not in kinds:
                help = next(
                    texts(base)[name] for base in cls.__mro__ if name in texts(base)
                )
                about = (Literal[tuple(kinds)], next(iter(kinds)), help)
                owner = next(iter(next(iter(kinds.values())).leaves().values())).owner
                found[name] = Leaf(name, owner, *about, section=name)
            for kind in kinds.values():
                for leaf in kind.leaves().values():
                    found.setdefault(leaf.name, replace(leaf, section=name))
        return found

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Give every setting its default, by name."""
        return {name: leaf.default for name, leaf in cls.leaves().items()}

    @classmethod
    def override(
        cls, lower: Mapping[str, Any], higher: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Lay settings on top of others; one of an exclusive group unsets the rest."""
        unset = {
            other: None
            for kinds in cls.kinds().values()
            for kind in kinds.values()
            for group in kind.exclusive
            for name in group
            if higher.get(name) is not None
            for other in group
        }
        return {**lower, **unset, **higher}

    @classmethod
    def stranger(cls, name: str) -> str:
        """Say in a sentence that a setting of this name does not exist."""
        if name in cls.renamed:
            return f"`{name}` is now `{cls.renamed[name]}`."
        if name in cls.removed:
            return f"`{name}` {cls.removed[name]}"
        return unknown("setting", name, cls.leaves())

    @classmethod
    def translated(cls, record: Mapping[str, Any]) -> dict[str, Any]:
        """Settings as an earlier version stored them, by the names of this one."""
        return {
            **{name: v for name, v in cls.before.items() if name not in record},
            **{
                cls.renamed.get(name, name): value
                for name, value in record.items()
                if name not in cls.removed and value != cls.former.get(name, ...)
            },
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Make a config of what `to_json` gave, in this version or an earlier one."""
        return cls(**cls.translated(record))

    def check_needed(self, *besides: str) -> None:
        """Check that what no run can do without is given.

        Args:
            besides: settings that this run can do without.

        Raises:
            ConfigError: names all that is missing.
        """
        values = self.to_json()
        problems = [
            f"`{leaf.name}` is not set. Give {leaf.option} or set it in the file."
            for leaf in self.leaves().values()
            if leaf.needed and not values[leaf.name] and leaf.name not in besides
        ]
        if problems:
            raise ConfigError(joined(problems, what=WHAT))

    def replace(self, **changes: Any) -> Self:
        """Make a checked config that differs in `changes`, settings or sections."""
        kinds = self.kinds()
        whole = {name: getattr(self, name) for name in kinds}
        given = {
            n: v for n, v in changes.items() if n in kinds and isinstance(v, Section)
        }
        made = object.__new__(type(self))
        made._fill(whole | given, {n: v for n, v in changes.items() if n not in given})
        return made

    def to_json(self) -> dict[str, Any]:
        """All settings by name."""
        found: dict[str, Any] = {}
        for name, kinds in self.kinds().items():
            section = getattr(self, name)
            if "" not in kinds:
                found[name] = next(
                    n for n, kind in kinds.items() if type(section) is kind
                )
            found |= section.to_json()
        return found

    def to_toml(self) -> str:
        """Write what `--config` reads back, a table a section, without unset values."""
        import tomli_w

        table = self.leaves()
        tables: dict[str, dict[str, Any]] = {name: {} for name in self.kinds()}
        for name, value in self.to_json().items():
            if value is not None:
                tables[table[name].section][name] = value
        return tomli_w.dumps(tables)


def with_leaves(kind: type[Kind]) -> type[Kind]:
    """Let a config's signature and docstring show every setting, as `help()` does."""
    leaves = kind.leaves().values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    kind.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(f.name, keyword, default=f.default, annotation=f.hint)
            for f in leaves
        ]
    )
    kind.__doc__ = with_arguments(kind.__doc__, leaves)
    return kind


def _misplaced(
    name: str,
    kind: type[Section],
    kinds: Mapping[str, type[Section]],
    settings: list[str],
) -> list[str]:
    """What to say of settings that other kinds of a section have."""
    problems = []
    for word, other in kinds.items():
        found = ", ".join(f"`{n}`" for n in settings if n in other.leaves())
        if found and other is not kind:
            problems.append(
                f"{found}: settings of --{name} {word} alone. Received: "
                f"{name}={kind.name}. Leave them out, or change it."
            )
    return problems
